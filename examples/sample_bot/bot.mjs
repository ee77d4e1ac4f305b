// An ordinary discord.js bot. The only line that knows of Evergate is `rest: { api }`.
//
// EVERGATE_URL   REST base of the proxy, for example http://127.0.0.1:7878/api (or .../c/NAME/api for a
//                consumer of its own); without it the bot talks to Discord itself
// DISCORD_TOKEN  the bot's token
// INTENTS        gateway intents as a number (default: GUILDS, GUILD_MESSAGES, MESSAGE_CONTENT)
// SHARDS         number of lanes, or "auto" (default) for what the proxy recommends
// RECORD_FILE    appends one line "serial type" per received event, written before the event is handled,
//                so that the record survives a SIGKILL. Only simulated Discord numbers its events.
import fs from 'node:fs';
import { Client, Events, GatewayIntentBits, Options } from 'discord.js';

const { EVERGATE_URL, DISCORD_TOKEN, RECORD_FILE, INTENTS, SHARDS = 'auto' } = process.env;
if (!DISCORD_TOKEN) {
  console.error('bot: DISCORD_TOKEN is not set');
  process.exit(2);
}

const defaultIntents = GatewayIntentBits.Guilds | GatewayIntentBits.GuildMessages | GatewayIntentBits.MessageContent;
const client = new Client({
  intents: INTENTS ? Number(INTENTS) : defaultIntents,
  ...(SHARDS === 'auto' ? { shards: 'auto' } : { shardCount: Number(SHARDS) }),
  makeCache: Options.cacheWithLimits({ ...Options.DefaultMakeCacheSettings, MessageManager: 10 }),
  rest: EVERGATE_URL ? { api: EVERGATE_URL } : {},
});

const record = RECORD_FILE ? fs.openSync(RECORD_FILE, 'a') : null;
const count = { events: 0, messages: 0, interactions: 0, answered: 0, failed: 0 };
let lastSerial = 0;
let lastGap = 0;

client.on('raw', (packet) => {
  count.events += 1;
  const serial = packet.d?._serial;
  if (serial === undefined) return;
  if (record !== null) fs.writeSync(record, `${serial} ${packet.t}\n`);
  if (packet.t === 'GUILD_CREATE') return; // the proxy shows a guild again after an IDENTIFY
  if (lastSerial && serial !== lastSerial + 1) lastGap = serial - lastSerial - 1;
  lastSerial = serial;
});

async function answer(what) {
  try {
    await what();
    count.answered += 1;
  } catch (error) {
    count.failed += 1;
    if (count.failed <= 3) console.error(`bot: could not answer: ${error.message}`);
  }
}

client.on(Events.MessageCreate, (message) => {
  count.messages += 1;
  if (message.content === '!ping') void answer(() => message.reply('pong'));
});

client.on(Events.InteractionCreate, (interaction) => {
  count.interactions += 1;
  if (interaction.isRepliable()) void answer(() => interaction.reply('Hello from behind Evergate.'));
});

client.once(Events.ClientReady, () => {
  console.log(`bot: ready as ${client.user.tag} with ${client.guilds.cache.size} guilds, ${client.ws.shards.size} lanes`);
});
client.on(Events.ShardResume, (id, replayed) => console.log(`bot: lane ${id} resumed, ${replayed} events replayed`));
client.on(Events.ShardReady, (id) => console.log(`bot: lane ${id} identified`));
client.on(Events.ShardReconnecting, (id) => console.log(`bot: lane ${id} reconnecting`));
client.on(Events.ShardDisconnect, (event, id) => console.log(`bot: lane ${id} closed for good with ${event.code}`));
client.on(Events.Error, (error) => console.error(`bot: ${error.message}`));
client.on(Events.ShardError, (error, id) => console.error(`bot: lane ${id}: ${error.message}`));

let shown = 0;
const ticker = setInterval(() => {
  const rate = Math.round((count.events - shown) / 2);
  shown = count.events;
  console.log(
    `bot: ${rate} events/s, ${count.events} in all, ${client.guilds.cache.size} guilds, ` +
      `${count.interactions} interactions (${count.answered} answered), last serial ${lastSerial}, last gap ${lastGap}`,
  );
}, 2000);

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    clearInterval(ticker);
    await client.destroy();
    process.exit(0);
  });
}

try {
  await client.login(DISCORD_TOKEN);
} catch (error) {
  console.error(`bot: cannot log in: ${error.message}`);
  process.exit(1);
}
