// The guilds that a new bot is shown are the guilds as they are: compared with the simulator's own state,
// member for member, after thousands of changes and after a SIGKILL.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Daemon } from './lib/daemon.mjs';
import { GatewayClient } from './lib/gateway_client.mjs';
import { differences } from './lib/guild_compare.mjs';
import { judged, clean, summary } from './lib/ledger_check.mjs';
import * as places from './lib/places.mjs';
import { Simulator } from './lib/simulator.mjs';

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
