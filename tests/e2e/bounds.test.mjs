// What may wait for a bot is bounded, by the journal for all and by a consumer's own options: exactly the classes that
// docs/configuration.md names are given up, each event is counted, and GAP records tell of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Daemon } from './lib/daemon.mjs';
import { GatewayClient } from './lib/gateway_client.mjs';
import { differences } from './lib/guild_compare.mjs';
import { clean, judged, summary } from './lib/ledger_check.mjs';
import { Simulator } from './lib/simulator.mjs';
import { until } from './lib/until.mjs';

const is_ephemeral = ({ type }) => type === 'TYPING_START' || type === 'VOICE_CHANNEL_EFFECT_SEND';
const is_message = ({ type }) => type === 'MESSAGE_CREATE';
const lane_of = async (daemon, consumer) => (await daemon.told(`/v1/consumers/${consumer}`)).lanes[0];

/** What the GAP records of a consumer say, summed up: of these causes alone. */
async function told_in_gaps(daemon, consumer, cause) {
  const { gaps } = await daemon.told('/v1/gaps');
  const sum = { messages: 0, state: 0 };
  for (const { gap } of gaps) {
    assert.equal(gap.consumer, consumer, JSON.stringify(gap));
    assert.match(gap.cause, cause);
    assert.ok(Math.abs(Date.now() - gap.time_ms) < 600_000, JSON.stringify(gap));
    const [, messages, state] = /: (\d+) messages, (\d+) of state/.exec(gap.cause);
    sum.messages += Number(messages);
    sum.state += Number(state);
  }
  return sum;
}

/** A bot that has acknowledged everything and is gone. */
async function leaves(t, daemon, consumer) {
  const client = await GatewayClient.connect(t, `${daemon.gateway}/c/${consumer}`);
  client.beat();
  await until('it has acknowledged everything', async () => (await lane_of(daemon, consumer)).lag === 0);
  await client.leave(1000);
}

/** Ten times what the bounds below allow, of each class. `each`: after a part of it. */
async function much(simulator, each = async () => {}) {
  for (let part = 0; part < 20; part += 1) {
    await simulator.emit(400, 'MESSAGE_CREATE');
    await simulator.emit(60, 'TYPING_START');
    await simulator.emit(20, 'CHANNEL_UPDATE');
    await each();
  }
}

test('what the journal has no room for is told to those who had not had it, and to nobody else', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 50 });
  const daemon = await Daemon.start(t, simulator, { config: { queue: { max_events: 1_000 } } });
  const main = await GatewayClient.connect(t, daemon.gateway);
  await simulator.quiet();
  await leaves(t, daemon, 'away');
  const start = await simulator.newest_serial();
  let last_part = start;
  let newest = start;
  await much(simulator, async () => {
    last_part = newest;
    newest = await simulator.newest_serial();
    await until('main has it', () => main.has(newest));
    main.beat();
    await until('main has acknowledged it', async () => {
      const { lag, in_flight } = await lane_of(daemon, 'main');
      return lag === 0 && in_flight === 0;
    });
    await daemon.told('/v1/consumers/main/resume', { method: 'POST' }); // when it is answered the cursor is on disk too
  });
  const ledger = await simulator.ledger(start);
  assert.deepEqual(summary(await judged(ledger, main)), clean);

  // Killed with some of it not told yet: the store knows.
  await daemon.restart();
  const again = await GatewayClient.connect(t, `${daemon.gateway}/c/away`);
  await until('the newest event arrives', () => again.has(ledger.at(-1).serial));
  const verdict = await judged(ledger, again, { timeout_ms: 0 });
  const lost = ledger.filter(({ serial }) => verdict.lost.includes(serial));
  assert.deepEqual({ ...summary(verdict), lost: 0, first_lost: undefined }, { ...clean, first_lost: undefined });
  const messages = lost.filter(is_message).length;
  const state = lost.filter((entry) => !is_message(entry) && !is_ephemeral(entry));
  assert.deepEqual(state, [], 'state was given up while there were messages');
  // Whole batches go, so that the newest may find room.
  const kept_ephemeral = ledger.filter((entry) => is_ephemeral(entry) && !verdict.lost.includes(entry.serial));
  assert.deepEqual(kept_ephemeral.filter(({ serial }) => serial <= last_part), [], 'ephemeral events were kept while messages went');
  assert.ok(messages >= 6_000, `${messages} messages were given up`);
  await until('GAP records tell of all of it', async () => (await told_in_gaps(daemon, 'away', /^evicted \d+-\d+: /)).messages >= messages);
  assert.deepEqual(await told_in_gaps(daemon, 'away', /^evicted /), { messages, state: 0 });
  const { classes } = (await daemon.told('/v1/status')).journal;
  assert.equal(classes.message.evicted_unacknowledged, messages);
  assert.equal(classes.state.evicted_unacknowledged, 0);
  assert.deepEqual(again.faults, []);
});

