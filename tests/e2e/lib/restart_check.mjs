// The verdict over restarts of bots: the simulator's ledger held against a consumer's record book.
import { until } from './until.mjs';

const is_interaction = ({ type }) => type === 'INTERACTION_CREATE';
const shown_max = 5;

/**
 * `absences` are stretches [from, to] of serials in which a bot was away: an interaction of these that was sent and
 * did not arrive, or has expired, is not sent again. Returns lists of what is wrong, and counts.
 */
export function judge_restarts(ledger, book, absences = []) {
  const guild_of = new Map(ledger.map(({ serial, guild }) => [serial, guild]));
  const away = (serial) => absences.some(([from, to]) => serial > from && serial <= to);
  const verdict = { events: ledger.length, lost: [], interactions_lost: 0, repeated: [], acknowledged_repeated: [], interactions_repeated: [], reordered: [], faults: book.faults };
  for (const entry of ledger) {
    if (book.has(entry.serial)) continue;
    if (is_interaction(entry) && away(entry.serial)) verdict.interactions_lost += 1;
    else verdict.lost.push(entry);
  }
  for (const again of book.repeats) {
    if (!guild_of.has(again.serial)) continue; // before the stretch that is judged
    verdict.repeated.push(again);
    if (again.acknowledged) verdict.acknowledged_repeated.push(again);
    if (is_interaction(again)) verdict.interactions_repeated.push(again);
  }
  verdict.reordered = disorder(book, guild_of);
  return verdict;
}

/** Within a session a guild's serials rise; and so do those that are news, over all sessions together. */
function disorder(book, guild_of) {
  const out = [];
  const newest = new Map();
  const seen = new Set();
  const rises = (key, serial, where) => {
    const before = newest.get(key) ?? 0;
    if (serial > before) newest.set(key, serial);
    else out.push({ serial, after: before, where });
  };
  for (const { serial, session } of book.order) {
    const guild = guild_of.get(serial);
    if (guild === undefined || book.first.get(serial).type === 'INTERACTION_CREATE') continue;
    rises(`${session.number} ${guild}`, serial, `guild ${guild} in a session of ${session.life}`);
    if (seen.has(serial)) continue;
    seen.add(serial);
    rises(guild, serial, `guild ${guild} over all lives, in ${session.life}`);
  }
  return out;
}

/** Waits until every event has come that must, or none comes any more for `silence_ms`; then judges. */
export async function judged_restarts(ledger, book, absences = [], { silence_ms = 30_000 } = {}) {
  const away = (serial) => absences.some(([from, to]) => serial > from && serial <= to);
  const owed = ledger.filter((entry) => !(is_interaction(entry) && away(entry.serial)));
  let at = 0;
  let size = -1;
  while (size !== book.order.length) {
    size = book.order.length;
    const arrived = () => {
      book.read();
      while (at < owed.length && book.has(owed[at].serial)) at += 1;
      return at === owed.length;
    };
    if (await until('every event arrives', arrived, { timeout_ms: silence_ms }).catch(() => false)) break; // the verdict names what is missing
  }
  return judge_restarts(ledger, book, absences);
}

/** What is wrong, in a form that a failed assertion prints readably; {} when nothing is. */
export function wrongs(verdict, { repeats = true } = {}) {
  const out = {};
  const add = (name, list, text) => {
    if (list.length > 0) out[name] = [`${list.length} in all`, ...list.slice(0, shown_max).map(text)];
  };
  const again = ({ serial, type, life, first }) => `serial ${serial} ${type}, first in ${first.session.life} as ${first.s} (acknowledged ${first.session.acked}), again in ${life}`;
  add('lost', verdict.lost, ({ serial, type, guild }) => `serial ${serial} ${type} of guild ${guild}`);
  add('reordered', verdict.reordered, ({ serial, after, where }) => `serial ${serial} after ${after}: ${where}`);
  add('acknowledged and yet repeated', verdict.acknowledged_repeated, again);
  add('interactions twice', verdict.interactions_repeated, again);
  if (!repeats) add('repeated', verdict.repeated, again);
  add('faults', verdict.faults, (text) => text);
  return out;
}

export function figures(verdict) {
  return `${verdict.events} events, ${verdict.lost.length} lost, ${verdict.repeated.length} repeated (${verdict.acknowledged_repeated.length} of them acknowledged), `
    + `${verdict.interactions_lost} interactions lost while away, ${verdict.interactions_repeated.length} twice, ${verdict.reordered.length} out of order`;
}
