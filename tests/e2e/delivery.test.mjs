// What is acknowledged, what comes again after which end, how fast a queue is delivered, and what becomes of an
// event that kills the bot.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Daemon } from './lib/daemon.mjs';
import { GatewayClient } from './lib/gateway_client.mjs';
import { Simulator } from './lib/simulator.mjs';
import { until } from './lib/until.mjs';

const once = { heartbeats: 'manual', reconnect: false };
const as_library = (name) => ({ identify: { properties: { os: 'linux', browser: name, device: name } } });
const serials = (client, type = 'MESSAGE_CREATE') =>
  client.received().filter((event) => event.type === type && !event.backfill).map(({ serial }) => serial);

async function lane(daemon, consumer = 'main') {
  const { consumers } = await daemon.status();
  return consumers.find(({ name }) => name === consumer).lanes[0];
}
const nobody_is_connected = (daemon) => until('the daemon notices', async () => !(await lane(daemon)).connected);

test('a proven library is asked for its acknowledgement, D++ never', async (t) => {
  const simulator = await Simulator.start(t);
  const daemon = await Daemon.start(t, simulator, { config: { downstream: { heartbeat_interval: '2m' } } });
  const proven = await GatewayClient.connect(t, daemon.gateway, { ...once, ...as_library('discord.js') });
  const other = await GatewayClient.connect(t, `${daemon.gateway}/c/other`, { ...once, ...as_library('D++') });
  const asked = { proven: 0, other: 0 };
  proven.handlers.add(({ op }) => { if (op === 1) asked.proven += 1; });
  other.handlers.add(({ op }) => { if (op === 1) asked.other += 1; });
  proven.beat(); // from now on its schedule is known
  other.beat();
  await simulator.emit(50, 'MESSAGE_CREATE');
  await until('both have everything', () => serials(proven).length === 50 && serials(other).length === 50);
  await until('it is acknowledged', async () => (await lane(daemon)).in_flight === 0);
  assert.equal((await lane(daemon, 'other')).in_flight, 50);
  assert.ok(asked.proven >= 1);
  assert.equal(asked.other, 0);
});

test('what was acknowledged within handler_grace comes again after a crash, not after a close', async (t) => {
  const simulator = await Simulator.start(t);
  const daemon = await Daemon.start(t, simulator, { config: { downstream: { handler_grace: '10m' } } });
  const first = await GatewayClient.connect(t, daemon.gateway, once);
  await simulator.emit(10, 'MESSAGE_CREATE');
  await until('they arrive', () => serials(first).length === 10);
  first.beat();
  await until('they are acknowledged', async () => (await lane(daemon)).in_flight === 0);
  first.drop();
  const second = await GatewayClient.connect(t, daemon.gateway, once);
  await until('they come again', () => serials(second).length === 10);
  assert.deepEqual(serials(second), serials(first));
  second.beat();
  await until('they are acknowledged again', async () => (await lane(daemon)).in_flight === 0);
  await second.leave(1000);
  const third = await GatewayClient.connect(t, daemon.gateway, once);
  await simulator.emit(1, 'MESSAGE_CREATE');
  await until('a new one arrives', () => serials(third).length > 0);
  assert.equal(serials(third).length, 1);
});

test('after a close frame only what was acknowledged counts, by option', async (t) => {
  const simulator = await Simulator.start(t);
  const daemon = await Daemon.start(t, simulator, { config: { downstream: { on_clean_close: 'acked' } } });
  const first = await GatewayClient.connect(t, daemon.gateway, once);
  await simulator.emit(10, 'MESSAGE_CREATE');
  await until('they arrive', () => serials(first).length === 10);
  first.beat(first.session.seq - 4);
  await first.leave(1000);
  const second = await GatewayClient.connect(t, daemon.gateway, once);
  await until('the four come again', () => serials(second).length === 4);
  assert.deepEqual(serials(second), serials(first).slice(6));
});

test('with at_most_once nothing comes again', async (t) => {
  const simulator = await Simulator.start(t);
  const daemon = await Daemon.start(t, simulator, { config: { downstream: { redelivery: 'at_most_once' } } });
  const first = await GatewayClient.connect(t, daemon.gateway, once);
  await simulator.emit(10, 'MESSAGE_CREATE');
  await until('they arrive', () => serials(first).length === 10);
  first.drop();
  await nobody_is_connected(daemon);
  await daemon.restart();
  const second = await GatewayClient.connect(t, daemon.gateway, once);
  await simulator.emit(1, 'MESSAGE_CREATE');
  await until('a new one arrives', () => serials(second).length > 0);
  assert.equal(serials(second).length, 1);
  assert.deepEqual(second.faults, []);
});

