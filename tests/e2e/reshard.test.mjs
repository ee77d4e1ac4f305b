// The bot's sessions are taken from one count of shards to another under load; its client notices nothing. Longer:
// EVERGATE_RESHARDINGS=16-32,32-16,7-40,8-8 for other counts, EVERGATE_SEED.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReshardScene } from './lib/reshard_scene.mjs';
import { until } from './lib/until.mjs';

const first_seed = Number(process.env.EVERGATE_SEED ?? 1);
const pairs = (process.env.EVERGATE_RESHARDINGS ?? '2-3,2-2').split(',').map((pair) => pair.split('-').map(Number));

test('2 shards become 3 by themselves when they are nearly full', async (t) => {
  const scene = await ReshardScene.start(t, {
    reshard: { automatic: true, guilds_per_shard_max: 35, fill: 70 },
  });
  const receipt = await scene.receipt();
  assert.equal(receipt.from, 2);
  assert.equal(receipt.to, 3);
  assert.ok(receipt.guilds.all >= 61, 'all guilds, and the events without one');
  await scene.judge(receipt);
});

test('sessions whose lag differs and varies', async (t) => {
  const scene = await ReshardScene.start(t, {
    lag: { lag_ms: 200, jitter_ms: 600 },
    reshard: { automatic: true, guilds_per_shard_max: 35, fill: 70, skew_max: '2s' },
  });
  await scene.judge(await scene.receipt());
});

for (const [from, to] of pairs) {
  test(`${from} shards become ${to} when asked, twice`, async (t) => {
    const guilds = Math.max(60, 8 * Math.max(from, to));
    const simulator = { seed: first_seed };
    const scene = await ReshardScene.start(t, { from, guilds, lag: { lag_ms: 100, jitter_ms: 300 }, simulator });
    const plan = await scene.daemon.told(`/v1/reshard/plan?shards=${to}`);
    assert.deepEqual([plan.current, plan.target, plan.possible], [from, to, true]);
    for (const target of [to, from]) {
      await scene.start(target);
      const refused = await scene.daemon.admin('/v1/reshard/start', { method: 'POST', body: { shards: 5 } });
      assert.equal(refused.status, 409, 'a second one while one runs');
      const receipt = await scene.ended();
      assert.equal(receipt.outcome, 'completed');
      await scene.daemon.restart();
      const { shards } = await scene.daemon.told('/v1/shards');
      assert.deepEqual(shards.map(({ shard }) => shard[1]), Array(target).fill(target), 'after a restart too');
      assert.equal(receipt.events.lost, 0);
    }
    const { identifies } = await scene.simulator.status();
    assert.equal(identifies, from + to + from);
    await scene.judge((await scene.state()).last.receipt, { resumes: true });
  });
}

test('given up while new shards are prepared, and while guilds move', async (t) => {
  const scene = await ReshardScene.start(t);
  for (const phase of ['prepare', 'cut']) {
    if (phase === 'prepare') await scene.simulator.fault('no_ready', { times: 1 });
    await scene.start(3);
    await scene.in_phase(phase);
    const { code, errors } = await scene.daemon.command('reshard', 'abort');
    assert.equal(code, 0, errors);
    assert.equal((await scene.ended()).outcome, 'aborted');
  }
  await scene.judge((await scene.state()).last.receipt);
  const { shards } = await scene.daemon.told('/v1/shards');
  assert.equal(shards.length, 2);
});

test('a new shard that never gets READY ends it', async (t) => {
  const scene = await ReshardScene.start(t, { reshard: { stall_max: '2s' } });
  await scene.simulator.fault('no_ready', { times: 0 });
  await scene.start(3);
  const receipt = await scene.ended();
  assert.equal(receipt.outcome, 'aborted');
  await scene.simulator.clear_faults();
  await scene.judge(receipt);
});

test('too little budget: none begins, and the reason is shown', async (t) => {
  const scene = await ReshardScene.start(t, {
    reshard: { automatic: true, guilds_per_shard_max: 35, fill: 70 }, simulator: { identify_total: 104 },
  });
  const state = await until('the reason is shown', async () => {
    const now = await scene.state();
    return now.refusal !== '' && now;
  });
  assert.match(state.refusal, /3 session starts are needed/);
  assert.equal(state.phase, 'idle');
  await scene.judge(null);
  assert.equal((await scene.simulator.status()).identifies, 2);
});
