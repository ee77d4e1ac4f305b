// The daemon's own memory (RssAnon: pages of the store's map come and go with the page cache and are not its own), and
// what its options allow it to be. docs/restarts.md has the sum as a table.
import fs from 'node:fs';

const mib = 2 ** 20;

/** Bytes that the bounds of a daemon with default options sum up to. */
export function memory_bound({ workers = 2, bots = 1, guilds = 0, output_bytes_high = mib, ack_window = 262_144 } = {}) {
  const program = 24 * mib; // libraries, allocator, stacks
  const mailbox = 2 * 64 * mib; // batches on their way to the writer, and in its hands
  const ring = 32 * mib; // recent batches
  const versions = 16 * mib; // guild versions on their way to the store
  const reading = 16 * mib; // of each worker: the batches that its lanes have just read
  const bot = 2 * (output_bytes_high + 256 * 1024) + 4 * ack_window; // a buffer may have doubled
  const guild = 4 * 1024; // index, with the blobs that hold its changes
  return program + mailbox + ring + versions + workers * reading + bots * bot + guilds * guild;
}

export function anonymous_bytes(pid) {
  const line = fs.readFileSync(`/proc/${pid}/status`, 'latin1').split('\n').find((text) => text.startsWith('RssAnon:'));
  return Number(line.split(/\s+/)[1]) * 1024;
}

/** Samples until stop(), which gives the most there was. */
export class MemoryWatch {
  constructor(daemon) {
    this.most = 0;
    this.look = () => { if (daemon.pid) this.most = Math.max(this.most, anonymous_bytes(daemon.pid)); };
    this.timer = setInterval(this.look, 50);
    this.timer.unref();
  }

  stop() {
    clearInterval(this.timer);
    this.look();
    return this.most;
  }
}

export const in_mib = (bytes) => `${(bytes / mib).toFixed(1)} MiB`;
