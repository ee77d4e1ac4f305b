// The harness's own judgement: a checker that cannot find a fault proves nothing.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { WebSocketServer } from 'ws';
import { GatewayClient } from './lib/gateway_client.mjs';
import { differences } from './lib/guild_compare.mjs';
import { inflaters } from './lib/inflaters.mjs';
import { clean, judge, judged, summary } from './lib/ledger_check.mjs';
import { RawSocket } from './lib/raw_socket.mjs';
import { to_toml } from './lib/toml.mjs';
import { until } from './lib/until.mjs';

const ledger = [1, 2, 3, 4, 5, 6].map((serial) => ({ serial, guild: serial % 2 ? 'odd' : 'even', type: 'MESSAGE_CREATE' }));
const arrivals = (...serials) => serials.map((serial) => ({ serial, type: 'MESSAGE_CREATE' }));

test('the checker finds what was lost, doubled and reordered', async () => {
  assert.deepEqual(summary(judge(ledger, arrivals(1, 2, 3, 4, 5, 6))), clean);
  assert.deepEqual(summary(judge(ledger, arrivals(2, 1, 4, 3, 6, 5))), clean, 'order counts within a guild only');
  assert.deepEqual(judge(ledger, arrivals(1, 2, 3, 5, 6)).lost, [4]);
  assert.deepEqual(judge(ledger, arrivals(1, 2, 3, 4, 4, 5, 6)).doubled, [4]);
  assert.deepEqual(judge(ledger, arrivals(1, 4, 3, 2, 5, 6)).reordered, [{ serial: 2, guild: 'even', after: 4 }]);
  assert.equal(judge(ledger, [{ serial: 1, type: 'TYPING_START' }]).unknown.length, 1);
  const shown_again = { serial: 3, type: 'GUILD_CREATE' };
  assert.deepEqual(summary(judge(ledger, [...arrivals(1, 2, 3, 4, 5, 6), shown_again])), clean);
  assert.deepEqual(judge(ledger, [shown_again]).lost, [1, 2, 3, 4, 5, 6], 'a guild that is shown is no news');
  assert.equal(judge(ledger, [{ ...shown_again, backfill: false }]).unknown.length, 1);
  assert.deepEqual(judge(ledger, [], { due: ({ serial }) => serial > 4 }).lost, [5, 6]);
  const deaf = { has: () => false, received: () => [] };
  assert.equal((await judged(ledger, deaf, { timeout_ms: 50 })).lost.length, 6);
});

test('the comparison of guilds ignores order and serials, and nothing else', () => {
  const guild = { id: '1', name: 'a', roles: [{ id: '7', color: 1 }, { id: '8', color: 2 }], features: ['A', 'B'], members: [{ user: { id: '5' }, nick: null }] };
  const shuffled = { roles: [{ color: 2, id: '8', _serial: 9 }, { id: '7', color: 1 }], members: guild.members, features: ['A', 'B'], name: 'a', id: '1', _serial: 4 };
  assert.deepEqual(differences(guild, shuffled), []);
  for (const [change, place] of [
    [{ name: 'b' }, '.name'],
    [{ roles: guild.roles.slice(1) }, '.roles.7'],
    [{ roles: [...guild.roles, guild.roles[0]] }, '.roles'],
    [{ features: ['B', 'A'] }, '.features.0'],
    [{ members: [{ user: { id: '5' } }] }, '.members.5.nick'],
    [{ extra: 1 }, '.extra'],
  ]) {
    const found = differences({ ...guild, ...change }, guild);
    assert.ok(found.length > 0 && found[0].startsWith(place), `${place}: ${found}`);
  }
});

test('the inflaters undo what Discord does, message by message', async () => {
  const texts = ['{"a":1}', JSON.stringify({ long: 'x'.repeat(300_000) }), '{"b":2}'];
  const deflate = zlib.createDeflate({ flush: zlib.constants.Z_SYNC_FLUSH });
  const feed = inflaters['zlib-stream']();
  for (const text of texts) {
    const chunks = [];
    deflate.on('data', (chunk) => chunks.push(chunk));
    await new Promise((resolve) => deflate.write(text, () => setImmediate(resolve)));
    deflate.removeAllListeners('data');
    const message = Buffer.concat(chunks);
    const cut = Math.floor(message.length / 2);
    assert.equal(await feed(message.subarray(0, cut), true), null);
    assert.equal(await feed(message.subarray(cut), true), text);
  }
  await assert.rejects(feed(Buffer.from('text'), false));
  assert.equal(await inflaters.payload()(zlib.deflateSync(texts[1]), true), texts[1]);
  await assert.rejects(inflaters.none()(Buffer.from('x'), true));
});

