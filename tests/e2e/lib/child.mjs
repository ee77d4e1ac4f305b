// A child process whose lines are kept, and which never outlives the test.
import { spawn } from 'node:child_process';
import readline from 'node:readline';
import { until, fatal } from './until.mjs';

const lines_max = 200_000;
const alive = new Set();
process.on('exit', () => {
  for (const child of alive) child.process.kill('SIGKILL');
});

export class Child {
  constructor(program, args, { env = {}, stdin = 'ignore', name = program, on_stdout = null } = {}) {
    this.name = name;
    this.stdout = [];
    this.stderr = [];
    this.ended = null;
    // The kernel kills it should this process die without a chance to do so.
    this.process = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], { stdio: [stdin, 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.process.on('error', (error) => {
      this.ended = { code: null, signal: null, error: error.message };
      alive.delete(this);
    });
    this.process.on('exit', (code, signal) => {
      this.ended = { code, signal };
      alive.delete(this);
    });
    this.streams_open = 2;
    for (const stream of ['stdout', 'stderr']) {
      const lines = readline.createInterface({ input: this.process[stream] });
      lines.on('close', () => { this.streams_open -= 1; });
      lines.on('line', (line) => {
        if (process.env.EVERGATE_VERBOSE) console.error(`# ${name}: ${line}`);
        if (stream === 'stdout' && on_stdout) return on_stdout(line);
        this[stream].push(line);
        if (this[stream].length > lines_max) throw new Error(`${name} wrote more than ${lines_max} lines to ${stream}`);
      });
    }
    alive.add(this);
  }

  /** The first line of `stream` for which `accepts` holds; fails at once when the child has ended. */
  async line(stream, accepts, what, options) {
    return until(
      () => `${this.name}: ${what}; its last words: ${this.last_words()}`,
      () => {
        const found = this[stream].find(accepts);
        if (found === undefined && this.ended) throw fatal(`${this.name} ended (${JSON.stringify(this.ended)}) before ${what}: ${this.last_words()}`);
        return found;
      },
      options,
    );
  }

  last_words() {
    return this.stderr.slice(-8).join(' | ');
  }

  write(line) {
    this.process.stdin.write(`${line}\n`);
  }

  kill(signal) {
    this.process.kill(signal);
  }

  /** Waits until it has ended and its last line was read. */
  async gone(options) {
    return until(`${this.name} ends`, () => this.streams_open === 0 && this.ended, options);
  }

  async stop(signal = 'SIGTERM') {
    if (this.ended) return;
    this.kill(signal);
    try {
      await this.gone({ timeout_ms: 15_000 });
    } catch {
      this.kill('SIGKILL');
      await this.gone();
    }
  }
}
