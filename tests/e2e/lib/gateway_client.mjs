// A raw gateway client that does what Discord's documentation asks of a bot and remembers everything: each
// dispatch is noted before anything else happens, each session's numbering is checked, and a lost
// connection is answered by RESUME, or by IDENTIFY when that is refused.
import WebSocket from 'ws';
import { inflaters } from './inflaters.mjs';
import * as places from './places.mjs';
import { until } from './until.mjs';

const reconnect_pause_ms = 50;

export class GatewayClient {
  /**
   * `url` is the gateway's base. Options: token, intents, shard, compress ('none', 'payload', 'zlib-stream',
   * 'zstd-stream'), ca (PEM), heartbeats ('auto' or 'manual'), reconnect (true), identify (more members).
   */
  constructor(url, options = {}) {
    this.options = {
      token: places.token, intents: places.all_intents, shard: [0, 1], compress: 'none', ca: undefined,
      heartbeats: 'auto', reconnect: true, large_threshold: 250, identify: {}, ...options,
    };
    this.url = url.replace(/\/$/, '');
    this.dispatches = []; // {serial, type, guild, s, session}, in the order of receipt
    this.faults = []; // what a gateway must never do
    this.closes = []; // close codes
    this.count = { identifies: 0, resumes: 0, resumed: 0, invalid_sessions: 0, hellos: 0, acks: 0 };
    this.session = null; // {id, resume_url, seq}
    this.ready = null; // d of the newest READY
    this.backfill = new Map(); // guild id → d of the first GUILD_CREATE after READY; null while owed
    this.backfill_owed = 0;
    this.serials = new Set(); // of news, not of what a backfill repeats
    this.handlers = new Set();
    this.leaving = false;
    this.socket = null;
  }

  static async connect(t, url, options) {
    const client = new GatewayClient(url, options);
    t.after(() => client.leave(4000));
    client.open();
    await client.is_ready();
    return client;
  }

  open() {
    const resuming = this.session !== null;
    const base = resuming ? this.session.resume_url.replace(/\/$/, '') : this.url;
    const stream = this.options.compress.endsWith('-stream') ? `&compress=${this.options.compress}` : '';
    const socket = new WebSocket(`${base}/?v=10&encoding=json${stream}`, {
      perMessageDeflate: false, maxPayload: 256 << 20, ca: this.options.ca,
    });
    const feed = inflaters[this.options.compress]();
    let order = Promise.resolve();
    this.socket = socket;
    socket.on('message', (data, is_binary) => {
      if (this.options.compress === 'none') {
        this.take(socket, data.toString('utf8')); // at once: nothing may come between receipt and record
        if (is_binary) this.faults.push('a binary frame on an uncompressed connection');
        return;
      }
      order = order.then(async () => {
        const text = await feed(data, is_binary);
        if (text !== null) this.take(socket, text);
      }).catch((error) => {
        this.faults.push(`undecodable message: ${error.message}`);
        socket.terminate();
      });
    });
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', (code) => order.then(() => this.closed(socket, code)));
  }

  closed(socket, code) {
    clearTimeout(socket.beat);
    if (socket !== this.socket) return;
    this.closes.push(code);
    this.socket = null;
    if (this.leaving || !this.options.reconnect) return;
    if (code === 4007 || code === 4009) this.session = null;
    if (code === 4004 || (code >= 4010 && code <= 4014)) return;
    setTimeout(() => { if (!this.leaving && this.socket === null) this.open(); }, reconnect_pause_ms);
  }

  take(socket, text) {
    let payload;
    try {
      payload = JSON.parse(text);
    } catch (error) {
      this.faults.push(`not JSON (${error.message}): ${text.slice(0, 80)}`);
      socket.terminate();
      return;
    }
    if (payload.op === 0) this.dispatched(payload);
    else {
      if (payload.s !== null || payload.t !== null) this.faults.push(`op ${payload.op} without "s":null,"t":null`);
      this.controlled(socket, payload);
    }
    for (const handler of this.handlers) handler(payload);
  }

