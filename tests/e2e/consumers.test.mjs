// What an operator does to consumers: drain, pause, and what each consumer may see and do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Daemon } from './lib/daemon.mjs';
import { GatewayClient } from './lib/gateway_client.mjs';
import { clean, judged, summary } from './lib/ledger_check.mjs';
import * as places from './lib/places.mjs';
import { SampleBot } from './lib/sample_bot.mjs';
import { Simulator } from './lib/simulator.mjs';
import { until } from './lib/until.mjs';

async function dispatched(simulator, after, count) {
  return until(`${count} events are dispatched`, async () => (await simulator.newest_serial()) >= after + count);
}

/** What waits long enough to be too old for an answer is dropped and counted: interactions.expired. */
const keeps = ({ type }) => type !== 'INTERACTION_CREATE';

/** The first lane of a consumer as the admin API shows it. */
async function lane_of(daemon, consumer) {
  return (await daemon.told(`/v1/consumers/${consumer}`)).lanes[0];
}

test('drain, stop and start of a discord.js bot under load: nothing lost, nothing twice', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 100, rate: 1_000 });
  const daemon = await Daemon.start(t, simulator);
  const bot = new SampleBot(t, daemon);
  await bot.start();
  const start = await simulator.newest_serial();
  for (let round = 1; round <= 3; round += 1) {
    await dispatched(simulator, start, round * 1_500);
    const { code, text, errors } = await daemon.command('drain', 'main');
    assert.equal(code, 0, text + errors);
    assert.match(text, /^Drained\.\n/);
    const drained = await lane_of(daemon, 'main');
    await bot.stop();
    await bot.start();
    const again = await lane_of(daemon, 'main');
    assert.ok(again.cursor >= drained.cursor && !again.held, JSON.stringify(again));
  }
  await dispatched(simulator, start, 6_000);
  await simulator.quiet();

  const ledger = await simulator.ledger(start);
  const first = bot.received().find((event) => event.serial > start && event.type !== 'GUILD_CREATE').serial;
  const verdict = await judged(ledger, bot, { due: (entry) => entry.serial > first && keeps(entry) });
  assert.deepEqual(summary(verdict), clean);
});

test('a drain waits for the beat of a library that is never asked', async (t) => {
  const simulator = await Simulator.start(t, { rate: 200 });
  const daemon = await Daemon.start(t, simulator, { config: { downstream: { heartbeat_interval: '100s' } } });
  const client = await GatewayClient.connect(t, daemon.gateway);
  await until('events flow', () => client.received().length > 100);

  const soon = await daemon.told('/v1/consumers/main/drain', { method: 'POST', body: { timeout: 0 } });
  assert.equal(soon.drained, false);
  assert.deepEqual(soon.lanes.map(({ lane, state }) => ({ lane, state })), [{ lane: [0, 1], state: 'waiting' }]);

  const drained = daemon.told('/v1/consumers/main/drain', { method: 'POST', body: { timeout: '60s' } });
  await until('the hold reaches the bot', async () => {
    const lane = await lane_of(daemon, 'main');
    return lane.held && lane.in_flight > 0 && client.session.seq === lane.seq;
  });
  // What was on its way to another loop when the hold began still comes, and a beat says nothing of an interaction that
  // was sent within close_grace before it: a bot that beats is drained by its second or third beat.
  let beaten = 0;
  let ended = false;
  drained.finally(() => { ended = true; }).catch(() => {});
  await until('it is drained', () => {
    if (Date.now() - beaten > 500) {
      beaten = Date.now();
      client.beat();
    }
    return ended;
  });
  const { drained: all, lanes } = await drained;
  assert.equal(all, true, JSON.stringify(lanes));
  assert.equal(lanes[0].state, 'drained');
  assert.equal(lanes[0].unacknowledged, 0);

  // Held: what comes queues, until somebody says so.
  const before = client.received().length;
  await dispatched(simulator, await simulator.newest_serial(), 200);
  assert.equal(client.received().length, before);
  await daemon.told('/v1/consumers/main/resume', { method: 'POST' });
  await until('events flow again', () => client.received().length > before + 200);
  assert.deepEqual(client.faults, []);
});

