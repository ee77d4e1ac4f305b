// Simulated Discord as a child process, and its control API.
import { Child } from './child.mjs';
import * as places from './places.mjs';
import { until } from './until.mjs';

const ledger_page = 20_000;

export class Simulator {
  /** Starts evergate-sim on free ports. `options` are its options with _ for -, for example {guilds: 100}. */
  static async start(t, options = {}) {
    const defaults = {
      port: 0, control_port: 0, guilds: 50, members: 20, seed: 7, rate: 0, token: places.token, shards: 2,
      max_concurrency: 16, heartbeat_interval_ms: 20_000, identify_interval_ms: 50,
    };
    const args = Object.entries({ ...defaults, ...options }).flatMap(([key, value]) => [`--${key.replaceAll('_', '-')}`, String(value)]);
    const simulator = new Simulator(new Child(places.simulator, args, { name: 'evergate-sim' }), options);
    t.after(() => simulator.child.stop());
    const line = await simulator.child.line('stdout', (text) => text.startsWith('{'), 'it prints its ports');
    ({ gateway: simulator.port, control: simulator.control_port } = JSON.parse(line));
    return simulator;
  }

  constructor(child, options) {
    this.child = child;
    this.tls = options.tls_cert !== undefined;
    this.port = 0;
    this.control_port = 0;
    this.newest = 0;
  }

  get rest() {
    return `${this.tls ? 'https' : 'http'}://${this.tls ? 'localhost' : '127.0.0.1'}:${this.port}/api`;
  }

  async ask(path, body) {
    const answer = await fetch(`http://127.0.0.1:${this.control_port}/control/${path}`, body === undefined ? {} : {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`control/${path} answered ${answer.status}: ${text}`);
    return text;
  }

  async json(path, body) {
    const text = await this.ask(path, body);
    return text === '' ? null : JSON.parse(text);
  }

  rate(events_per_second) { return this.json('rate', { events_per_second }); }
  emit(count, type) { return this.json('emit', type ? { count, type } : { count }); }
  /** One fault (docs/simulated-discord.md): {done: connections} or {armed: true}. */
  fault(kind, more = {}) { return this.json('fault', { kind, ...more }); }
  /** What is armed, and how often each kind has happened: {armed: […], fired: {kind: times}}. */
  faults() { return this.json('faults'); }
  clear_faults() { return this.json('faults/clear', {}); }
  /** Waits until that fault has happened so often. */
  fired(kind, times = 1) {
    return until(`${kind} happens`, async () => ((await this.faults()).fired[kind] ?? 0) >= times);
  }
  /** Closes connections: of one shard or all, with a code (4000) or 0 for none. */
  disconnect(what = {}) { return this.fault('close', what); }
  /** Ends every outage: the guilds that are away come back. */
  settle() { return this.json('settle', {}); }
  status() { return this.json('status'); }
  guild(id, intents = places.all_intents) { return this.json(`guild/${id}?intents=${intents}`); }
  /** The guilds the bot is in, as [{id, available}]. */
  guilds(shard = 0, count = 1) { return this.json(`guilds?shard=${shard}&count=${count}`); }

  /** Breaches of Discord's rules; what the simulator merely notes is left out. */
  async violations() {
    return (await this.json('violations')).filter(({ info }) => !info);
  }

  /**
   * Everything dispatched with a serial past `after`, oldest first, as {serial, guild, type, kind, deliveries};
   * kind is event, backfill, reply or session.
   */
  async ledger(after = 0) {
    const entries = [];
    for (let from = after; ;) {
      const text = await this.ask(`ledger?after=${from}&limit=${ledger_page}`);
      const page = text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
      entries.push(...page);
      if (page.length < ledger_page) return entries;
      from = page[page.length - 1].serial;
    }
  }

  /** The events of the ledger past `after`, as {serial, guild, type, kind}: small enough for a million. */
  async events(after = 0) {
    const entries = [];
    for (let from = after; ;) {
      const lines = (await this.ask(`ledger?after=${from}&limit=${ledger_page}`)).split('\n').filter((line) => line !== '');
      for (const line of lines) {
        const { serial, guild, type, kind } = JSON.parse(line);
        if (kind === 'event') entries.push({ serial, guild, type, kind });
        from = serial;
      }
      if (lines.length < ledger_page) return entries;
    }
  }

  /** The newest serial there is. Asks only for what came since the last time. */
  async newest_serial() {
    const entries = await this.ledger(this.newest);
    if (entries.length > 0) this.newest = entries[entries.length - 1].serial;
    return this.newest;
  }

  /** Stops the flow and waits until two looks at the ledger agree. Returns the newest serial. */
  async quiet() {
    await this.rate(0);
    let newest = -1;
    await until('the simulator falls silent', async () => {
      const before = newest;
      newest = await this.newest_serial();
      return newest === before;
    });
    return newest;
  }
}
