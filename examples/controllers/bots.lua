-- Bots: who is let in, and what they may do.

-- A consumer called "readonly-…" may ask for members and nothing else.
function on_command(asked, standard)
  if asked.consumer:sub(1, 9) == "readonly-" and asked.op ~= 8 then return false end
  return standard(asked)
end

-- Nobody but main gets presences (1 << 8); 4014: disallowed intents.
function admit_bot(asked, standard)
  if asked.consumer ~= "main" and asked.intents & 256 ~= 0 then return 4014 end
  return standard(asked)
end

-- A staging bot sees another name.
function make_ready(asked, standard)
  if asked.consumer ~= "staging" then return standard(asked) end
  local d = evergate.json.decode(asked.d)
  d.user.username = d.user.username .. " (staging)"
  return evergate.json.encode(d)
end
