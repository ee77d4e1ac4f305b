// The daemon behind a launcher that keeps its listening socket, so that it can be killed and started again
// while the connections of bots wait.
import fs from 'node:fs';
import path from 'node:path';
import { Child } from './child.mjs';
import * as places from './places.mjs';
import { to_toml } from './toml.mjs';
import { until, fatal } from './until.mjs';

function merged(base, changes) {
  const out = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    const both = value && typeof value === 'object' && !Array.isArray(value) && typeof out[key] === 'object';
    out[key] = both ? merged(out[key], value) : value;
  }
  return out;
}

export class Daemon {
  /** Writes a configuration for `simulator` (changed by `config`), opens the socket and starts the daemon. */
  static async start(t, simulator, { config = {}, ready = true, port = 0, program } = {}) {
    const directory = places.scratch(t, 'daemon');
    const data_dir = config.data_dir ?? path.join(directory, 'data');
    fs.mkdirSync(path.dirname(data_dir), { recursive: true });
    const settings = merged({
      token: places.token,
      intents: places.all_intents,
      data_dir,
      workers: 2,
      listen: { address: '127.0.0.1', port: 0 },
      admin: { port: 0 },
      discord: { rest: simulator.rest },
      // On a busy machine anything may take seconds: how old an interaction has become says nothing here. The
      // tests of its expiry ask for it.
      interactions: { expired: 'deliver' },
      log: { level: 'info' },
    }, config);
    const file = path.join(directory, 'evergate.toml');
    fs.writeFileSync(file, to_toml(settings));
    const args = [places.launcher, '--stdin', '--port', String(port), '--', program ?? places.evergate, '--config', file];
    const daemon = new Daemon(new Child('python3', args, { stdin: 'pipe', name: 'evergate' }), settings, file);
    t.after(() => daemon.end());
    const line = await daemon.child.line('stdout', (text) => text.includes('"listening"'), 'the socket is open');
    daemon.port = JSON.parse(line).port;
    await daemon.launch({ ready });
    return daemon;
  }

  constructor(child, settings, file) {
    this.child = child;
    this.settings = settings;
    this.file = file;
    this.port = 0;
  }

  get tls() { return this.settings.listen.tls_certificate !== undefined; }
  get data_dir() { return this.settings.data_dir; }
  get api() { return `${this.tls ? 'https' : 'http'}://${this.tls ? 'localhost' : '127.0.0.1'}:${this.port}/api`; }
  get gateway() { return `${this.tls ? 'wss' : 'ws'}://${this.tls ? 'localhost' : '127.0.0.1'}:${this.port}`; }
  get log() { return this.child.stderr; }

  /** What the launcher said, as objects. */
  happenings(event) {
    return this.child.stdout.map((line) => JSON.parse(line)).filter((entry) => entry.event === event);
  }

  get pid() {
    const started = this.happenings('started');
    const exited = this.happenings('exited');
    return started.length > exited.length ? started[started.length - 1].pid : null;
  }

  /** Starts the daemon; with `ready`, waits until every shard is. */
  async launch({ ready = true } = {}) {
    const from = this.child.stderr.length;
    this.child.write('start');
    await until('the launcher starts the daemon', () => this.pid);
    if (ready) await this.said('fleet.ready', { from });
  }

  /** The first log line that contains `text`, at or after the line number `from`. */
  async said(text, { from = 0, timeout_ms = 60_000 } = {}) {
    return until(
      () => `the daemon logs ${text}; its last words: ${this.child.last_words()}`,
      () => {
        const line = this.child.stderr.slice(from).find((entry) => entry.includes(text));
        if (line === undefined && this.pid === null) throw fatal(`the daemon ended before it logged ${text}: ${this.child.last_words()}`);
        return line;
      },
      { timeout_ms },
    );
  }

  async exit() {
    const exits = this.happenings('started').length;
    return until('the daemon ends', () => this.happenings('exited')[exits - 1]);
  }

  async kill9() {
    process.kill(this.pid, 'SIGKILL');
    await this.exit();
  }

  async restart() {
    await this.kill9();
    await this.launch();
  }

  /** Kills it, changes its configuration and starts it again. */
  async reconfigure(changes) {
    await this.kill9();
    this.settings = merged(this.settings, changes);
    fs.writeFileSync(this.file, to_toml(this.settings));
    await this.launch();
  }

  async stop() {
    this.child.write('stop');
    await this.exit();
  }

  async end() {
    await this.child.stop('SIGTERM');
  }

  /** What the admin API answers: {status, body}. Its token and address are where a command finds them. */
  async admin(path, { method = 'GET', body, token } = {}) {
    const [url, written] = ['admin.url', 'admin.token'].map((name) => fs.readFileSync(`${this.data_dir}/${name}`, 'utf8').trim());
    const answer = await fetch(`${url}${path}`, {
      method, headers: { authorization: `Bearer ${token ?? written}` }, body: body && JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  }

  /** Like admin(), but anything but 200 is an error. */
  async told(path, options) {
    const { status, body } = await this.admin(path, options);
    if (status !== 200) throw new Error(`${path} answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  /** Every consumer and its lanes, and the journal's head. */
  async status() {
    return this.told('/v1/consumers');
  }

  /** Runs a command of the daemon's own program against it: {code, text, errors}. */
  async command(...args) {
    const child = new Child(places.evergate, [...args, '--config', this.file], { name: `evergate ${args[0]}`, env: { DISCORD_TOKEN: undefined } });
    const { code } = await child.gone();
    return { code, text: child.stdout.join('\n'), errors: child.stderr.join('\n') };
  }

  /** Everything that the journal holds, by the daemon's own reader. */
  async journal() {
    const rows = [];
    const args = ['journal', 'dump', '--data-dir', this.data_dir];
    const reader = new Child(places.evergate, args, { name: 'journal dump', on_stdout: (line) => rows.push(JSON.parse(line)) });
    const { code } = await reader.gone();
    if (code !== 0) throw new Error(`journal dump ended with ${code}: ${reader.last_words()}`);
    return rows;
  }
}
