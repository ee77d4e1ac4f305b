// Resharding that begins by itself: once, when 80 % of the (here smaller) limit is reached, and not without budget.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReshardScene } from './lib/reshard_scene.mjs';
import { until } from './lib/until.mjs';

const guilds = 2_000;
const joining = 200;
/** 80 % of two shards is reached by the last of those that join, or of one shard somewhat before. */
const limit = Math.floor((guilds + joining - 10) / (2 * 0.8));

/** Waits until the daemon has looked again so often whether it is time: each time it asks /gateway/bot. */
async function looks(scene, times) {
  const count = async () => (await scene.simulator.json('rest')).routes['GET gateway/bot'] ?? 0;
  const wanted = (await count()) + times;
  await until(`it looks ${times} times`, async () => (await count()) >= wanted);
}

async function grow(t, more) {
  const scene = await ReshardScene.start(t, {
    guilds, rate: 300, simulator: { members: 2, ...more }, reshard: { automatic: true, guilds_per_shard_max: limit },
  });
  await looks(scene, 2);
  assert.equal((await scene.state()).phase, 'idle', 'it is not time yet');
  for (let joined = 0; joined < joining; joined += 20) {
    assert.equal((await scene.simulator.emit(20, 'GUILD_CREATE')).emitted, 20);
  }
  return scene;
}

test(`${joining} guilds join until 80 % of the limit: one resharding, and only one`, async (t) => {
  const scene = await grow(t, {});
  const receipt = await scene.receipt();
  await looks(scene, 3);
  assert.equal(scene.daemon.log.filter((line) => line.includes('reshard.begins')).length, 1);
  const state = await scene.state();
  assert.equal(state.phase, 'idle');
  assert.equal(state.refusal, '');
  assert.equal(receipt.from, 2);
  assert.ok(receipt.to > 2 && receipt.guilds.all >= guilds);
  await scene.judge(receipt);
  const { identifies } = await scene.simulator.status();
  assert.equal(identifies, 2 + receipt.to, 'no more session starts than the plan said');
});

test('the same with too little budget: none begins, and the reason is shown', async (t) => {
  const scene = await grow(t, { identify_total: 103 });
  const state = await until('the reason is shown', async () => {
    const now = await scene.state();
    return now.refusal !== '' && now;
  });
  assert.match(state.refusal, /session starts are needed/);
  await looks(scene, 3);
  assert.equal(scene.daemon.log.filter((line) => line.includes('reshard.begins')).length, 0);
  const { text } = await scene.daemon.command('reshard', 'status');
  assert.match(text, /session starts are needed/, 'the command shows it too');
  await scene.judge(null);
  assert.equal((await scene.simulator.status()).identifies, 2);
});
