// The bot's sessions are taken from one count of shards to another under load; its client notices nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReshardScene } from './lib/reshard_scene.mjs';

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
