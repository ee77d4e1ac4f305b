// What a bot of these tests saw, one line each, written before anything else happens and without a buffer of our
// own, so that it outlives a SIGKILL. All processes of a consumer append to one file: its order is the order in
// which things happened. Read by ../lib/record_book.mjs:
//
//   LIFE MS d LANE SEQ SERIAL TYPE BACKFILL SENT   an event reached the handlers; BACKFILL is 1 for what READY
//                                             announced, SENT the time in a message's id, 0 for other events
//   LIFE MS ready LANE SESSION                a session began (READY)
//   LIFE MS beat LANE SEQ, LIFE MS ack LANE   a heartbeat left; it was answered
//   LIFE MS closed LANE CODE                  the connection ended
//   LIFE MS begin | leaving | fault TEXT
import fs from 'node:fs';

const { BOT_LIFE: life, RECORD_FILE: file } = process.env;
const out = fs.openSync(file, 'a');

export function note(...words) {
  const ms = performance.timeOrigin + performance.now();
  fs.writeSync(out, `${life} ${ms.toFixed(2)} ${words.join(' ')}\n`);
}

/** When Discord made what has this id. */
const made_ms = (id) => Number(BigInt(id) >> 22n) + 1_420_070_400_000;

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
    return note('d', this.id, s, d._serial, type, shown ? 1 : 0, type === 'MESSAGE_CREATE' ? made_ms(d.id) : 0);
  }
}
