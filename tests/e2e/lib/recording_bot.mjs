// A bot of ../bots as a process with many lives, one lane each; what it records goes to the book of its consumer.
import path from 'node:path';
import { Child } from './child.mjs';
import * as places from './places.mjs';
import { until } from './until.mjs';

const programs = {
  discordjs: path.join(places.root, 'tests/e2e/bots/discordjs_bot.mjs'),
  raw: path.join(places.root, 'tests/e2e/bots/raw_bot.mjs'),
};
const start_ms_max = 180_000;

export class RecordingBot {
  /** `lane` is [i, n]; `more` is added to its environment. */
  constructor(t, daemon, book, { kind, consumer = '', lane = [0, 1], intents = places.all_intents, more = {} }) {
    this.kind = kind;
    this.book = book;
    this.lane = lane;
    this.name = `${kind}-${lane.join('of')}`;
    const under = consumer ? `/c/${consumer}` : '';
    this.env = {
      EVERGATE_URL: daemon.api.replace(/\/api$/, `${under}/api`), GATEWAY_URL: `${daemon.gateway}${under}`,
      DISCORD_TOKEN: places.token, INTENTS: String(intents), LANE: lane.join(','), RECORD_FILE: book.file, ...more,
    };
    this.child = null;
    this.life = null;
    t.after(() => this.child?.stop('SIGKILL'));
  }

  /** Begins another life; its bot will come to its guilds later. */
  spawn() {
    this.life = this.book.new_life(this.name);
    this.child = new Child(process.execPath, [programs[this.kind]], { env: { ...this.env, BOT_LIFE: this.life }, name: this.life });
  }

  async start() {
    this.spawn();
    await this.is_ready();
  }

  async is_ready() {
    await this.child.line('stdout', (line) => line.startsWith('bot: ready with'), 'it is ready', { timeout_ms: start_ms_max });
  }

  async kill9() {
    this.child.kill('SIGKILL');
    await this.child.gone();
  }

  /** As an operator would: the library closes its session with 1000. */
  async stop() {
    this.child.kill('SIGTERM');
    await this.child.gone();
  }

  get alive() { return this.child !== null && !this.child.ended; }

  /** Waits until this life has received `count` events. */
  async receives(count) {
    return until(
      () => `${this.life} receives ${count} events (has ${this.book.news_of(this.life)}); its last words: ${this.child.last_words()}`,
      () => this.book.news_of(this.life) >= count,
    );
  }

  /** Waits until its connection has been closed. */
  async is_closed() {
    return until(`${this.life} is closed`, () => this.book.closes(this.life).length > 0);
  }
}
