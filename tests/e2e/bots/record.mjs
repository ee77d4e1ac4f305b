// What a bot of these tests saw, one line each, written before anything else happens and without a buffer of our
// own, so that it outlives a SIGKILL. All processes of a consumer append to one file: its order is the order in
// which things happened. Read by ../lib/record_book.mjs:
//
//   LIFE MS d LANE SEQ SERIAL TYPE BACKFILL   an event reached the handlers; BACKFILL is 1 for what READY announced
//   LIFE MS ready LANE SESSION                a session began (READY)
//   LIFE MS beat LANE SEQ, LIFE MS ack LANE   a heartbeat left; it was answered
//   LIFE MS closed LANE CODE                  the connection ended
//   LIFE MS begin | leaving | fault TEXT
import fs from 'node:fs';

const { BOT_LIFE: life, RECORD_FILE: file } = process.env;
const out = fs.openSync(file, 'a');

export function note(...words) {
  fs.writeSync(out, `${life} ${Date.now()} ${words.join(' ')}\n`);
}

/** Tells news from what a READY announced, for one lane. */
export class Lane {
  constructor(id) {
    this.id = id;
    this.owed = new Set();
  }

  dispatch({ t: type, s, d }) {
    if (type === 'RESUMED') return note('resumed', this.id);
    if (type === 'READY') {
      this.owed = new Set(d.guilds.map(({ id }) => id));
      return note('ready', this.id, d.session_id);
    }
    const shown = this.owed.size > 0 && (type === 'GUILD_CREATE' || type === 'GUILD_DELETE') && this.owed.delete(d.id);
    if (d?._serial === undefined) return undefined;
    return note('d', this.id, s, d._serial, type, shown ? 1 : 0);
  }
}
