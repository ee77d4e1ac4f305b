// The raw client as a process that can be killed, recording each event as it is received. It answers op 1 as the
// libraries do that are asked for acknowledgements, and says so by their name.
//
// GATEWAY_URL, DISCORD_TOKEN, INTENTS, LANE "i,n", RECORD_FILE, BOT_LIFE; CRASH_ON: see discordjs_bot.mjs; PROPERTIES: the
// name of the library (discord.js).
import { GatewayClient } from '../lib/gateway_client.mjs';
import { Lane, note } from './record.mjs';

const { GATEWAY_URL, DISCORD_TOKEN, INTENTS, LANE = '0,1', CRASH_ON, PROPERTIES = 'discord.js' } = process.env;
const shard = LANE.split(',').map(Number);
const [lane_id] = shard;
const lane = new Lane(lane_id);

class RecordingClient extends GatewayClient {
  dispatched(payload) {
    super.dispatched(payload);
    lane.dispatch(payload);
    if (payload.t === CRASH_ON) process.kill(process.pid, 'SIGKILL');
    // The record is in the file; a bot that lives long keeps no second one.
    if (this.dispatches.length >= 4_096) {
      this.dispatches.length = 0;
      this.serials.clear();
    }
    this.tell_faults();
  }

  tell_faults() {
    for (const fault of this.faults.splice(0)) note('fault', fault);
  }

  beat(seq = this.session?.seq ?? null) {
    if (seq !== null) note('beat', lane_id, seq);
    super.beat(seq);
  }

  controlled(socket, payload) {
    if (payload.op === 11) note('ack', lane_id);
    super.controlled(socket, payload);
    this.tell_faults();
  }

  closed(socket, code) {
    note('closed', lane_id, code);
    super.closed(socket, code);
    if (code >= 4_010 && code <= 4_014) console.log(`bot: closed for good with ${code}`);
  }
}

const client = new RecordingClient(GATEWAY_URL, {
  token: DISCORD_TOKEN, intents: Number(INTENTS), shard,
  identify: { properties: { os: 'linux', browser: PROPERTIES, device: PROPERTIES } },
});
note('begin');
client.open();
process.once('SIGTERM', async () => {
  note('leaving');
  await client.leave(1000);
  process.exit(0);
});
await client.is_ready({ timeout_ms: 120_000 });
console.log(`bot: ready with ${client.ready.guilds.length} guilds`);
const stay = setInterval(() => {}, 60_000);
process.once('SIGTERM', () => clearInterval(stay));
