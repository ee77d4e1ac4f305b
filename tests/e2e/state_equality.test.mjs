// The guilds that a new bot is shown are the guilds as they are: compared with the simulator's own state,
// member for member, after thousands of changes, after a SIGKILL, and as of any cursor. EVERGATE_CURSORS is how many
// of these, EVERGATE_SEED chooses them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Daemon } from './lib/daemon.mjs';
import { GatewayClient } from './lib/gateway_client.mjs';
import { differences } from './lib/guild_compare.mjs';
import { judged, clean, summary } from './lib/ledger_check.mjs';
import * as places from './lib/places.mjs';
import { random } from './lib/random.mjs';
import { Simulator } from './lib/simulator.mjs';
import { until } from './lib/until.mjs';

const cursors = Number(process.env.EVERGATE_CURSORS ?? 10);
const seed = Number(process.env.EVERGATE_SEED ?? 7);

/** Compares everything a client was shown after READY with what the simulator says. */
async function assert_equal_state(simulator, client, intents) {
  const guilds = await simulator.guilds();
  const ours = new Set(client.ready.guilds.map(({ id }) => id));
  assert.deepEqual(guilds.filter(({ id }) => !ours.has(id)), [], 'guilds missing in READY');
  assert.equal(ours.size, guilds.length, 'READY lists guilds that the bot is not in');
  let compared = 0;
  for (const { id, available } of guilds) {
    const shown = client.backfill.get(id);
    assert.equal(shown.unavailable, !available, `"unavailable" of ${id}`);
    if (!available) continue;
    const expected = { ...(await simulator.guild(id, intents)), unavailable: false };
    assert.deepEqual(differences(shown, expected), [], `guild ${id}`);
    compared += 1;
  }
  assert.ok(compared > 0);
  return compared;
}

for (const [name, intents] of [['all intents', places.all_intents], ['no presences', places.all_intents & ~places.intent.guild_presences]]) {
  test(`after 10,000 mixed events a new bot sees the true state (${name})`, async (t) => {
    const simulator = await Simulator.start(t, { guilds: 60, members: 30, shards: 2 });
    const daemon = await Daemon.start(t, simulator);
    const watcher = await GatewayClient.connect(t, `${daemon.gateway}/c/watcher`);
    const start = await simulator.quiet();

    await simulator.emit(10_000);
    assert.deepEqual(summary(await judged(await simulator.ledger(start), watcher)), clean);

    // Some guilds are in an outage now: the first bot sees them so, the second one sees all.
    const first = await GatewayClient.connect(t, daemon.gateway, { intents });
    t.diagnostic(`${await assert_equal_state(simulator, first, intents)} guilds equal`);

    const away = (await simulator.guilds()).filter(({ available }) => !available).length;
    await simulator.settle();
    assert.deepEqual(summary(await judged(await simulator.ledger(start), watcher)), clean);
    t.diagnostic(`${away} guilds came back from an outage`);

    await daemon.restart();
    const second = await GatewayClient.connect(t, `${daemon.gateway}/c/after-the-kill`, { intents });
    await assert_equal_state(simulator, second, intents);
    assert.deepEqual([...first.faults, ...second.faults], []);
    assert.deepEqual(await simulator.violations(), []);
  });
}

test('a bot that was away is shown the state as of its cursor and then every event', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 40 });
  const daemon = await Daemon.start(t, simulator);
  const watcher = await GatewayClient.connect(t, `${daemon.gateway}/c/watcher`);
  const bot = await GatewayClient.connect(t, daemon.gateway);
  const start = await simulator.quiet();
  const before = new Map();
  for (const { id, available } of await simulator.guilds()) if (available) before.set(id, await simulator.guild(id));
  bot.beat();
  await bot.leave(1000);

  await simulator.emit(3_000);
  const ledger = await simulator.ledger(start);
  assert.deepEqual(summary(await judged(ledger, watcher)), clean);

  const returned = await GatewayClient.connect(t, daemon.gateway);
  for (const [id, guild] of before) {
    assert.deepEqual(differences(returned.backfill.get(id), { ...guild, unavailable: false }), [], `guild ${id} as of the cursor`);
  }
  assert.deepEqual(summary(await judged(ledger, returned)), clean);
});

/** Every guild as the simulator holds it now: id → document, or null during an outage. */
async function snapshot(simulator) {
  const state = new Map();
  for (const { id, available } of await simulator.guilds()) state.set(id, available ? await simulator.guild(id) : null);
  return state;
}

/** How what a client was shown differs from `state`: guild → differences. */
function unlike(client, state) {
  const wrong = {};
  const listed = new Set(client.ready.guilds.map(({ id }) => id));
  for (const id of [...state.keys()].filter((key) => !listed.has(key))) wrong[id] = 'READY does not list it';
  for (const id of listed) {
    const shown = client.backfill.get(id);
    const expected = state.get(id);
    if (expected === undefined) wrong[id] = 'the bot was not in it';
    else if (expected === null || shown.unavailable) {
      if (expected !== null || !shown.unavailable) wrong[id] = `shown ${shown.unavailable ? 'in an outage' : 'there'}, was ${expected ? 'there' : 'in an outage'}`;
    } else {
      const found = differences(shown, { ...expected, unavailable: false });
      if (found.length > 0) wrong[id] = found;
    }
  }
  return wrong;
}

test(`the state as of ${cursors} random cursors, with SIGKILLs of the daemon in between`, async (t) => {
  const chance = random(seed);
  const simulator = await Simulator.start(t, { guilds: 40 });
  // The client alone decides what it acknowledges, and that is on disk before the next event is.
  const config = { downstream: { heartbeat_interval: '2m', cursor_interval: '1ms' } };
  const daemon = await Daemon.start(t, simulator, { config });
  const connect = () => GatewayClient.connect(t, daemon.gateway, { heartbeats: 'manual', reconnect: false });
  // An interaction is sent once: not again to the client that returns.
  const again = ({ type }) => type !== 'INTERACTION_CREATE';
  const cursor = async () => (await daemon.status()).consumers.find(({ name }) => name === 'main').lanes[0].cursor;
  let client = await connect();
  let kills = 0;
  for (let round = 1; round <= cursors; round += 1) {
    const start = await simulator.newest_serial();
    await simulator.emit(chance(20, 120));
    assert.deepEqual(summary(await judged(await simulator.ledger(start), client)), clean, `round ${round}, before the cursor`);
    const state = await snapshot(simulator);
    const at = await simulator.newest_serial();

    const acknowledged = client.session.seq;
    const before = await cursor();
    client.beat(acknowledged);
    await until('the cursor moves', async () => await cursor() > before);
    for (const count of [chance(1, 5), chance(1, 400)]) {
      await simulator.emit(count);
      assert.deepEqual(summary(await judged(await simulator.ledger(at), client)), clean, `round ${round}, past the cursor`);
    }
    if (chance(1, 3) === 1) {
      await daemon.restart();
      kills += 1;
    }
    client.drop();
    if (chance(1, 3) === 1) await simulator.emit(chance(1, 200));

    client = await connect();
    assert.deepEqual(unlike(client, state), {}, `round ${round} of seed ${seed}: the state at serial ${at}, the cursor`);
    assert.deepEqual(summary(await judged(await simulator.ledger(at), client, { due: again })), clean, `round ${round}, after the return`);
    assert.deepEqual(client.faults, []);
  }
  t.diagnostic(`seed ${seed}: ${cursors} cursors, ${kills} SIGKILLs`);
  assert.deepEqual(await simulator.violations(), []);
});
