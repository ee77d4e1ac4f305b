// SIGKILL of the daemon in every phase of a resharding, drain, back and leave among them: it is continued, completed or
// given up, each event comes once, no more sessions begin than the plans said and were lost, and the receipt has counted
// what came before the kill. Longer:
// EVERGATE_RESHARD_KILLS for another number of kills, EVERGATE_SEED.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from './lib/random.mjs';
import { ReshardScene } from './lib/reshard_scene.mjs';
import { until } from './lib/until.mjs';

const first_seed = Number(process.env.EVERGATE_SEED ?? 1);
const kills = Number(process.env.EVERGATE_RESHARD_KILLS ?? 6);
/** Events that may have been under way when it was asked for. */
const slack = 2_000;
const phases = ['prepare', 'cut', 'drain', 'back', 'leave', 'overlap'];

/** Lines of the log from `from` on that speak of a phase. */
const entered = (scene, phase, from) => scene.daemon.said(`reshard.phase phase=${phase}`, { from, timeout_ms: 120_000 });

test(`${kills} SIGKILLs of the daemon, in every phase`, async (t) => {
  const chance = random(first_seed);
  const scene = await ReshardScene.start(t, { rate: 800, guilds: 80 });
  // Some new shards are late, so that each phase lasts a while.
  await scene.simulator.fault('lag', { lag_ms: 300, jitter_ms: 600, sessions: 'later' });
  const outcomes = {};
  let attempts = 0;
  let planned = 2;
  for (let kill = 0; kill < kills; kill += 1) {
    const phase = phases[kill % phases.length];
    const { shards } = await scene.daemon.told('/v1/shards');
    const target = shards.length === 2 ? 3 : 2;
    const from = scene.daemon.log.length;
    const asked = await scene.simulator.newest_serial();
    await scene.start(target);
    attempts += 1;
    planned += target;
    if (phase === 'back') {
      await entered(scene, 'cut', from);
      await until('a guild has moved', async () => {
        const { guilds, guilds_left, phase: now } = await scene.state();
        return now !== 'cut' || guilds_left < guilds;
      });
      await scene.daemon.command('reshard', 'abort');
    }
    if (phase !== 'prepare' && phase !== 'overlap') await entered(scene, 'cut', from);
    const moving = await scene.simulator.newest_serial();
    await entered(scene, phase, from);
    if (phase === 'prepare' || phase === 'cut' || phase === 'drain') await scene.arrive(chance(1, 1_500));
    const had = scene.client.received().filter(({ serial, backfill }) => serial > moving && !backfill).map(({ serial }) => serial);
    await scene.daemon.kill9();
    const over = scene.daemon.log.slice(from).some((line) => /reshard\.(done|aborted)/.test(line));
    const again = scene.daemon.log.length;
    await scene.daemon.launch();
    await scene.in_phase('idle');
    const end = scene.daemon.log.slice(from).find((line) => /reshard\.(done|completed|aborted|given_up)/.test(line));
    assert.ok(end, `killed in ${phase}, it has an end: ${scene.daemon.log.slice(again).filter((line) => line.includes('reshard'))}`);
    const outcome = `${phase}: ${/reshard\.(\w+)/.exec(end)[1]}`;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    const { last } = await scene.state();
    assert.ok(over || last.restarts > 0, 'the receipt is of the one that was cut off');
    const counted = last.receipt.events.delivered_by_old + last.receipt.events.delivered_by_new;
    // The kill may come when the next phase has begun, or all is over.
    const early = phase === 'prepare' || phase === 'overlap';
    if (early && end.includes('given_up')) {
      assert.deepEqual([last.receipt.outcome, counted], ['aborted', 0]);
    } else {
      const dispatched = new Set((await scene.simulator.events(asked - slack)).map(({ serial }) => serial));
      const least = early || over ? 0 : had.filter((serial) => dispatched.has(serial)).length;
      assert.ok(counted >= least && counted <= dispatched.size, `${phase}: ${least} <= ${counted} counted <= ${dispatched.size}`);
      assert.equal(last.receipt.events.lost + last.receipt.events.doubled + last.receipt.guilds.with_gap, 0);
    }
    await until('all shards are live', async () => {
      const now = (await scene.daemon.told('/v1/shards')).shards;
      return now.length > 0 && now.every(({ state }) => state === 'live');
    });
  }
  t.diagnostic(`figure: ${JSON.stringify(outcomes)}`);
  await scene.judge(null, { resumes: true });
  const lost = scene.daemon.log.filter((line) => line.includes('shard.gap') && !line.includes('logged_off')).length;
  const { identifies } = await scene.simulator.status();
  t.diagnostic(`figure: ${attempts} plans of ${planned - 2} session starts, ${identifies - 2} session starts, ${lost} sessions lost`);
  assert.ok(identifies <= planned + lost, `${identifies} session starts, planned were ${planned}, ${lost} sessions were lost`);
});
