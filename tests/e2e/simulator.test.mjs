// The oracle by itself: clients connected straight to simulated Discord, without Evergate between. What fails
// here is no fault of the daemon's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayClient } from './lib/gateway_client.mjs';
import { differences } from './lib/guild_compare.mjs';
import { clean, judged, summary } from './lib/ledger_check.mjs';
import { SampleBot } from './lib/sample_bot.mjs';
import { Simulator } from './lib/simulator.mjs';
import { until } from './lib/until.mjs';

for (const compress of ['none', 'payload', 'zlib-stream', 'zstd-stream']) {
  test(`a raw client over ${compress} sees the true guilds and every event, across a RESUME`, async (t) => {
    const simulator = await Simulator.start(t, { guilds: 30, shards: 1 });
    const client = await GatewayClient.connect(t, `ws://127.0.0.1:${simulator.port}`, { compress, discord: true });
    const start = await simulator.quiet();
    for (const { id, available } of await simulator.guilds()) {
      if (available) assert.deepEqual(differences({ ...client.backfill.get(id), unavailable: false }, { ...(await simulator.guild(id)), unavailable: false }), []);
    }
    await simulator.emit(2_000);
    assert.deepEqual(summary(await judged(await simulator.ledger(start), client)), clean);
    client.drop();
    await simulator.emit(20);
    assert.deepEqual(summary(await judged(await simulator.ledger(start), client)), clean);
    assert.equal(client.count.resumed, 1);
    assert.deepEqual(client.faults, []);
    assert.deepEqual(await simulator.violations(), []);
  });
}

test('a discord.js bot is ready, receives every event and answers interactions', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 30, shards: 2 });
  const bot = new SampleBot(t, { api: simulator.rest });
  await bot.start();
  const start = await simulator.quiet();
  await simulator.emit(1_000);
  await simulator.emit(5, 'INTERACTION_CREATE');
  assert.deepEqual(summary(await judged(await simulator.ledger(start), bot)), clean);
  await until('the answers arrive', async () => (await simulator.ask('rest')).split('/callback').length - 1 >= 5);
  assert.deepEqual(await simulator.violations(), []);
});

test('a raw client loses nothing to faults that a RESUME repairs', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 30, shards: 1 });
  const client = await GatewayClient.connect(t, `ws://127.0.0.1:${simulator.port}`, { compress: 'zlib-stream', discord: true });
  const start = await simulator.quiet();
  const armed = [
    ['refuse_upgrade', { status: 520, path: 'resume' }], ['op7_first'], ['op9_true_after_resume'],
    ['close_after_resume', { code: 0, times: 2 }], ['slow_hello', { delay_ms: 20 }], ['split_stream', { times: 3 }],
  ];
  for (const [kind, more] of armed) assert.deepEqual(await simulator.fault(kind, more), { armed: true });
  for (const [kind, more] of [['rst'], ['fin'], ['close', { code: 1001 }], ['op7', { close_ms: 0 }], ['op9', { resumable: true }]]) {
    const resumed = client.count.resumed;
    assert.deepEqual(await simulator.fault(kind, more), { done: 1 }, kind);
    await simulator.emit(10);
    await until(`the client resumes after ${kind}`, () => client.count.resumed > resumed);
  }
  for (const [kind] of armed) await simulator.fired(kind);
  assert.deepEqual((await simulator.faults()).armed, []);
  assert.deepEqual(summary(await judged(await simulator.ledger(start), client)), clean);
  assert.deepEqual(client.faults, []);
  assert.deepEqual(await simulator.violations(), []);
  await simulator.fault('broken_stream');
  await simulator.emit(5);
  assert.deepEqual(summary(await judged(await simulator.ledger(start), client)), clean);
  assert.match(client.faults.join(), /undecodable message/);
  await assert.rejects(simulator.fault('seq_jump', { by: 0 }), /by cannot be 0; allowed: a whole number from 1/);
});
