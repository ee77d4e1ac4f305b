-- Sessions: what a lost connection to Discord means.

-- 4000 "unknown error" came thrice in a row in one incident, each time before RESUMED: a new session helps.
local last_unknown = {}

function judge_close(asked, standard)
  if asked.code ~= 4000 then
    last_unknown[asked.shard] = nil
    return standard(asked)
  end
  last_unknown[asked.shard] = (last_unknown[asked.shard] or 0) + 1
  if last_unknown[asked.shard] < 3 then return standard(asked) end
  last_unknown[asked.shard] = nil
  evergate.log("warn", "shard " .. asked.shard .. " gives its session up after 4000 three times")
  return "identify"
end

-- At most ten seconds between two tries.
function reconnect_delay(asked, standard)
  return math.min(standard(asked), 10000)
end
