// What all lives of a consumer's bots recorded (../bots/record.mjs), read as it grows: each event's first receipt,
// every repetition with whether it had been acknowledged, and what each session received in its order.
import fs from 'node:fs';
import path from 'node:path';
import * as places from './places.mjs';

const chunk_bytes = 1 << 22;

export class RecordBook {
  constructor(t, name) {
    this.name = name;
    this.file = path.join(places.scratch(t, 'record'), `${name}.record`);
    fs.writeFileSync(this.file, '');
    this.input = fs.openSync(this.file, 'r');
    t.after(() => fs.closeSync(this.input));
    this.read_to = 0;
    this.lives = new Map(); // name → {news, closes, leaving_ms, sessions: Map(lane → session)}
    this.first = new Map(); // serial → {type, session, s, ms}
    this.repeats = []; // {serial, type, life, first, acknowledged}
    this.order = []; // sessions' news in the order of receipt: {serial, session, again}
    this.sessions = 0;
    this.faults = [];
    this.numbers = new Map();
    this.latencies = null; // of messages, ms from Discord to the handler, while somebody listens
  }

  /** A name for another life of that bot. */
  new_life(bot) {
    const number = (this.numbers.get(bot) ?? 0) + 1;
    this.numbers.set(bot, number);
    const life = `${bot}#${number}`;
    this.life(life);
    return life;
  }

  life(name) {
    let life = this.lives.get(name);
    if (!life) this.lives.set(name, life = { name, news: 0, acked_serial: 0, closes: [], leaving_ms: null, sessions: new Map() });
    return life;
  }

  /** Takes in what was written since. */
  read() {
    for (;;) {
      const bytes = Buffer.alloc(Math.min(chunk_bytes, fs.fstatSync(this.input).size - this.read_to));
      if (bytes.length === 0) return;
      fs.readSync(this.input, bytes, 0, bytes.length, this.read_to);
      const end = bytes.lastIndexOf(0x0a) + 1;
      if (end === 0) return;
      this.read_to += end;
      for (const line of bytes.toString('latin1', 0, end - 1).split('\n')) this.take(line.split(' '));
    }
  }

  take([name, ms, kind, ...more]) {
    const life = this.life(name);
    switch (kind) {
      case 'd': return this.event(life, Number(ms), more);
      case 'ready':
        life.sessions.set(more[0], { number: this.sessions += 1, life: name, lane: more[0], acked: 0, beats: [], waiting: [] });
        return undefined;
      case 'beat': return life.sessions.get(more[0])?.beats.push(Number(more[1]));
      case 'ack': return this.answered(life.sessions.get(more[0]));
      case 'closed': return this.closed(life, more[0], Number(more[1]));
      case 'leaving': life.leaving_ms = Number(ms); return undefined;
      case 'fault': return this.faults.push(`${name}: ${more.join(' ')}`);
      default: return undefined;
    }
  }

  /** A beat of a connection that has ended is answered by nobody: the next answer is for a beat of the next one. */
  closed(life, lane, code) {
    life.closes.push(code);
    const session = life.sessions.get(lane);
    if (session) session.beats = [];
  }

  /** A beat that was answered has been taken in: what it acknowledged must not come again. */
  answered(session) {
    const acked = session?.beats.shift();
    if (!(acked > session?.acked)) return;
    session.acked = acked;
    const life = this.life(session.life);
    let known = 0;
    for (; known < session.waiting.length && session.waiting[known].s <= acked; known += 1) {
      life.acked_serial = Math.max(life.acked_serial, session.waiting[known].serial);
    }
    session.waiting.splice(0, known);
  }

  event(life, ms, [lane, s, serial_text, type, backfill, sent]) {
    if (backfill === '1') return;
    if (this.latencies && sent !== '0') this.latencies.push(ms - Number(sent));
    const session = life.sessions.get(lane);
    const serial = Number(serial_text);
    const known = this.first.get(serial);
    life.news += 1;
    life.began_ms ??= ms;
    life.ended_ms = ms;
    this.order.push({ serial, session });
    session.waiting.push({ s: Number(s), serial });
    if (!known) {
      this.first.set(serial, { type, session, s: Number(s), ms });
      return;
    }
    this.repeats.push({ serial, type, life: life.name, first: known, acknowledged: known.s <= known.session.acked });
  }

  /** The latency, in ms, that `share` of the messages received while `work` ran did not exceed. */
  async latency_while(work, share = 0.99) {
    this.read();
    this.latencies = [];
    await work();
    this.read();
    const sorted = this.latencies.sort((a, b) => a - b);
    this.latencies = null;
    if (sorted.length < 100) throw new Error(`only ${sorted.length} messages came`);
    return sorted[Math.floor(sorted.length * share)];
  }

  has(serial) { return this.first.has(serial); }
  news_of(life) { this.read(); return this.life(life).news; }
  /** Events a second of a life, from its first to its last. */
  rate_of(life) {
    const { news, began_ms, ended_ms } = this.life(life);
    return Math.round((news * 1_000) / (ended_ms - began_ms));
  }

  closes(life) { this.read(); return this.life(life).closes; }

  /** The newest serial that this life has acknowledged, 0 when none. */
  acknowledged_by(life) {
    this.read();
    return this.life(life).acked_serial;
  }
}
