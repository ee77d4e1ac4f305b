// From simulated Discord through the daemon to bots: everything arrives, once and in order, and a bot that
// was killed gets what was queued.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Daemon } from './lib/daemon.mjs';
import { GatewayClient } from './lib/gateway_client.mjs';
import { clean, judged, summary } from './lib/ledger_check.mjs';
import * as places from './lib/places.mjs';
import { SampleBot } from './lib/sample_bot.mjs';
import { Simulator } from './lib/simulator.mjs';
import { until } from './lib/until.mjs';

/** Waits until the simulator has dispatched `count` events past `after`. */
async function dispatched(simulator, after, count) {
  return until(`${count} events are dispatched`, async () => (await simulator.newest_serial()) >= after + count);
}

test('a raw client receives every event once, in order', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 200, shards: 4 });
  const daemon = await Daemon.start(t, simulator);
  const client = await GatewayClient.connect(t, daemon.gateway);
  assert.equal(client.ready.guilds.length, 200);
  assert.equal(client.ready.user.id, places.bot_id);
  const start = await simulator.quiet();

  await simulator.emit(5_000);
  const ledger = await simulator.ledger(start);
  assert.ok(ledger.length >= 5_000);

  assert.deepEqual(summary(await judged(ledger, client)), clean);
  assert.deepEqual(client.faults, []);
  assert.deepEqual(await simulator.violations(), []);
});

test('lanes share the events of their consumer, whatever the number of shards', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 120, shards: 2 });
  const daemon = await Daemon.start(t, simulator);
  const lanes = [];
  for (const id of [0, 1, 2]) lanes.push(new GatewayClient(daemon.gateway, { shard: [id, 3] }));
  t.after(() => Promise.all(lanes.map((lane) => lane.leave(4000))));
  for (const lane of lanes) lane.open();
  for (const lane of lanes) await lane.is_ready();
  assert.equal(lanes.reduce((sum, lane) => sum + lane.ready.guilds.length, 0), 120);
  const start = await simulator.quiet();

  await simulator.emit(3_000);
  const ledger = await simulator.ledger(start);

  const everyone = {
    has: (serial) => lanes.some((lane) => lane.has(serial)),
    received: () => lanes.flatMap((lane) => lane.received()),
  };
  assert.deepEqual(summary(await judged(ledger, everyone)), clean);
  for (const [id, lane] of lanes.entries()) {
    // Entitlements carry a guild_id but belong to shard 0, as Discord sends them.
    const home = ({ guild, type }) => (type.startsWith('ENTITLEMENT_') ? 0n : (BigInt(guild) >> 22n) % 3n);
    const strangers = lane.received().filter((event) => event.guild && home(event) !== BigInt(id));
    assert.deepEqual(strangers.slice(0, 3), [], `lane ${id} received another lane's guilds`);
    assert.deepEqual(lane.faults, []);
  }
});

test('a bot with fewer intents receives just what they allow', async (t) => {
  const simulator = await Simulator.start(t);
  const daemon = await Daemon.start(t, simulator);
  const client = await GatewayClient.connect(t, daemon.gateway, { intents: places.intent.guilds });
  const start = await simulator.quiet();

  await simulator.emit(2_000);
  const ledger = await simulator.ledger(start);
  const marker = ledger.filter(({ type }) => type === 'CHANNEL_UPDATE' || type === 'GUILD_UPDATE').at(-1);
  await until('the last visible event arrives', () => client.has(marker.serial));

  const types = new Set(client.received().map(({ type }) => type));
  for (const hidden of ['MESSAGE_CREATE', 'TYPING_START', 'PRESENCE_UPDATE', 'GUILD_MEMBER_ADD', 'MESSAGE_REACTION_ADD']) {
    assert.ok(!types.has(hidden), `${hidden} came without its intent`);
  }
  const due = ({ type }) => ['CHANNEL_CREATE', 'CHANNEL_UPDATE', 'CHANNEL_DELETE', 'GUILD_ROLE_CREATE', 'GUILD_UPDATE', 'INTERACTION_CREATE'].includes(type);
  assert.deepEqual(summary(await judged(ledger, client, { due })), clean);
});

test('a connection that is cut carries on by RESUME without loss or repetition', async (t) => {
  const simulator = await Simulator.start(t, { rate: 500 });
  const daemon = await Daemon.start(t, simulator);
  const client = await GatewayClient.connect(t, daemon.gateway);
  const start = await simulator.newest_serial();
  for (let cut = 1; cut <= 10; cut += 1) {
    const before = client.received().length;
    await until('events flow', () => client.received().length > before + 100);
    client.drop();
    await until('the session is resumed', () => client.count.resumed === cut);
  }
  await simulator.quiet();
  const ledger = await simulator.ledger(start);
  const due = ({ serial }) => serial > client.received().find((event) => event.serial > start && !event.backfill).serial;
  assert.deepEqual(summary(await judged(ledger, client, { due })), clean);
  assert.equal(client.count.identifies, 1);
  assert.deepEqual(client.faults, []);
});

