// One fleet's sessions are late, then the other's; and events that are equal to earlier ones, which only their number
// tells apart. EVERGATE_SEED for another world.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from './lib/random.mjs';
import { ReshardScene } from './lib/reshard_scene.mjs';

const seed = Number(process.env.EVERGATE_SEED ?? 1);

for (const sessions of ['present', 'later']) {
  test(`the sessions that ${sessions === 'present' ? 'serve' : 'are prepared'} are late, by as much as may be`, async (t) => {
    const scene = await ReshardScene.start(t, { rate: 1_500, simulator: { seed } });
    await scene.simulator.fault('lag', { lag_ms: 900, jitter_ms: 400, sessions });
    await scene.start(3);
    const receipt = await scene.ended();
    assert.equal(receipt.outcome, 'completed');
    await scene.judge(receipt);
  });
}

test('events that repeat keep their number: typing, reactions to and fro, ban and unban', async (t) => {
  const scene = await ReshardScene.start(t, { guilds: 10, rate: 40, simulator: { seed, members: 2 } });
  await scene.simulator.fault('lag', { lag_ms: 100, jitter_ms: 700, sessions: 'later' });
  const chance = random(seed);
  const types = ['TYPING_START', 'MESSAGE_REACTION_ADD', 'MESSAGE_REACTION_REMOVE', 'GUILD_BAN_ADD', 'GUILD_BAN_REMOVE'];
  await scene.start(3);
  let ended = false;
  const repeats = (async () => {
    while (!ended) {
      const { emitted } = await scene.simulator.emit(chance(20, 60), types[chance(0, types.length - 1)]);
      await scene.arrive(emitted);
    }
  })();
  const receipt = await scene.ended();
  ended = true;
  await repeats;
  assert.equal(receipt.outcome, 'completed');
  await scene.judge(receipt);
});
