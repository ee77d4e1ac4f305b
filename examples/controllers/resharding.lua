-- Resharding: always to a multiple of sixteen, and only when half of the day's session starts stay unused.

function decide_resharding(asked, standard)
  local target = standard(asked)
  if target == 0 then return 0 end
  target = (target + 15) // 16 * 16
  if target > asked.remaining // 2 then return 0 end
  return target
end

-- Guilds begin to move a minute after the new shards are ready, so that their caches are warm.
function permit_switch(asked, standard)
  return asked.waited >= 60 * 1000 and standard(asked)
end
