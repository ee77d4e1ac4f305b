-- Scale: a bot in a region that restarts at night has its sessions begin slowly then.

-- Shard counts that are multiples of four, so that four bot processes share them evenly.
function calculate_total_shards(asked, standard)
  local shards = standard(asked)
  return (shards + 3) // 4 * 4
end

-- Five seconds more between the sessions of a first start; reconnects wait for nothing.
function permit_identify(asked, standard)
  if asked.cause == "start" and asked.asked_before == 0 then return 5000 end
  return standard(asked)
end

-- Every shard says which one it is.
function make_presence(asked, standard)
  if asked.presence == "" then return "" end
  local presence = evergate.json.decode(asked.presence)
  presence.activities = { { type = 4, name = "Custom Status", state = "shard " .. asked.shard } }
  return evergate.json.encode(presence)
end