test('a drain waits for a bot whose connection breaks meanwhile, and what it had received is not repeated', async (t) => {
  const simulator = await Simulator.start(t);
  const daemon = await Daemon.start(t, simulator, { config: { downstream: { heartbeat_interval: '100s' } } });
  const client = await GatewayClient.connect(t, daemon.gateway, { heartbeats: 'manual', reconnect: false });
  await simulator.emit(50, 'MESSAGE_CREATE');
  await until('they arrive', () => client.received().filter(({ type }) => type === 'MESSAGE_CREATE').length === 50);
  const had = await simulator.newest_serial();
  let drained = null;
  const answered = daemon.told('/v1/consumers/main/drain', { method: 'POST', body: { timeout: '60s' } }).then((told) => { drained = told; });
  await until('it is held', async () => (await lane_of(daemon, 'main')).held);
  client.drop();
  await until('the connection is gone', async () => !(await lane_of(daemon, 'main')).connected);
  await simulator.emit(10, 'MESSAGE_CREATE');
  assert.equal(drained, null, 'it was called drained with 50 events unacknowledged');
  client.open();
  await until('it has resumed', () => client.count.resumed === 1);
  const newest = await simulator.newest_serial();
  await until('it has what came meanwhile', () => client.has(newest));
  client.beat();
  await answered;
  assert.equal(drained.drained, true, JSON.stringify(drained));
  assert.equal(drained.lanes[0].state, 'drained');
  await client.leave(1000);
  const again = await GatewayClient.connect(t, daemon.gateway);
  await simulator.emit(5, 'MESSAGE_CREATE');
  const last = await simulator.newest_serial();
  await until('what is new arrives', () => again.has(last));
  assert.deepEqual(again.received().filter(({ serial, backfill }) => serial <= Math.max(had, newest) && !backfill), []);
  assert.deepEqual(client.faults, []);
});

test('a paused consumer queues over a restart of the daemon, and loses nothing', async (t) => {
  const simulator = await Simulator.start(t, { rate: 200 });
  const daemon = await Daemon.start(t, simulator);
  const client = await GatewayClient.connect(t, daemon.gateway);
  const other = await GatewayClient.connect(t, `${daemon.gateway}/c/other`);
  const start = await simulator.newest_serial();
  await until('events flow', () => client.has(start + 100));

  const told = await daemon.told('/v1/consumers/main/pause', { method: 'POST' });
  assert.equal(told.paused, true);
  await daemon.restart();
  await until('both are back', () => client.count.resumed === 1 && other.count.resumed === 1);
  assert.equal((await daemon.told('/v1/consumers/main')).paused, true);
  const before = client.received().length;
  const other_before = other.received().length;
  await until('the other consumer goes on', () => other.received().length > other_before + 200);
  assert.equal(client.received().length, before);

  const { code, text } = await daemon.command('resume', 'main');
  assert.equal(code, 0);
  assert.doesNotMatch(text, /PAUSED/);
  await until('events flow again', () => client.received().length > before + 200);
  await simulator.quiet();
  const ledger = await simulator.ledger(start);
  const first = client.received().find((event) => event.serial > start && !event.backfill).serial;
  assert.deepEqual(summary(await judged(ledger, client, { due: (entry) => entry.serial > first && keeps(entry) })), clean);
  assert.deepEqual(client.faults, []);
});

