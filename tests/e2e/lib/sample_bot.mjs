// The discord.js bot of examples/ as a child process, with the record it keeps of what it received.
import fs from 'node:fs';
import path from 'node:path';
import { Child } from './child.mjs';
import * as places from './places.mjs';

export class SampleBot {
  constructor(t, daemon, { intents = places.all_intents, consumer = '', shards = 'auto', ca } = {}) {
    const api = consumer ? daemon.api.replace(/\/api$/, `/c/${consumer}/api`) : daemon.api;
    this.record_file = path.join(places.scratch(t, 'bot'), 'serials');
    fs.writeFileSync(this.record_file, '');
    this.env = {
      EVERGATE_URL: api, DISCORD_TOKEN: places.token, INTENTS: String(intents), SHARDS: String(shards),
      RECORD_FILE: this.record_file, ...(ca && { NODE_EXTRA_CA_CERTS: ca }),
    };
    this.record = fs.openSync(this.record_file, 'r');
    this.read_to = 0;
    this.events = [];
    this.serials = new Set();
    this.child = null;
    t.after(() => fs.closeSync(this.record));
    t.after(() => this.child?.stop('SIGKILL'));
  }

  async start({ timeout_ms = 60_000 } = {}) {
    this.child = new Child(process.execPath, [places.sample_bot], { env: this.env, name: 'sample bot' });
    await this.child.line('stdout', (line) => line.startsWith('bot: ready as'), 'it is ready', { timeout_ms });
  }

  async kill9() {
    this.child.kill('SIGKILL');
    await this.child.gone();
  }

  /** Ends it as an operator would; discord.js closes its sessions with 1000. */
  async stop() {
    await this.child.stop('SIGTERM');
  }

  said(text) {
    return this.child.stdout.filter((line) => line.includes(text));
  }

  /** Everything it received so far, over all its lives, oldest first. */
  received() {
    const whole = fs.fstatSync(this.record).size;
    if (whole > this.read_to) {
      const bytes = Buffer.alloc(whole - this.read_to);
      fs.readSync(this.record, bytes, 0, bytes.length, this.read_to);
      const end = bytes.lastIndexOf(0x0a) + 1;
      this.read_to += end;
      for (const line of bytes.subarray(0, end).toString('latin1').split('\n')) {
        const [serial, type] = line.split(' ');
        if (type === undefined) continue;
        this.events.push({ serial: Number(serial), type });
        this.serials.add(Number(serial));
      }
    }
    return this.events;
  }

  has(serial) {
    this.received();
    return this.serials.has(serial);
  }
}
