// Reshardings between many counts at 2,000 events a second, each seed with a world of its own and with lag of its own in
// each fleet, up to 2,000 ms. Longer: EVERGATE_RESHARD_SEEDS, EVERGATE_RESHARDINGS=2-3,16-32,32-16,7-40,8-8, EVERGATE_SEED.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from './lib/random.mjs';
import { ReshardScene } from './lib/reshard_scene.mjs';

const first_seed = Number(process.env.EVERGATE_SEED ?? 1);
const seeds = Number(process.env.EVERGATE_RESHARD_SEEDS ?? 1);
const pairs = (process.env.EVERGATE_RESHARDINGS ?? '2-3,8-8').split(',').map((pair) => pair.split('-').map(Number));
const lag_max = 2_000;

/** A fleet's lag: so much for every event, and up to so much more. */
function drawn_lag(chance) {
  const lag_ms = chance(0, lag_max);
  return { lag_ms, jitter_ms: chance(0, lag_max - lag_ms) };
}

for (const [from, to] of pairs) {
  const sum = { seeds: 0, events: 0, matched: 0, guilds: 0, at_event: 0, in_silence: 0, with_gap: 0, lost: 0, doubled: 0 };
  for (let seed = first_seed; seed < first_seed + seeds; seed += 1) {
    const chance = random(seed);
    const lags = { present: drawn_lag(chance), later: drawn_lag(chance) };
    const text = Object.entries(lags).map(([sessions, { lag_ms, jitter_ms }]) => `${sessions} ${lag_ms} to ${lag_ms + jitter_ms} ms`).join(', ');
    test(`${from} shards become ${to}, seed ${seed}: ${text}`, async (t) => {
      const guilds = Math.max(60, 8 * Math.max(from, to));
      const scene = await ReshardScene.start(t, { from, guilds, simulator: { seed }, reshard: { skew_max: '2500ms' } });
      for (const [sessions, lag] of Object.entries(lags)) await scene.simulator.fault('lag', { ...lag, sessions });
      const known = (await scene.simulator.guilds()).length;
      await scene.start(to);
      await scene.in_phase('cut', 'drain');
      const moving = await scene.simulator.newest_serial();
      await scene.in_phase('drain', 'leave', 'idle');
      const had = scene.client.received().filter(({ serial }) => serial > moving).map(({ serial }) => serial);
      const receipt = await scene.ended();
      assert.equal(receipt.outcome, 'completed');
      const { identifies } = await scene.simulator.status();
      const dispatched = await scene.judge(receipt);
      assert.equal(identifies, from + to, 'no more session starts than the plan said');
      const ledger = await scene.simulator.events(scene.begun);
      const count = (type) => ledger.filter((event) => event.type === type).length;
      assert.ok(receipt.guilds.all > known - count('GUILD_DELETE'), 'every guild has moved, and the events without one');
      assert.ok(receipt.guilds.all <= known + 1 + count('GUILD_CREATE'), 'and no other');
      const { delivered_by_old, delivered_by_new, matched } = receipt.events;
      const counted = delivered_by_old + delivered_by_new;
      const news = new Set(ledger.map(({ serial }) => serial));
      const least = had.filter((serial) => news.has(serial)).length;
      assert.ok(counted >= least && counted <= ledger.length && delivered_by_new > 0, `${least} <= ${counted} counted <= ${ledger.length}`);
      sum.seeds += 1;
      sum.events += dispatched;
      sum.matched += matched;
      sum.guilds += receipt.guilds.all;
      for (const kind of ['at_event', 'in_silence', 'with_gap']) sum[kind] += receipt.guilds[kind];
      for (const kind of ['lost', 'doubled']) sum[kind] += receipt.events[kind];
      t.diagnostic(`receipt ${JSON.stringify(receipt)}`);
    });
  }
  test(`${from} to ${to}, all ${seeds} seeds`, (t) => {
    assert.equal(sum.seeds, seeds);
    t.diagnostic(`figure: ${from} to ${to}: ${JSON.stringify(sum)}`);
  });
}
