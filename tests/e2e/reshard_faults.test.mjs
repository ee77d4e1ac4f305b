// What goes wrong while shards are taken to another count: at Discord's door, with guilds that are away, and when somebody
// changes their mind after guilds have moved.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clean, judged, summary } from './lib/ledger_check.mjs';
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

test('new shards that are refused do not begin again out of what is kept for lost sessions', async (t) => {
  const reserve = 20;
  const scene = await ReshardScene.start(t, {
    rate: 500, simulator: { identify_total: 2 + 3 + reserve }, reshard: { identify_reserve: reserve, stall_max: '3s' },
  });
  await scene.simulator.fault('op9_after_identify', { count: 3, times: 2 });
  await scene.start(3);
  const receipt = await scene.ended();
  assert.equal(receipt.outcome, 'aborted');
  assert.equal((await scene.simulator.status()).identifies_left, reserve);
  await scene.judge(receipt);
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

for (const late of ['present', 'later']) {
  test(`a new session ends after its guilds have moved, ${late} ones are late: the old sessions fill the hole`, async (t) => {
    const scene = await ReshardScene.start(t, { rate: 1_000 });
    await scene.simulator.fault('lag', { lag_ms: 500, jitter_ms: 300, sessions: late });
    await scene.start(3);
    await scene.in_phase('drain');
    await scene.simulator.fault('op9', { count: 3, shard: 0, resumable: false });
    const receipt = await scene.ended();
    assert.equal(receipt.outcome, 'completed');
    assert.ok(receipt.guilds.came_back > 0, JSON.stringify(receipt));
    t.diagnostic(`figure: ${receipt.guilds.came_back} of ${receipt.guilds.all} guilds came back to the old sessions for a while`);
    await scene.judge(receipt);
  });
}

test('a guild that a new session never shows moves with a GAP in the end', async (t) => {
  const scene = await ReshardScene.start(t, { rate: 500, reshard: { overlap_max: '4s' } });
  await scene.simulator.fault('silent_guild', { count: 3, times: 1 });
  await scene.start(3);
  await scene.in_phase('cut');
  const shown = new Set((await scene.simulator.ledger(scene.begun))
    .filter(({ type, deliveries }) => type.startsWith('GUILD_') && deliveries.some(({ count }) => count === 3)).map(({ guild }) => String(guild)));
  const silent = (await scene.simulator.guilds()).map(({ id }) => String(id)).filter((id) => !shown.has(id));
  assert.ok(silent.length > 0, 'one is not shown to the new sessions');
  const receipt = await scene.ended();
  assert.deepEqual([receipt.outcome, receipt.guilds.with_gap], ['completed', 1]);
  await scene.simulator.quiet();
  const ledger = await scene.simulator.ledger(scene.begun);
  const due = ({ guild }) => !silent.includes(String(guild));
  assert.deepEqual(summary(await judged(ledger, scene.client, { due })), clean, 'all other guilds');
  assert.deepEqual(await scene.simulator.violations(), []);
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
