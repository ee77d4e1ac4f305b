// The verdict over what was received: lost, doubled, out of order within a guild.

import { until } from './until.mjs';

/** What everyone is told; backfills, replies and the start of sessions are for one receiver. */
const is_news = ({ kind = 'event' }) => kind === 'event';

/**
 * `ledger`: what simulated Discord dispatched, as {serial, guild, type}. `received`: {serial, type, backfill?}
 * in the order of receipt. Entries of the ledger for which `due` says no need not arrive. Doubled counts
 * every arrival after the first.
 */
export function judge(ledger, received, { due = () => true } = {}) {
  const known = new Map(ledger.filter(is_news).map((entry) => [entry.serial, entry]));
  const seen = new Set();
  const newest_of_guild = new Map();
  const verdict = { expected: 0, received: 0, lost: [], doubled: [], reordered: [], unknown: [], known };
  for (const { serial, type, backfill } of received) {
    if (!serial || backfill) continue;
    const entry = known.get(serial);
    if (!entry) continue; // no news, or before the stretch that is judged
    // A bot's record does not tell a guild shown again from one that was joined: the former has the serial of
    // whatever last touched the document, or one that was seen before.
    const maybe_backfill = backfill === undefined && type === 'GUILD_CREATE';
    if (maybe_backfill && (entry.type !== type || seen.has(serial))) continue;
    if (entry.type !== type) verdict.unknown.push({ serial, type, ledger: entry.type });
    if (seen.has(serial)) {
      verdict.doubled.push(serial);
      continue;
    }
    seen.add(serial);
    verdict.received += 1;
    if (type === 'INTERACTION_CREATE') continue; // they overtake
    const guild = String(entry.guild ?? 0);
    if (serial < (newest_of_guild.get(guild) ?? 0)) verdict.reordered.push({ serial, guild, after: newest_of_guild.get(guild) });
    else newest_of_guild.set(guild, serial);
  }
  for (const entry of ledger) {
    if (!is_news(entry) || !due(entry)) continue;
    verdict.expected += 1;
    if (!seen.has(entry.serial)) verdict.lost.push(entry.serial);
  }
  return verdict;
}

/**
 * Waits until `receiver` has every due entry of the ledger, then judges. What has not come within
 * `timeout_ms` is lost.
 */
export async function judged(ledger, receiver, { due = () => true, timeout_ms = 60_000 } = {}) {
  const owed = ledger.filter((entry) => is_news(entry) && due(entry));
  let at = 0;
  await until('every event arrives', () => {
    while (at < owed.length && receiver.has(owed[at].serial)) at += 1;
    return at === owed.length;
  }, { timeout_ms }).catch(() => {}); // the verdict names what is missing
  return judge(ledger, receiver.received(), { due });
}

/** The verdict in a form that a failed assertion prints readably. */
export function summary(verdict) {
  const { lost, doubled, reordered, unknown, known } = verdict;
  const named = (serial) => `${serial} ${known.get(serial).type}`;
  return {
    lost: lost.length, doubled: doubled.length, reordered: reordered.length, unknown: unknown.length,
    ...(lost.length && { first_lost: lost.slice(0, 5).map(named) }),
    ...(doubled.length && { first_doubled: doubled.slice(0, 5).map(named) }),
    ...(reordered.length && { first_reordered: reordered.slice(0, 3) }),
    ...(unknown.length && { first_unknown: unknown.slice(0, 3) }),
  };
}

export const clean = { lost: 0, doubled: 0, reordered: 0, unknown: 0 };
