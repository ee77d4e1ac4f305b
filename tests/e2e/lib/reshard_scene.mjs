// A daemon that serves a raw client at a steady rate while its shards are taken to another count, and the
// verdict afterwards: by the ledger, by the receipt, by Discord's rules.
import assert from 'node:assert/strict';
import { Daemon } from './daemon.mjs';
import { GatewayClient } from './gateway_client.mjs';
import { clean, judged, summary } from './ledger_check.mjs';
import { SampleBot } from './sample_bot.mjs';
import { Simulator } from './simulator.mjs';
import { until } from './until.mjs';

/** Short waits, so that a resharding takes seconds. Lag in the scenes stays well below skew_max. */
export const quick_reshard = {
  automatic: false,
  skew_max: '1500ms', handover_max: '8s', overlap_max: '120s', stall_max: '20s', guild_wait: '3s', check_interval: '300ms', multiple: 1,
};

export class ReshardScene {
  static async start(t, { guilds = 60, from = 2, rate = 2000, lag = null, reshard = {}, simulator: more = {}, config = {}, library = false } = {}) {
    // A daemon that is killed on a busy machine may be away for longer than the usual few events last.
    const scene = new ReshardScene();
    scene.simulator = await Simulator.start(t, { guilds, shards: from, identify_interval_ms: 50, replay_max: 50_000, ...more });
    if (lag) await scene.simulator.fault('lag', lag);
    scene.daemon = await Daemon.start(t, scene.simulator, {
      config: { shards: { identify_spacing: '60ms' }, reshard: { ...quick_reshard, ...reshard }, ...config },
    });
    scene.client = await GatewayClient.connect(t, scene.daemon.gateway);
    scene.library = library ? new SampleBot(t, scene.daemon, { consumer: 'library' }) : null;
    await scene.library?.start();
    scene.begun = await scene.simulator.quiet();
    scene.rate = rate;
    await scene.simulator.rate(rate);
    return scene;
  }

  /** The receipt that the log line `what` carries. */
  async receipt(what = 'reshard.done', options = { timeout_ms: 120_000 }) {
    const line = await this.daemon.said(what, options);
    return JSON.parse(line.slice(line.indexOf('receipt="') + 'receipt="'.length, -1).replaceAll('\\"', '"'));
  }

  /** Begins a resharding by the admin API; its plan. */
  start(shards) { return this.daemon.told('/v1/reshard/start', { method: 'POST', body: { shards } }); }
  state() { return this.daemon.told('/v1/reshard'); }
  in_phase(...phases) {
    return until(`the resharding is in ${phases}`, async () => phases.includes((await this.state()).phase), { timeout_ms: 60_000 });
  }

  /** Waits until none runs any more; the receipt that is kept. */
  async ended() {
    await this.in_phase('idle');
    return (await this.state()).last.receipt;
  }

  /** Waits until so many more events have come: a pause measured in work. */
  async arrive(count) {
    const wanted = this.client.received().length + count;
    await until(`${count} events arrive`, () => this.client.received().length >= wanted);
  }

  /** Everything arrived once and in order; nothing broke a rule; the receipt says the same. */
  async judge(receipt, { gaps = 0, resumes = false } = {}) {
    await this.simulator.quiet();
    const ledger = await this.simulator.ledger(this.begun);
    assert.deepEqual(summary(await judged(ledger, this.client)), clean);
    if (this.library) assert.deepEqual(summary(await judged(ledger, this.library)), clean, 'the discord.js bot');
    assert.deepEqual(this.client.faults, []);
    assert.deepEqual(await this.simulator.violations(), []);
    assert.equal(this.client.count.identifies, 1, 'the bot never had to begin anew');
    if (!resumes) assert.equal(this.client.count.hellos, 1, 'the bot was never disconnected');
    if (receipt) {
      assert.equal(receipt.events.lost, 0, JSON.stringify(receipt));
      assert.equal(receipt.events.doubled, 0, JSON.stringify(receipt));
      assert.equal(receipt.guilds.with_gap, gaps, JSON.stringify(receipt));
    }
    return ledger.length;
  }
}
