// Interactions overtake everything on their way to a bot, none is ever sent twice, and one that is too old to be
// answered is dropped and counted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Daemon } from './lib/daemon.mjs';
import { GatewayClient } from './lib/gateway_client.mjs';
import { Simulator } from './lib/simulator.mjs';
import { until } from './lib/until.mjs';

const interactions = (client) => client.received().filter(({ type }) => type === 'INTERACTION_CREATE');
const messages = (client) => client.received().filter(({ type }) => type === 'MESSAGE_CREATE');
const counted = async (daemon) => (await daemon.status()).consumers[0].interactions;

test('an interaction overtakes a queue that waits for acknowledgement', async (t) => {
  const simulator = await Simulator.start(t);
  const daemon = await Daemon.start(t, simulator, { config: { downstream: { ack_window: 20 } } });
  const client = await GatewayClient.connect(t, daemon.gateway, { heartbeats: 'manual' });
  client.beat();
  await simulator.emit(500, 'MESSAGE_CREATE');
  await until('the window is full', () => messages(client).length === 20);
  await simulator.emit(1, 'INTERACTION_CREATE');
  await until('the interaction arrives', () => interactions(client).length === 1);
  assert.equal(messages(client).length, 20);
  assert.deepEqual(client.faults, []);
  const beating = setInterval(() => client.beat(), 20);
  t.after(() => clearInterval(beating));
  await until('all messages arrive', () => messages(client).length === 500);
  assert.equal(interactions(client).length, 1);
  assert.deepEqual(client.faults, []);
});

test('no interaction is sent twice, whoever dies', async (t) => {
  const simulator = await Simulator.start(t);
  const daemon = await Daemon.start(t, simulator);
  const options = { heartbeats: 'manual', reconnect: false };
  const first = await GatewayClient.connect(t, daemon.gateway, options);
  first.beat();
  await simulator.emit(3, 'INTERACTION_CREATE');
  await simulator.emit(10, 'MESSAGE_CREATE');
  await until('everything arrives', () => interactions(first).length === 3 && messages(first).length === 10);

  first.drop();
  const second = await GatewayClient.connect(t, daemon.gateway, options);
  await until('the unacknowledged messages come again', () => messages(second).length === 10);
  await daemon.restart();
  const third = await GatewayClient.connect(t, daemon.gateway, options);
  await until('and again', () => messages(third).length === 10);
  await simulator.emit(1, 'INTERACTION_CREATE');
  await until('a new one arrives', () => interactions(third).length === 1);
  assert.equal(interactions(second).length, 0);
  const serials = [...interactions(first), ...interactions(third)].map(({ serial }) => serial);
  assert.equal(new Set(serials).size, 4);
});

test('an interaction past its deadline is dropped and counted', async (t) => {
  const simulator = await Simulator.start(t);
  const config = { interactions: { deadline: '200ms', autocomplete_deadline: '200ms', skew: '0ms', expired: 'drop' } };
  const daemon = await Daemon.start(t, simulator, { config });
  const before = await GatewayClient.connect(t, daemon.gateway);
  await before.leave(1000);
  await simulator.emit(2, 'INTERACTION_CREATE');
  await simulator.emit(5, 'MESSAGE_CREATE');
  const made = Date.now();
  await until('they are too old', () => Date.now() > made + 250);
  const client = await GatewayClient.connect(t, daemon.gateway);
  await until('the messages arrive', () => messages(client).length === 5);
  await until('the two are counted', async () => (await counted(daemon)).expired === 2);
  assert.equal(interactions(client).length, 0);
  assert.deepEqual(client.faults, []);
});

test('old interactions are sent by option, once and in the order of each guild', async (t) => {
  const simulator = await Simulator.start(t);
  const config = { interactions: { deadline: '200ms', skew: '0ms', expired: 'deliver' } };
  const daemon = await Daemon.start(t, simulator, { config });
  const before = await GatewayClient.connect(t, daemon.gateway);
  await before.leave(1000);
  await simulator.emit(5, 'INTERACTION_CREATE');
  const made = Date.now();
  await until('they are too old', () => Date.now() > made + 250);
  await daemon.restart();
  const client = await GatewayClient.connect(t, daemon.gateway);
  await until('they arrive', () => interactions(client).length === 5);
  assert.equal(new Set(interactions(client).map(({ serial }) => serial)).size, 5);
  const newest = new Map();
  for (const { serial, guild } of interactions(client)) {
    assert.ok(serial > (newest.get(guild) ?? 0), `${serial} of guild ${guild} comes after ${newest.get(guild)}`);
    newest.set(guild, serial);
  }
  assert.deepEqual(await counted(daemon), { sent: 5, expired: 0 });
});
