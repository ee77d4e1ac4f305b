// What goes wrong while shards are taken to another count: at Discord's door, with guilds that are away, and when somebody
// changes their mind after guilds have moved.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReshardScene } from './lib/reshard_scene.mjs';
import { until } from './lib/until.mjs';

test('op 9 to new shards: they identify again, and each start is counted', async (t) => {
  const scene = await ReshardScene.start(t, { rate: 1_000 });
  await scene.simulator.fault('op9_after_identify', { count: 3, times: 2 });
  await scene.start(3);
  const receipt = await scene.ended();
  assert.equal(receipt.outcome, 'completed');
  await scene.simulator.fired('op9_after_identify', 2);
  await scene.judge(receipt);
  const sent = scene.daemon.log.filter((line) => line.includes('shard.identify '));
  assert.equal(sent.length, 2 + 3 + 2);
});

test('a fatal close code to a new shard ends it; the old fleet serves on', async (t) => {
  const scene = await ReshardScene.start(t, { rate: 1_000 });
  await scene.simulator.fault('close_after_identify', { count: 3, code: 4014 });
  await scene.start(3);
  const receipt = await scene.ended();
  assert.equal(receipt.outcome, 'aborted');
  assert.match((await scene.state()).last.abort_cause, /4014/);
  await scene.arrive(1_000);
  await scene.judge(receipt);
  assert.ok((await scene.daemon.told('/v1/shards')).shards.every(({ state, shard }) => state === 'live' && shard[1] === 2));
});

test('guilds that are and stay unavailable hold nobody up', async (t) => {
  const scene = await ReshardScene.start(t, { rate: 0 });
  await scene.simulator.emit(1, 'GUILD_OUTAGE');
  await scene.simulator.rate(1_000);
  await scene.start(3);
  const receipt = await scene.ended();
  assert.equal(receipt.outcome, 'completed');
  await scene.simulator.settle();
  await scene.judge(receipt);
  assert.ok((await scene.simulator.guilds()).every(({ available }) => available));
});

test('given up after guilds have moved: they return, and every event comes once', async (t) => {
  const scene = await ReshardScene.start(t, { rate: 1_000 });
  // The guilds of one new shard are late, so that those of the others have moved before.
  await scene.simulator.fault('lag', { lag_ms: 1_200, shard: 0, sessions: 'later' });
  await scene.start(3);
  const moved = await until('some guilds have moved, some not', async () => {
    const { phase, guilds, guilds_left } = await scene.state();
    return phase === 'cut' && guilds_left > 0 && guilds_left < guilds && guilds - guilds_left;
  });
  const { code, errors } = await scene.daemon.command('reshard', 'abort');
  assert.equal(code, 0, errors);
  await scene.in_phase('back');
  const late = await scene.daemon.command('reshard', 'abort');
  assert.notEqual(late.code, 0, 'it is being undone already');
  const second = await scene.daemon.admin('/v1/reshard/start', { method: 'POST', body: { shards: 4 } });
  assert.equal(second.status, 409, 'another one waits');
  const receipt = await scene.ended();
  assert.equal(receipt.outcome, 'aborted');
  t.diagnostic(`figure: ${moved} guilds had moved, ${receipt.guilds.all} returned`);
  assert.ok(receipt.guilds.all >= 1);
  await scene.judge(receipt);
  assert.equal((await scene.daemon.told('/v1/shards')).shards.length, 2);
  await scene.simulator.clear_faults();
  await scene.simulator.rate(1_000);
  await scene.start(3);
  assert.equal((await scene.ended()).outcome, 'completed', 'the next one has nothing of it');
  await scene.judge((await scene.state()).last.receipt);
});