test('what a bot acknowledged by a call never comes again, even when the daemon dies at once', async (t) => {
  const simulator = await Simulator.start(t);
  const config = { downstream: { cursor_interval: '60s' }, consumers: { careful: { acknowledge: 'explicit' } } };
  const daemon = await Daemon.start(t, simulator, { config });
  const messages = (client) => client.received().filter(({ type }) => type === 'MESSAGE_CREATE');
  const client = await GatewayClient.connect(t, `${daemon.gateway}/c/careful`, { reconnect: false });
  await simulator.emit(20, 'MESSAGE_CREATE');
  await until('they arrive', () => messages(client).length === 20);
  client.beat(); // says nothing of what the bot has dealt with
  const acknowledge = (seq) => fetch(`${daemon.api.replace(/\/api$/, '')}/c/careful/ack`, {
    method: 'POST', headers: { authorization: `Bot ${places.token}` }, body: JSON.stringify({ session_id: client.session.id, seq }),
  });
  const answer = await acknowledge(messages(client)[9].s);
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), { acknowledged: messages(client)[9].s, sent: client.session.seq });
  assert.equal((await acknowledge(client.session.seq + 1)).status, 409);

  await daemon.kill9();
  await daemon.launch();
  const again = await GatewayClient.connect(t, `${daemon.gateway}/c/careful`, { reconnect: false });
  await until('the rest arrives', () => again.has(messages(client)[19].serial));
  assert.deepEqual(messages(again).map(({ serial }) => serial), messages(client).slice(10).map(({ serial }) => serial));
});

test('a read-only consumer sees what production sees and can do nothing', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 30 });
  const daemon = await Daemon.start(t, simulator, { config: { consumers: { staging: { read_only: true } } } });
  const main = await GatewayClient.connect(t, daemon.gateway);
  const staging = await GatewayClient.connect(t, `${daemon.gateway}/c/staging`);
  const start = await simulator.quiet();
  await simulator.emit(500);
  const ledger = await simulator.ledger(start);
  assert.deepEqual(summary(await judged(ledger, main)), clean);
  assert.deepEqual(summary(await judged(ledger, staging)), clean);

  const guild_id = staging.ready.guilds[0].id;
  const rest_before = await simulator.ask('rest');
  staging.send(3, { since: null, activities: [], status: 'idle', afk: false });
  staging.send(4, { guild_id, channel_id: null, self_mute: false, self_deaf: false });
  staging.send(8, { guild_id, query: '', limit: 0, nonce: 'mine' });
  staging.send(31, { guild_ids: [guild_id] });
  await until('four commands are vetoed', async () => (await daemon.told('/v1/consumers/staging')).commands_vetoed === 4);
  // Production's next request overtakes nothing: had one of staging's gone out, its answer would be there.
  const chunk = main.next('the members arrive', ({ t: type }) => type === 'GUILD_MEMBERS_CHUNK');
  main.send(8, { guild_id, query: '', limit: 0, nonce: 'theirs' });
  await chunk;
  assert.equal(staging.received().some(({ type }) => type === 'GUILD_MEMBERS_CHUNK'), false);

  const headers = { authorization: `Bot ${places.token}`, 'content-type': 'application/json' };
  const api = `${daemon.api.replace(/\/api$/, '')}/c/staging/api/v10`;
  assert.equal((await fetch(`${api}/users/@me`, { headers })).status, 200);
  const seen = await simulator.ask('rest');
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const answer = await fetch(`${api}/channels/1/messages`, { method, headers, body: method === 'DELETE' ? undefined : '{}' });
    assert.equal(answer.status, 403, method);
    assert.match((await answer.json()).message, /read-only/);
  }
  assert.equal(await simulator.ask('rest'), seen, 'a call went through');
  assert.notEqual(seen, rest_before);
});

