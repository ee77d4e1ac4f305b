// An unmodified discord.js whose handler records each event as it is called. Heartbeats and their answers are
// overheard at the socket: the library does not tell what it acknowledged.
//
// EVERGATE_URL (REST base), DISCORD_TOKEN, INTENTS, LANE "i,n", RECORD_FILE, BOT_LIFE; CRASH_ON: the type of
// event that kills the process, as a bug in a handler would.
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Lane, note } from './record.mjs';

const { EVERGATE_URL, DISCORD_TOKEN, INTENTS, LANE = '0,1', CRASH_ON } = process.env;
const here = path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(path.resolve(here, '../../../examples/sample_bot/bot.mjs'));
const { Client, Events, Options } = require('discord.js');
const { WebSocket } = require('ws');
const [lane_id, lanes] = LANE.split(',').map(Number);

const beat = /^\{"op":1,"d":(\d+|null)\}$/;
const { send, emit } = WebSocket.prototype;
WebSocket.prototype.send = function overheard(data, ...more) {
  const found = beat.exec(data);
  if (found) note('beat', lane_id, found[1]);
  return send.call(this, data, ...more);
};
WebSocket.prototype.emit = function overheard(event, ...what) {
  if (event === 'message' && what[0].length < 64 && what[0].toString().includes('"op":11')) note('ack', lane_id);
  if (event === 'close') note('closed', lane_id, what[0]);
  return emit.call(this, event, ...what);
};

const client = new Client({
  intents: Number(INTENTS),
  shards: [lane_id],
  shardCount: lanes,
  makeCache: Options.cacheWithLimits({ ...Options.DefaultMakeCacheSettings, MessageManager: 10 }),
  rest: { api: EVERGATE_URL },
});
const lane = new Lane(lane_id);
note('begin');
client.on('raw', (packet) => {
  lane.dispatch(packet);
  if (packet.t === CRASH_ON) process.kill(process.pid, 'SIGKILL');
});
client.once(Events.ClientReady, () => console.log(`bot: ready with ${client.guilds.cache.size} guilds`));
client.on(Events.Error, (error) => console.error(`bot: ${error.message}`));
client.on(Events.ShardError, (error) => console.error(`bot: ${error.message}`));
client.on(Events.ShardDisconnect, (event) => console.log(`bot: closed for good with ${event.code}`));

process.once('SIGTERM', async () => {
  note('leaving');
  await client.destroy();
  process.exit(0);
});

await client.login(DISCORD_TOKEN);
