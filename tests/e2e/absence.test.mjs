// Bots that are away for long or do not read: everything is delivered in order afterwards, and the daemon's own memory
// stays within what its options sum up to. EVERGATE_QUEUED, EVERGATE_STALLED and EVERGATE_BACKLOG are the events of the
// long form.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryWatch, in_mib, memory_bound } from './lib/daemon_memory.mjs';
import { GatewayClient } from './lib/gateway_client.mjs';
import { clean, judged, summary } from './lib/ledger_check.mjs';
import { Daemon } from './lib/daemon.mjs';
import { Trial } from './lib/restart_trial.mjs';
import { Simulator } from './lib/simulator.mjs';
import { until } from './lib/until.mjs';

const queued = Number(process.env.EVERGATE_QUEUED ?? 50_000);
const stalled_events = Number(process.env.EVERGATE_STALLED ?? 10_000);
const backlog = Number(process.env.EVERGATE_BACKLOG ?? 20_000);
const guilds = 200;
/** A Discord id's time, in ms since 1970. */
const made_at = (id) => Number(BigInt(id) >> 22n) + 1_420_070_400_000;

async function emit(simulator, count, type) {
  for (let left = count; left > 0; left -= 20_000) await simulator.emit(Math.min(left, 20_000), type);
}

test(`away while ${queued} events queue, then all of them in order`, async (t) => {
  const config = { queue: { max_events: 4_000_000, max_bytes: '8GiB' } };
  const trial = await Trial.start(t, { config, rate: 0, simulator: { guilds, replay_max: 1_000_000 } });
  await emit(trial.simulator, 1_000);
  await trial.each((side) => side.bots[0].receives(500));
  const from = Math.min(...trial.sides.map((side) => side.book.acknowledged_by(side.bots[0].life)));
  await trial.each((side) => side.bots[0].kill9());
  const watch = new MemoryWatch(trial.daemon);
  await emit(trial.simulator, queued);
  const newest = await trial.simulator.newest_serial();
  for (const side of trial.sides) side.absences.push([from, newest - queued]);
  await trial.each((side) => side.bots[0].start());
  await trial.judge();
  const most = watch.stop();
  const bound = memory_bound({ bots: 2, guilds });
  t.diagnostic(`figure: RssAnon at most ${in_mib(most)} of ${in_mib(bound)}`);
  for (const side of trial.sides) t.diagnostic(`figure: ${side.consumer}: caught up at ${side.book.rate_of(side.bots[0].life)} events/s`);
  assert.ok(most <= bound, `RssAnon ${in_mib(most)} is beyond the bound ${in_mib(bound)}`);
});

test(`an interaction in the middle of a queue of ${backlog} events comes at once, behind its guild`, async (t) => {
  const simulator = await Simulator.start(t, { guilds, shards: 2, replay_max: 1_000_000 });
  const daemon = await Daemon.start(t, simulator);
  const before = await GatewayClient.connect(t, daemon.gateway);
  await before.leave(1000);
  await emit(simulator, backlog, 'MESSAGE_CREATE');
  await until('all of it is queued', async () => (await daemon.status()).consumers[0].lanes[0].lag >= backlog);
  const client = new GatewayClient(daemon.gateway);
  t.after(() => client.leave(4000));
  let messages = 0;
  let arrived = null;
  client.handlers.add(({ t: type, d }) => {
    if (type === 'MESSAGE_CREATE') messages += 1;
    if (type === 'INTERACTION_CREATE') arrived = { after_ms: Date.now() - made_at(d.id), messages };
  });
  client.open();
  await until('the queue flows', () => messages > 0);
  await simulator.emit(1, 'INTERACTION_CREATE');
  await until('the interaction arrives', () => arrived);
  t.diagnostic(`figure: an interaction came ${arrived.after_ms} ms after Discord made it, ahead of ${backlog - arrived.messages} of ${backlog} queued events`);
  assert.ok(arrived.messages < backlog, 'it came behind the queue');
  await until('the queue is delivered', () => messages === backlog, { timeout_ms: 600_000 });
  assert.deepEqual(client.faults, []); // its guild came first: the client looks
});

test('a bot that stops reading costs no memory and delays nobody', async (t) => {
  const trial = await Trial.start(t, { sides: ['raw'], simulator: { guilds } });
  const [others] = trial.sides;
  const stalled = await GatewayClient.connect(t, `${trial.daemon.gateway}/c/stalled`);
  const lane = async () => (await trial.daemon.status()).consumers.find(({ name }) => name === 'stalled').lanes[0];
  await trial.dispatched(2_000);
  const watch = new MemoryWatch(trial.daemon);
  const undisturbed = await others.book.latency_while(() => trial.dispatched(stalled_events));
  const start = [...stalled.serials].reduce((most, serial) => Math.max(most, serial), 0); // too many for arguments

  stalled.socket.pause(); // its heartbeats go on
  let position = -1;
  await until('its socket is full', async () => {
    const before = position;
    await trial.dispatched(500);
    ({ position } = await lane());
    return position === before;
  });
  const disturbed = await others.book.latency_while(() => trial.dispatched(stalled_events));
  const { lag } = await lane();
  const most = watch.stop();
  const bound = memory_bound({ bots: 2, guilds });
  t.diagnostic(`figure: p99 from Discord to the others: undisturbed ${undisturbed.toFixed(1)} ms, beside a stalled bot ${disturbed.toFixed(1)} ms, ratio ${(disturbed / undisturbed).toFixed(2)}; `
    + `${lag} events waited; RssAnon at most ${in_mib(most)} of ${in_mib(bound)}`);
  assert.ok(lag >= stalled_events / 2, `the bot was to be behind, it is by ${lag}`);
  assert.ok(most <= bound, `RssAnon ${in_mib(most)} is beyond the bound ${in_mib(bound)}`);

  stalled.socket.resume();
  const ledger = await trial.judge();
  // Nothing expires here, but an interaction may have been on its way before the stretch that is judged.
  const due = ({ serial, type }) => serial > start && type !== 'INTERACTION_CREATE';
  assert.deepEqual(summary(await judged(ledger, stalled, { due })), clean, 'the stalled bot');
  assert.deepEqual(stalled.faults, []);
});