test('a consumer sees only what its lists and intents allow, and a change of them ends its sessions', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 30 });
  const denied_types = ['TYPING_START', 'PRESENCE_UPDATE'];
  const daemon = await Daemon.start(t, simulator, {
    config: { consumers: { some: { intents: places.all_intents & ~places.intent.guild_members, events: { deny: denied_types } } } },
  });
  const client = await GatewayClient.connect(t, `${daemon.gateway}/c/some`);
  const start = await simulator.quiet();
  await simulator.emit(1_000);
  const ledger = await simulator.ledger(start);
  const hidden = (type) => denied_types.includes(type) || ['GUILD_MEMBER_ADD', 'GUILD_MEMBER_REMOVE', 'GUILD_MEMBER_UPDATE', 'THREAD_MEMBERS_UPDATE'].includes(type);
  assert.deepEqual(summary(await judged(ledger, client, { due: ({ type }) => !hidden(type) })), clean);
  const news = client.received().filter((event) => event.serial > start);
  assert.deepEqual(news.filter(({ type }) => denied_types.includes(type) || type === 'GUILD_MEMBER_ADD'), []);

  await daemon.reconfigure({ consumers: { some: { intents: undefined } } });
  await until('its RESUME is refused', () => client.count.invalid_sessions === 1);
  await client.is_ready();
  assert.deepEqual(client.faults, []);
});

test('a staging consumer replays production from an offset in the past, exactly, and can send nothing', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 50 });
  const daemon = await Daemon.start(t, simulator);
  const main = await GatewayClient.connect(t, daemon.gateway);
  await simulator.quiet();
  await simulator.emit(1_000);
  await judged(await simulator.ledger(0), main);
  const begin = (await daemon.status()).head;
  const start = await simulator.newest_serial();
  await simulator.emit(2_000);
  const replayed = await simulator.ledger(start);
  assert.deepEqual(summary(await judged(replayed, main)), clean);

  await daemon.reconfigure({ consumers: { staging: { read_only: true, start: begin } } });
  const staging = await GatewayClient.connect(t, `${daemon.gateway}/c/staging`);
  await simulator.emit(500);
  const ledger = await simulator.ledger(start);
  assert.deepEqual(summary(await judged(ledger, staging, { due: keeps })), clean);
  const news = (client) => client.received().filter((event) => event.serial > start && !event.backfill && keeps(event)).map(({ serial, type }) => `${serial} ${type}`);
  assert.deepEqual(summary(await judged(ledger, main)), clean);
  assert.deepEqual(news(staging), news(main));
  assert.equal((await daemon.told('/v1/consumers/staging')).read_only, true);
});

test('a bounded consumer gives up its ephemeral events, then its messages, and nobody else misses any', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 50 });
  const daemon = await Daemon.start(t, simulator, { config: { consumers: { small: { max_events: 1_000 } } } });
  const main = await GatewayClient.connect(t, daemon.gateway);
  const small = await GatewayClient.connect(t, `${daemon.gateway}/c/small`);
  await simulator.quiet();
  small.beat();
  await until('it has acknowledged everything', async () => (await lane_of(daemon, 'small')).lag === 0);
  await small.leave(1000);
  const start = await simulator.newest_serial();
  for (let part = 0; part < 10; part += 1) {
    await simulator.emit(150, 'MESSAGE_CREATE');
    await simulator.emit(100, 'TYPING_START');
    await simulator.emit(30, 'CHANNEL_UPDATE');
  }
  const ledger = await simulator.ledger(start);
  assert.deepEqual(summary(await judged(ledger, main)), clean);
  const given_up = await until('it is held to its bound', async () => {
    const { given_up: now } = await daemon.told('/v1/consumers/small');
    return now.ephemeral >= 1_000 && now.message >= 800 && now;
  });
  assert.equal(given_up.state, 0);
  const { gaps } = await daemon.told('/v1/gaps');
  assert.ok(gaps.every(({ gap }) => gap.consumer === 'small'), JSON.stringify(gaps));
  assert.ok(gaps.length > 0);

  const again = await GatewayClient.connect(t, `${daemon.gateway}/c/small`);
  // The last one is of state, which is not given up here; nothing new comes that would take more.
  await until('the newest event arrives', () => again.has(ledger.at(-1).serial));
  const verdict = await judged(ledger, again, { timeout_ms: 0 });
  const lost = ledger.filter(({ serial }) => verdict.lost.includes(serial));
  assert.deepEqual({ ...summary(verdict), lost: 0, first_lost: undefined }, { ...clean, first_lost: undefined });
  assert.equal(lost.length, given_up.ephemeral + given_up.message);
  const kept = ledger.filter(({ serial }) => again.has(serial));
  assert.deepEqual(kept.filter(({ type }) => type === 'TYPING_START' || type === 'VOICE_CHANNEL_EFFECT_SEND'), [], 'ephemeral events were kept while messages went');
  assert.equal(kept.length, ledger.length - lost.length);
});

