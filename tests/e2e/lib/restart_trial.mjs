// Simulated Discord at speed, the daemon, and consumers whose bots are put through restarts; then the verdict.
import assert from 'node:assert/strict';
import { Daemon } from './daemon.mjs';
import { RecordBook } from './record_book.mjs';
import { RecordingBot } from './recording_bot.mjs';
import { figures, judged_restarts, wrongs } from './restart_check.mjs';
import { Simulator } from './simulator.mjs';
import { until } from './until.mjs';

export const rate_default = Number(process.env.EVERGATE_RATE ?? 2_000);

/** A consumer of the trial: its book, the bots it has now, and the stretches in which some bot was away. */
class Side {
  constructor(trial, kind, consumer, more) {
    Object.assign(this, { trial, kind, consumer, more, absences: [], bots: [] });
    this.book = new RecordBook(trial.t, consumer);
  }

  bot(lane = [0, 1]) {
    return new RecordingBot(this.trial.t, this.trial.daemon, this.book, { kind: this.kind, consumer: this.consumer, lane, more: this.more });
  }

  /** Bots for every lane of `n`, all ready. They are the side's bots from now on. */
  async start(n = 1) {
    const bots = Array.from({ length: n }, (_, id) => this.bot([id, n]));
    for (const bot of bots) bot.spawn();
    for (const bot of bots) await bot.is_ready();
    this.bots = bots;
  }

  /** Waits until this life has acknowledged anything. */
  async acknowledged(bot) {
    await until(() => `${bot.life} acknowledges something`, () => this.book.acknowledged_by(bot.life) > 0);
  }

  /** Waits until this bot is about as far as Discord and has acknowledged that. */
  async caught_up(bot) {
    const newest = await this.trial.simulator.newest_serial();
    await until(() => `${bot.life} acknowledges serial ${newest}`, () => this.book.acknowledged_by(bot.life) >= newest);
  }

  /** As an operator before a deployment. */
  async drain() {
    const { code, text, errors } = await this.trial.daemon.command('drain', this.consumer, '--timeout', '60s');
    assert.equal(code, 0, `evergate drain ${this.consumer}: ${text} ${errors}`);
  }

  /** Log lines of the daemon about this consumer. */
  said(text) {
    return this.trial.daemon.log.filter((line) => line.includes(text) && line.includes(`consumer=${this.consumer} `));
  }

  /**
   * What was repeated though it was sent before the grace that the daemon gave the bot as it left. Of a bot that was
   * in the middle of a burst (-1) only what it had acknowledged counts as delivered.
   */
  sent_before_the_grace(verdict) {
    const graces = this.said('code=1000').map((line) => Number(/grace_ms=(-?\d+)/.exec(line)[1]));
    const leavers = [...this.book.lives.values()].filter(({ leaving_ms }) => leaving_ms !== null);
    this.trial.t.diagnostic(`${this.consumer}: graces ${graces} ms`);
    if (graces.length !== leavers.length) return { 'clean closes': `${leavers.length} bots left, the daemon gave ${graces}` };
    const earliest = new Map(leavers.map(({ name, leaving_ms }, index) => [name, graces[index] < 0 ? 0 : leaving_ms - graces[index] * (1 + 1 / 16)]));
    const wrong = verdict.repeated.filter(({ first: { session, ms } }) => !(ms >= earliest.get(session.life)));
    return wrong.length > 0 ? { 'repeated from before the grace': wrong.slice(0, 5).map(({ serial, life }) => `serial ${serial} again in ${life}`), in_all: wrong.length } : {};
  }

  /** What is wrong when exactly so many lives were to be served, one after the other. */
  flapped(lives) {
    const out = {};
    const served = [];
    for (const { session } of this.book.order) if (served.at(-1) !== session) served.push(session);
    if (served.length !== lives) out['served in turn'] = served.map(({ life, number }) => `${life} (session ${number})`);
    const identified = this.said('bot.identified').length;
    const resumed = this.said('bot.resumed').length;
    if (identified !== lives || resumed !== 0) out.connections = `${identified} IDENTIFYs and ${resumed} RESUMEs for ${lives} lives`;
    return out;
  }

  /** Ends and begins the life of `bots` by `end` and `begin`, and notes that interactions may fall in between. */
  async absent(bots, end, begin) {
    const from = Math.min(...bots.map((bot) => this.book.acknowledged_by(bot.life)));
    await end();
    await begin();
    this.absences.push([from - this.trial.skew, await this.trial.simulator.newest_serial()]);
  }
}

export class Trial {
  /** `sides` are kinds of bots ('discordjs', 'raw'), each a consumer of its own of that name; `more`: their environment. */
  static async start(t, { simulator = {}, config = {}, sides = ['discordjs', 'raw'], rate = rate_default, more = {} } = {}) {
    const trial = new Trial();
    trial.t = t;
    trial.rate = rate;
    trial.skew = 500; // events by which Discord's shards and the daemon's commits may be apart
    trial.simulator = await Simulator.start(t, { guilds: 200, shards: 2, replay_max: 100_000, ...simulator });
    // Both kinds of bots are asked every second. Their own beats come seldom: on a busy machine an answer may wait behind
    // what lies in the bot's socket, and one that is missing for an interval makes discord.js close and resume.
    const downstream = { heartbeat_interval: '20s', ...config.downstream };
    trial.daemon = await Daemon.start(t, trial.simulator, { config: { ...config, downstream } });
    trial.sides = sides.map((kind) => new Side(trial, kind, kind, more));
    await Promise.all(trial.sides.map((side) => side.start()));
    trial.start = await trial.simulator.quiet();
    await trial.simulator.rate(rate);
    return trial;
  }

  /** Does the same with every side at once. */
  each(work) { return Promise.all(this.sides.map(work)); }

  /** Waits until Discord has sent `count` more events. */
  async dispatched(count) {
    const { events } = await this.simulator.status();
    const due_ms = this.rate > 0 ? (1_000 * count) / this.rate : 0;
    await until(`${count} events are dispatched`, async () => (await this.simulator.status()).events >= events + count, { timeout_ms: 60_000 + 3 * due_ms });
  }

  /** Stops the flow and gives the ledger of the whole trial. */
  async ledger() {
    await this.simulator.quiet();
    return this.simulator.events(this.start);
  }

  /** Judges every side: nothing wrong, and with `repeats` false nothing repeated. `more(verdict, side)` adds what else is wrong. */
  async judge({ repeats = true, more = () => ({}) } = {}) {
    const ledger = await this.ledger();
    assert.ok(ledger.length > 0, 'Discord sent nothing');
    for (const side of this.sides) {
      const verdict = await judged_restarts(ledger, side.book, side.absences);
      this.t.diagnostic(`figure: ${side.consumer}: ${figures(verdict)}`);
      const wrong = { ...wrongs(verdict, { repeats }), ...more(verdict, side) };
      if (Object.keys(wrong).length > 0) wrong.again = `EVERGATE_KEEP=1 node --test --test-name-pattern '${this.t.name}' tests/e2e/ (the record is ${side.book.file})`;
      assert.deepEqual(wrong, {}, side.consumer);
    }
    assert.deepEqual(await this.simulator.violations(), []);
    return ledger;
  }
}