test('a discord.js bot killed under 1,000 events a second gets what was queued', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 1_000, shards: 2 });
  const daemon = await Daemon.start(t, simulator);
  const bot = new SampleBot(t, daemon);
  await bot.start();
  assert.equal(bot.said('ready as')[0].includes('1000 guilds'), true, bot.said('ready as')[0]);
  const start = await simulator.quiet();

  await simulator.rate(1_000);
  await dispatched(simulator, start, 3_000);
  await bot.kill9();
  const killed_at = await simulator.newest_serial();
  await dispatched(simulator, killed_at, 3_000);
  await bot.start();
  await dispatched(simulator, killed_at, 8_000);
  await simulator.quiet();

  const ledger = await simulator.ledger(start);
  // An interaction is never sent twice: one that was on its way to the bot as it died is not due again.
  const noticed_by = killed_at + 1_000;
  const due = ({ type, serial }) => type !== 'INTERACTION_CREATE' || serial > noticed_by;
  const verdict = await judged(ledger, bot, { due });
  t.diagnostic(`${verdict.expected} events, ${verdict.lost.length} lost, ${verdict.doubled.length} delivered twice`);
  assert.deepEqual({ ...summary(verdict), doubled: 0, first_doubled: undefined }, { ...clean, first_doubled: undefined });
  // Repeated is at most what the bot had not acknowledged: nothing that was dispatched after it was killed.
  assert.deepEqual(verdict.doubled.filter((serial) => serial > killed_at), []);
  assert.deepEqual(await simulator.violations(), []);
});

test('a discord.js bot stopped cleanly and started again misses nothing', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 100, rate: 300 });
  // A grace that outlasts a busy machine: what lies unread in the bot's socket when it leaves is sent again.
  const daemon = await Daemon.start(t, simulator, { config: { downstream: { close_grace: '2s' } } });
  const bot = new SampleBot(t, daemon);
  await bot.start();
  const start = await simulator.newest_serial();
  await dispatched(simulator, start, 500);
  await bot.stop();
  await dispatched(simulator, start, 1_500);
  await bot.start();
  await dispatched(simulator, start, 2_500);
  await simulator.quiet();

  const ledger = await simulator.ledger(start);
  const first = bot.received().find((event) => event.serial > start && event.type !== 'GUILD_CREATE').serial;
  // The library drops what arrives once it leaves; the proxy sends that again, but never an interaction.
  const due = ({ type, serial }) => serial > first && type !== 'INTERACTION_CREATE';
  const verdict = await judged(ledger, bot, { due });
  t.diagnostic(`${verdict.doubled.length} delivered twice`);
  const lost = ledger.filter(({ serial }) => verdict.lost.includes(serial)).map(({ serial, type }) => `${serial} ${type}`);
  assert.deepEqual({ lost, reordered: verdict.reordered }, { lost: [], reordered: [] });
});

test('the bot answers interactions through the same override', async (t) => {
  const simulator = await Simulator.start(t);
  const daemon = await Daemon.start(t, simulator);
  const bot = new SampleBot(t, daemon);
  await bot.start();
  await simulator.emit(5, 'INTERACTION_CREATE');
  await until('five callbacks reach Discord', async () => {
    const calls = await simulator.ask('rest');
    return calls.split('/callback').length - 1 >= 5;
  });
});

test('the REST shim gives out the gateway and passes the rest on', async (t) => {
  const simulator = await Simulator.start(t, { shards: 2 });
  const daemon = await Daemon.start(t, simulator);
  const authorization = `Bot ${places.token}`;
  const ask = (path, headers = { authorization }) => fetch(`http://127.0.0.1:${daemon.port}${path}`, { headers });

  for (const version of ['v9', 'v10']) {
    const plain = await (await ask(`/api/${version}/gateway`, {})).json();
    assert.equal(new URL(plain.url).port, String(daemon.port));
    const answer = await ask(`/api/${version}/gateway/bot`);
    assert.equal(answer.status, 200);
    const body = await answer.json();
    assert.equal(new URL(body.url).host, `127.0.0.1:${daemon.port}`);
    assert.equal(body.shards, 1);
    assert.ok(body.session_start_limit.remaining >= 1_000);
    assert.ok(body.session_start_limit.max_concurrency >= 16);
  }
  const named = await (await ask('/c/staging/api/v10/gateway/bot')).json();
  assert.equal(new URL(named.url).pathname.replace(/\/$/, ''), '/c/staging');

  const me = await ask('/api/v10/users/@me');
  assert.equal(me.status, 200);
  assert.equal((await me.json()).id, places.bot_id);
  const unknown = await ask('/api/v10/no/such/thing');
  assert.equal(unknown.status, 404);
  const stranger = await ask('/api/v10/gateway/bot', { authorization: 'Bot wrong' });
  assert.equal(stranger.status, 401);
});

test('commands of a bot reach Discord and their answers reach the asker only', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 20 });
  const daemon = await Daemon.start(t, simulator);
  const asker = await GatewayClient.connect(t, daemon.gateway);
  const other = await GatewayClient.connect(t, `${daemon.gateway}/c/other`);
  const guild_id = asker.ready.guilds[3].id;

  const chunk = asker.next('the members arrive', ({ t: type, d }) => type === 'GUILD_MEMBERS_CHUNK' && d.guild_id === guild_id);
  asker.send(8, { guild_id, query: '', limit: 0, nonce: 'mine' });
  const { d } = await chunk;
  assert.equal(d.nonce, 'mine');
  assert.ok(d.members.length > 0);

  const start = await simulator.newest_serial();
  await simulator.emit(200);
  await judged(await simulator.ledger(start), other);
  assert.equal(other.received().some(({ type }) => type === 'GUILD_MEMBERS_CHUNK'), false);
  assert.deepEqual(await simulator.violations(), []);
});