test('skip gives up what is queued and drop-class one class of it, with a GAP record each', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 30 });
  const daemon = await Daemon.start(t, simulator);
  const client = await GatewayClient.connect(t, daemon.gateway);
  await simulator.quiet();
  assert.equal((await daemon.command('pause', 'main')).code, 0);

  const dropped_from = await simulator.newest_serial();
  await simulator.emit(1_000);
  const dropped = await simulator.ledger(dropped_from);
  const ephemeral = ({ type }) => type === 'TYPING_START' || type === 'VOICE_CHANNEL_EFFECT_SEND';
  assert.ok(dropped.some(ephemeral));
  await until('all of it is queued', async () => (await lane_of(daemon, 'main')).lag >= dropped.length);
  assert.equal((await daemon.command('drop-class', 'main', 'ephemeral')).code, 0);
  assert.equal((await daemon.command('resume', 'main')).code, 0);
  assert.deepEqual(summary(await judged(dropped, client, { due: (entry) => !ephemeral(entry) && keeps(entry) })), clean);
  assert.deepEqual(dropped.filter((entry) => ephemeral(entry) && client.has(entry.serial)), []);
  assert.equal((await daemon.told('/v1/gaps')).total, 0);

  assert.equal((await daemon.command('pause', 'main')).code, 0);
  const skipped_from = await simulator.newest_serial();
  await simulator.emit(1_000);
  const skipped = await simulator.ledger(skipped_from);
  await until('all of it is queued', async () => (await lane_of(daemon, 'main')).lag >= skipped.length);
  const bad = await daemon.command('skip', 'main', '--to', 'yesterday');
  assert.equal(bad.code, 1);
  assert.match(bad.errors, /to: must be/);
  assert.equal((await daemon.command('skip', 'main', '--to', 'now')).code, 0);
  await until('the bot begins anew', () => client.count.identifies === 2);
  await client.is_ready();
  assert.equal((await daemon.command('resume', 'main')).code, 0);
  const start = await simulator.newest_serial();
  await simulator.emit(300);
  assert.deepEqual(summary(await judged(await simulator.ledger(start), client)), clean);
  assert.deepEqual(skipped.filter(({ serial }) => client.has(serial)), []);
  const gaps = await daemon.command('gaps');
  assert.match(gaps.text, /skipped, up to \d+: \d+ messages/);
  assert.equal((await daemon.told('/v1/gaps')).gaps[0].gap.consumer, 'main');
  assert.deepEqual(client.faults, []);
});

test('consumers that are not listed are refused when the operator says so', async (t) => {
  const simulator = await Simulator.start(t);
  const daemon = await Daemon.start(t, simulator, { config: { consumers: { unlisted: 'refuse', staging: { read_only: true } } } });
  await GatewayClient.connect(t, daemon.gateway);
  await GatewayClient.connect(t, `${daemon.gateway}/c/staging`);
  const api = daemon.api.replace(/\/api$/, '');
  const answer = await fetch(`${api}/c/other/api/v10/gateway`);
  assert.equal(answer.status, 403);
  assert.match((await answer.json()).message, /consumer other is not listed/);
  const upgrade = await fetch(`${api}/c/other/`, { headers: { authorization: `Bot ${places.token}` } });
  assert.equal(upgrade.status, 403);
});