/** A gateway that sends just what a test says: `script(send, message)` for each message, and for null at first. */
async function scripted_gateway(t, script) {
  const server = http.createServer();
  const gateway = new WebSocketServer({ server });
  gateway.on('connection', (socket) => {
    const send = (payload) => socket.send(JSON.stringify(payload));
    socket.on('error', () => {}); // a test may send what no client would
    send({ op: 10, d: { heartbeat_interval: 45_000 }, s: null, t: null });
    socket.on('message', (data) => script(send, JSON.parse(data), socket));
  });
  server.listen(0, '127.0.0.1');
  await until('it listens', () => server.listening);
  t.after(() => { gateway.clients.forEach((socket) => socket.terminate()); server.close(); });
  return server.address().port;
}

const ready = (port) => ({ op: 0, t: 'READY', s: 1, d: { session_id: 'x', resume_gateway_url: `ws://127.0.0.1:${port}`, guilds: [{ id: '9', unavailable: true }] } });
const message = (s, serial) => ({ op: 0, t: 'MESSAGE_CREATE', s, d: { _serial: serial, guild_id: '9' } });

test('the raw client records, resumes after a cut and finds broken numbering', async (t) => {
  const resumes = [];
  const port = await scripted_gateway(t, (send, { op, d }, socket) => {
    if (op === 2) {
      send(ready(port));
      send({ op: 0, t: 'GUILD_CREATE', s: 2, d: { _serial: 1, id: '9', unavailable: false } });
      send(message(3, 10));
      socket.terminate();
    } else if (op === 6) {
      resumes.push(d.seq);
      send(message(d.seq + 1, 11));
      send({ op: 0, t: 'RESUMED', s: d.seq + 1, d: {} });
      send(message(d.seq + 3, 12));
      send({ op: 11, d: null });
    }
  });
  const client = await GatewayClient.connect(t, `ws://127.0.0.1:${port}`);
  await until('the resumed events come', () => client.has(12) && client.faults.length === 2);
  assert.deepEqual(client.received().filter(({ backfill }) => !backfill).map(({ serial }) => serial), [10, 11, 12]);
  assert.deepEqual(client.faults, ['MESSAGE_CREATE has s 6 after 4', 'op 11 without "s":null,"t":null']);
  assert.deepEqual([resumes, client.count.identifies], [[3], 1]);
});

test('the raw client identifies again where RESUME is refused', async (t) => {
  const port = await scripted_gateway(t, (send, { op }, socket) => {
    if (op === 2) {
      send(ready(port));
      send({ op: 0, t: 'GUILD_DELETE', s: 2, d: { id: '9', unavailable: true } });
      if (client.count.identifies === 1) socket.close(4000);
    } else if (op === 6) send({ op: 9, d: false, s: null, t: null });
  });
  const client = new GatewayClient(`ws://127.0.0.1:${port}`);
  t.after(() => client.leave(4000));
  client.open();
  await until('it has identified twice', () => client.count.identifies === 2 && client.backfill_owed === 0);
  assert.deepEqual([client.count.resumes, client.closes, client.faults], [1, [4000], []]);
});

test('the raw socket frames as RFC 6455 says, and lies where asked', async (t) => {
  let heard = '';
  const port = await scripted_gateway(t, (send, what) => { heard = what; });
  const raw = await RawSocket.websocket(t, port);
  raw.json(2, { x: 'y'.repeat(70_000) });
  await until('the message is heard', () => heard.d?.x.length === 70_000);
  assert.equal(JSON.parse(raw.frames()[0].payload).op, 10);
  raw.frame('{}', { mask: false });
  assert.equal(await raw.close_code(), 1002);
});

test('configurations are written as TOML', () => {
  assert.equal(to_toml({ a: 1, list: ['x', 2], listen: { address: '::1', deep: { on: true } } }),
    'a = 1\nlist = ["x", 2]\n[listen]\naddress = "::1"\n[listen.deep]\non = true\n');
});