  dispatched({ t: type, s, d }) {
    if (type === 'READY') this.began(d, s);
    else if (type === 'RESUMED') {
      this.count.resumed += 1;
      if (s !== null && s !== this.session.seq && s !== this.session.seq + 1) this.faults.push(`RESUMED with s ${s} after ${this.session.seq}`);
      if (s !== null) this.session.seq = s;
      return;
    } else if (type === 'INTERACTION_CREATE') {
      // It overtakes, so it has no number of its own.
      if (s !== this.session.seq) this.faults.push(`${type} has s ${s} after ${this.session.seq}`);
      if (this.backfill.get(d.guild_id) === null) this.faults.push(`${type} comes before its guild ${d.guild_id}`);
    } else {
      if (s !== this.session.seq + 1) this.faults.push(`${type} has s ${s} after ${this.session.seq}`);
      this.session.seq = s;
    }
    const guild = type.startsWith('GUILD_') && d.guild_id === undefined ? d.id : d.guild_id;
    const serial = d._serial ?? 0;
    const backfill = this.is_backfill(type, d);
    this.dispatches.push({ serial, type, guild, s, session: this.session.id, backfill });
    if (!backfill && serial) this.serials.add(serial);
  }

  began(d, s) {
    if (s !== 1) this.faults.push(`READY has s ${s}`);
    if (!Array.isArray(d.guilds)) this.faults.push('READY without guilds');
    this.ready = d;
    this.session = { id: d.session_id, resume_url: d.resume_gateway_url ?? this.url, seq: s };
    this.backfill = new Map(d.guilds.map(({ id }) => [id, null]));
    this.backfill_owed = this.backfill.size;
  }

  /** Notes a guild that READY listed; true for what the gateway made up to tell its state. */
  is_backfill(type, d) {
    if (type === 'READY') return true;
    if (this.backfill_owed === 0 || this.backfill.get(d.id) !== null) return false;
    if (type !== 'GUILD_CREATE' && !(type === 'GUILD_DELETE' && d.unavailable)) return false;
    this.backfill.set(d.id, d);
    this.backfill_owed -= 1;
    return true;
  }

  controlled(socket, payload) {
    switch (payload.op) {
      case 1:
        this.beat();
        break;
      case 7:
        socket.close(4000);
        break;
      case 9:
        this.count.invalid_sessions += 1;
        if (!payload.d) this.session = null;
        this.introduce();
        break;
      case 10:
        this.count.hellos += 1;
        if (!(payload.d?.heartbeat_interval > 0)) this.faults.push('HELLO without heartbeat_interval');
        else if (this.options.heartbeats === 'auto') this.keep_beating(socket, payload.d.heartbeat_interval);
        this.introduce();
        break;
      case 11:
        this.count.acks += 1;
        break;
      default:
        this.faults.push(`unexpected op ${payload.op}`);
    }
  }

  introduce() {
    if (this.session) {
      this.count.resumes += 1;
      this.send(6, { token: this.options.token, session_id: this.session.id, seq: this.session.seq });
      return;
    }
    this.count.identifies += 1;
    this.send(2, {
      token: this.options.token, intents: this.options.intents, shard: this.options.shard,
      compress: this.options.compress === 'payload', large_threshold: this.options.large_threshold,
      properties: { os: 'linux', browser: 'evergate-e2e', device: 'evergate-e2e' }, ...this.options.identify,
    });
  }

  keep_beating(socket, interval) {
    clearTimeout(socket.beat);
    socket.beat = setTimeout(() => {
      if (socket !== this.socket) return;
      this.beat();
      this.keep_beating(socket, interval);
    }, interval);
    socket.beat.unref();
  }

  /** Acknowledges everything received (or `seq`). */
  beat(seq = this.session?.seq ?? null) {
    this.send(1, seq);
  }

  send(op, d) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ op, d }));
  }

  /** Cuts the connection without a close frame; it comes back by itself when `reconnect` is on. */
  drop() {
    this.socket?.terminate();
  }

  /** Leaves for good with a close code; 1000 ends the session. */
  async leave(code = 1000) {
    this.leaving = true;
    const socket = this.socket;
    if (!socket) return;
    socket.close(code);
    const cut = setTimeout(() => socket.terminate(), 2_000);
    await until('the connection is closed', () => socket.readyState === WebSocket.CLOSED).finally(() => clearTimeout(cut));
  }

  /** READY came, and a GUILD_CREATE (or outage) for every guild it lists. */
  async is_ready(options) {
    return until(
      () => `READY and its guilds (${this.backfill_owed} owed, closes ${this.closes}, faults ${this.faults})`,
      () => this.ready !== null && this.backfill_owed === 0,
      options,
    );
  }

  /** Everything received, oldest first. */
  received() {
    return this.dispatches;
  }

  has(serial) {
    return this.serials.has(serial);
  }

  /** The next payload that `accepts` likes. */
  next(what, accepts, options) {
    let found = null;
    const handler = (payload) => { if (found === null && accepts(payload)) found = payload; };
    this.handlers.add(handler);
    return until(what, () => found, options).finally(() => this.handlers.delete(handler));
  }
}
