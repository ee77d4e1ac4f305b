// The bot's sessions are taken from one count of shards to another under load; its client notices nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from './lib/random.mjs';
import { ReshardScene } from './lib/reshard_scene.mjs';
import { until } from './lib/until.mjs';

const first_seed = Number(process.env.EVERGATE_SEED ?? 1);
const seeds = Array.from({ length: Number(process.env.EVERGATE_RESHARD_KILLS ?? 3) }, (_, i) => first_seed + i);

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

for (const seed of seeds) {
  test(`SIGKILL of the daemon in the middle, seed ${seed}`, async (t) => {
    const chance = random(seed);
    const scene = await ReshardScene.start(t, {
      rate: 1000, reshard: { automatic: true, guilds_per_shard_max: 35, fill: 70 },
    });
    await scene.daemon.said('reshard.begins');
    for (let kill = 0; kill < 3; kill += 1) {
      await scene.arrive(chance(50, 2_500));
      await scene.daemon.kill9();
      await scene.daemon.launch({ ready: false });
    }
    await until('the new fleet serves', async () => scene.daemon.log.some((line) => /reshard\.done|reshard\.completed/.test(line)), { timeout_ms: 120_000 });
    await scene.judge(null, { resumes: true });
    const attempts = scene.daemon.log.filter((line) => line.includes('reshard.begins')).length;
    const lost = scene.daemon.log.filter((line) => line.includes('shard.gap') && !line.includes('logged_off')).length;
    const { identifies } = await scene.simulator.status();
    assert.ok(identifies <= 2 + 3 * attempts + lost, `${identifies} session starts for ${attempts} plans, ${lost} sessions lost`);
    t.diagnostic(`figure: ${attempts} plans, ${identifies} session starts`);
  });
}
