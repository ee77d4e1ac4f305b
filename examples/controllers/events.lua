-- Events: what enters the queue, and who gets it.

-- No typing, and no invite links in what the queue keeps. The pattern runs only where the word is there.
function on_event(asked, standard)
  if asked.type == "TYPING_START" then return false end
  if asked.type == "MESSAGE_CREATE" and asked.d:find("discord.gg/", 1, true) then
    local d = evergate.json.decode(asked.d)
    d.content = d.content:gsub("discord%.gg/[%w-]+", "[invite]")
    return evergate.json.encode(d)
  end
  return standard(asked)
end

-- The consumer "audit" gets moderation only. Its answer depends on nothing but the question.
local audited = { GUILD_AUDIT_LOG_ENTRY_CREATE = true, GUILD_BAN_ADD = true, GUILD_BAN_REMOVE = true }

function deliver_event(asked, standard)
  if asked.consumer == "audit" then return audited[asked.type] == true end
  return standard(asked)
end

-- Of a full queue messages older than an hour go first.
function choose_overflow(asked, standard)
  local message = asked.groups.message
  if message.there and message.oldest > 3600 * 1000 then return "message" end
  return standard(asked)
end
