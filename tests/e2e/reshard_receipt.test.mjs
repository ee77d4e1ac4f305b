// What a receipt counts is what Discord's ledger has, to the event: the load begins when the cuts have begun and pauses
// before their end, so that nothing is under way at either edge. Longer: EVERGATE_RECEIPT_SEEDS,
// EVERGATE_RESHARDINGS=2-3,16-32,32-16,7-40,8-8, EVERGATE_SEED.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReshardScene } from './lib/reshard_scene.mjs';

const first_seed = Number(process.env.EVERGATE_SEED ?? 1);
const seeds = Number(process.env.EVERGATE_RECEIPT_SEEDS ?? 1);
const pairs = (process.env.EVERGATE_RESHARDINGS ?? '2-3').split(',').map((pair) => pair.split('-').map(Number));

for (const [from, to] of pairs) {
  for (let seed = first_seed; seed < first_seed + seeds; seed += 1) {
    test(`${from} shards become ${to}, seed ${seed}: the receipt counts what the ledger has`, async (t) => {
      const guilds = Math.max(60, 8 * Math.max(from, to));
      const scene = await ReshardScene.start(t, { from, guilds, simulator: { seed } });
      await scene.simulator.fault('lag', { lag_ms: 100, jitter_ms: 700, sessions: 'later' });
      const before = await scene.simulator.quiet();
      await scene.start(to);
      await scene.in_phase('cut');
      await scene.simulator.rate(scene.rate);
      await scene.in_phase('drain', 'leave', 'idle');
      await scene.simulator.quiet();
      const receipt = await scene.ended();
      await scene.judge(receipt);
      const { length } = await scene.simulator.events(before);
      const { delivered_by_old, delivered_by_new, matched } = receipt.events;
      assert.equal(delivered_by_old + delivered_by_new, length);
      assert.ok(length > 0 && delivered_by_new > 0, `${length} events`);
      t.diagnostic(`figure: receipt ${from} to ${to}: ${length} events, ${delivered_by_old} by the old shards, ${delivered_by_new} by the new ones, ${matched} seen on both`);
    });
  }
}
