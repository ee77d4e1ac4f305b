// A disk of a few MiB (tmpfs) that can be made larger. Needs root; null where it cannot be mounted.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

function run(...words) {
  return spawnSync(words[0], words.slice(1), { encoding: 'utf8' });
}

export class SmallDisk {
  static mount(t, size) {
    const place = fs.mkdtempSync(path.join(os.tmpdir(), 'evergate-disk-'));
    const done = run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', place);
    t.after(() => {
      if (done.status === 0) run('umount', '-l', place); // what is still open in it goes on
      fs.rmdirSync(place);
    });
    return done.status === 0 ? new SmallDisk(place) : null;
  }

  constructor(place) {
    this.place = place;
  }

  resize(size) {
    const done = run('mount', '-o', `remount,size=${size}`, this.place);
    if (done.status !== 0) throw new Error(`remount: ${done.stderr}`);
  }
}