test('a queue is delivered at catch_up.max_rate, interactions at once', async (t) => {
  const simulator = await Simulator.start(t);
  const daemon = await Daemon.start(t, simulator, { config: { catch_up: { max_rate: 40 } } });
  const before = await GatewayClient.connect(t, daemon.gateway, once);
  await before.leave(1000);
  await simulator.emit(400, 'MESSAGE_CREATE'); // ten seconds' worth
  const client = await GatewayClient.connect(t, daemon.gateway, { heartbeats: 'auto' });
  await until('the queue begins to flow', () => serials(client).length > 0);
  await simulator.emit(1, 'INTERACTION_CREATE');
  await until('the interaction arrives', () => serials(client, 'INTERACTION_CREATE').length === 1);
  assert.ok(serials(client).length < 400, 'it came behind the queue');
  await until('the queue is delivered', () => serials(client).length === 400);
  assert.deepEqual(client.faults, []);
});

test('an event that kills the bot again and again becomes a dead letter', async (t) => {
  const simulator = await Simulator.start(t, { shards: 1 }); // one order of all events
  const daemon = await Daemon.start(t, simulator);
  const calm = await GatewayClient.connect(t, daemon.gateway, once);
  await calm.leave(1000);
  await simulator.emit(10, 'MESSAGE_CREATE');
  const sent = (await simulator.ledger()).filter(({ type, kind = 'event' }) => type === 'MESSAGE_CREATE' && kind === 'event');
  const poison = sent[3].serial;

  /** A life of the bot: it dies of the poison, or has everything else. */
  const live = async () => {
    const bot = new GatewayClient(daemon.gateway, { ...once, ...as_library('discord.js') });
    t.after(() => bot.leave(4000));
    bot.handlers.add(({ t: type, d }) => { if (type === 'MESSAGE_CREATE' && d._serial === poison) bot.drop(); });
    bot.open();
    await until('it dies, or is through', () => bot.has(poison) || bot.has(sent.at(-1).serial));
    if (!bot.has(poison)) return bot;
    await nobody_is_connected(daemon);
    return null;
  };
  let survivor = null;
  let deaths = 0;
  for (; survivor === null; deaths += 1) {
    assert.ok(deaths < 12, 'it dies for ever');
    survivor = await live();
    if (deaths === 2) { // what is suspected is remembered
      await daemon.stop();
      await daemon.launch();
    }
  }
  t.diagnostic(`found after ${deaths - 1} deaths`);
  assert.ok(deaths - 1 >= 5, 'three ends to suspect, two alone');
  const rest = sent.slice(4).map(({ serial }) => serial);
  assert.deepEqual(serials(survivor).slice(-rest.length), rest);
  assert.ok(daemon.log.some((line) => line.includes('bot.dead_letter')));
  assert.equal((await daemon.status()).dead_letters.kept, 1);
  await daemon.restart();
  assert.equal((await daemon.status()).dead_letters.kept, 1);

  const [letter] = (await daemon.told('/v1/dead-letters')).letters;
  const path = `/v1/consumers/${letter.consumer}/dead-letters/${letter.offset}`;
  assert.equal((await daemon.told(path)).d._serial, poison);
  const listed = await daemon.command('dead-letters');
  assert.match(listed.text, new RegExp(`${letter.consumer} +${letter.offset} `));
  assert.equal((await daemon.command('dead-letters', 'show', letter.consumer, String(letter.offset))).code, 0);
  const nobody = await daemon.admin(`${path}/replay`, { method: 'POST' });
  assert.deepEqual([nobody.status, nobody.body.error.code], [409, 'no_bot']);
  const mended = await GatewayClient.connect(t, daemon.gateway, once);
  assert.equal(mended.has(poison), false);
  const replayed = await daemon.command('dead-letters', 'replay', letter.consumer, String(letter.offset));
  assert.equal(replayed.code, 0, replayed.errors);
  await until('it is sent again', () => mended.has(poison));
  assert.equal((await daemon.status()).dead_letters.kept, 1);
  const discarded = await daemon.command('dead-letters', 'discard', letter.consumer, String(letter.offset));
  assert.equal(discarded.code, 0, discarded.errors);
  assert.equal((await daemon.admin(`${path}/replay`, { method: 'POST' })).status, 404);
  assert.equal((await daemon.status()).dead_letters.kept, 0);
});