test('a consumer that may keep few bytes gives up ephemeral events, then messages, and no state', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 50 });
  const daemon = await Daemon.start(t, simulator, { config: { consumers: { small: { max_bytes: '1MiB' } } } });
  const main = await GatewayClient.connect(t, daemon.gateway);
  await simulator.quiet();
  await leaves(t, daemon, 'small');
  const start = await simulator.newest_serial();
  await much(simulator);
  const ledger = await simulator.ledger(start);
  assert.deepEqual(summary(await judged(ledger, main)), clean);
  const all_ephemeral = ledger.filter(is_ephemeral).length;
  const given_up = await until('it is held to its bound', async () => {
    const { given_up: now, lanes } = await daemon.told('/v1/consumers/small');
    return now.ephemeral === all_ephemeral && now.message > 6_000 && lanes[0].lag >= 0 && now;
  });
  const again = await GatewayClient.connect(t, `${daemon.gateway}/c/small`);
  await until('the newest event arrives', () => again.has(ledger.at(-1).serial));
  const verdict = await judged(ledger, again, { timeout_ms: 0 });
  const lost = ledger.filter(({ serial }) => verdict.lost.includes(serial));
  assert.deepEqual({ ...summary(verdict), lost: 0, first_lost: undefined }, { ...clean, first_lost: undefined });
  assert.deepEqual(lost.filter((entry) => !is_message(entry) && !is_ephemeral(entry)), [], 'state was given up');
  const { given_up: now } = await daemon.told('/v1/consumers/small');
  assert.deepEqual({ ephemeral: all_ephemeral, message: lost.length - all_ephemeral, state: 0 }, now);
  assert.ok(given_up.message <= now.message);
  assert.ok(lost.length < ledger.length - 400, 'what fits is kept');
  const told = () => told_in_gaps(daemon, 'small', /^past its bounds, up to \d+: /);
  await until('GAP records tell of it', async () => (await told()).messages >= now.message);
  assert.deepEqual(await told(), { messages: now.message, state: 0 });
});

test('a consumer that may keep nothing old gives up every class of it, and its bot sees the guilds as they are', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 50 });
  const daemon = await Daemon.start(t, simulator, { config: { consumers: { small: { max_age: '30s' } } } });
  const main = await GatewayClient.connect(t, daemon.gateway);
  await simulator.quiet();
  await leaves(t, daemon, 'small');
  const start = await simulator.newest_serial();
  await much(simulator);
  const old = await simulator.ledger(start);
  assert.deepEqual(summary(await judged(old, main)), clean);
  const count = (what) => old.filter(what).length;
  const all = {
    ephemeral: count(is_ephemeral), message: count(is_message), state: count((entry) => !is_message(entry) && !is_ephemeral(entry)),
  };
  const waits = async () => (await daemon.told('/v1/consumers/small')).given_up;
  await until('all of it is too old', async () => (await waits()).state >= all.state);
  assert.deepEqual(await waits(), all);
  const told = () => told_in_gaps(daemon, 'small', /^past its bounds, up to \d+: /);
  await until('GAP records tell of it', async () => (await told()).state >= all.state);
  assert.deepEqual(await told(), { messages: all.message, state: all.state });

  const guilds = new Map();
  for (const { id, available } of await simulator.guilds()) if (available) guilds.set(id, await simulator.guild(id));
  assert.ok(guilds.size > 0);

  // What is young waits.
  const young_from = await simulator.newest_serial();
  await simulator.emit(300, 'MESSAGE_CREATE');
  const young = await simulator.ledger(young_from);
  const again = await GatewayClient.connect(t, `${daemon.gateway}/c/small`);
  assert.deepEqual(summary(await judged(young, again)), clean);
  assert.deepEqual(old.filter(({ serial }) => again.has(serial)), []);
  for (const [id, guild] of guilds) assert.deepEqual(differences(again.backfill.get(id), { ...guild, unavailable: false }), [], `guild ${id}`);
  assert.deepEqual(again.faults, []);
});
