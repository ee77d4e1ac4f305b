// Everything that arrives from a socket is hostile until parsed: each abuse gets the answer that Discord
// gives, and the daemon goes on serving everyone else.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Daemon } from './lib/daemon.mjs';
import { GatewayClient } from './lib/gateway_client.mjs';
import { clean, judged, summary } from './lib/ledger_check.mjs';
import * as places from './lib/places.mjs';
import { RawSocket } from './lib/raw_socket.mjs';
import { Simulator } from './lib/simulator.mjs';
import { until } from './lib/until.mjs';

const allowed_intents = places.all_intents & ~places.intent.guild_presences;

/** What a suite gives to harness parts that clean up after "a test". */
function suite_scope() {
  const steps = [];
  return { after: (step) => steps.push(step), end: async () => { for (const step of steps.reverse()) await step(); } };
}

const identify = (changes = {}) => ({
  token: places.token, intents: allowed_intents, properties: { os: 'x', browser: 'x', device: 'x' }, ...changes,
});

describe('hostile input', () => {
  const scope = suite_scope();
  let simulator;
  let daemon;
  let pid;

  before(async () => {
    simulator = await Simulator.start(scope, { guilds: 30 });
    daemon = await Daemon.start(scope, simulator, { config: { intents: allowed_intents, listen: { head_timeout: '3s' } } });
    pid = daemon.pid;
  });
  after(() => scope.end());

  /** The daemon is the same process and a good bot is served. */
  async function still_serves(t) {
    assert.equal(daemon.pid, pid, `the daemon died: ${daemon.child.last_words()}`);
    const client = await GatewayClient.connect(t, `${daemon.gateway}/c/good`, { intents: allowed_intents });
    assert.deepEqual(client.faults, []);
    await client.leave(1000);
  }

  describe('HTTP', () => {
    const refused = [
      ['garbage', 'q\x00\x01\xff\xfe\r\n\r\n\r\n'],
      ['a TLS hello on the plain port', Buffer.from('160301020001000001fc0303', 'hex')],
      ['an endless request line', `GET /${'a'.repeat(200_000)}`],
      ['endless headers', `GET /api/v10/gateway HTTP/1.1\r\n${'X-Filler: y\r\n'.repeat(20_000)}`],
      ['two lengths that disagree', 'POST /api/v10/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 7\r\n\r\nabc'],
      ['a length that is no number', 'POST /api/v10/x HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n'],
    ];
    for (const [name, bytes] of refused) {
      test(`${name} ends the connection`, async (t) => {
        const raw = await RawSocket.connect(t, daemon.port);
        raw.write(bytes);
        if (Buffer.isBuffer(bytes)) raw.socket.end();
        await raw.end();
        const status = raw.status();
        assert.ok(status === null || (status >= 400 && status < 500), `answered ${status}`);
        await still_serves(t);
      });
    }

    test('a request head that trickles in is cut off', async (t) => {
      const raw = await RawSocket.connect(t, daemon.port);
      raw.write('GET /api/v10/gateway HTTP/1.1\r\n');
      const drip = setInterval(() => raw.write('X'), 200);
      t.after(() => clearInterval(drip));
      await raw.end();
      await still_serves(t);
    });

    test('a connection that never identifies is closed', async (t) => {
      const raw = await RawSocket.websocket(t, daemon.port);
      await raw.close_code();
      await still_serves(t);
    });

    const upgrades = [
      ['an old protocol version', { headers: { 'Sec-WebSocket-Version': '8' } }, 426],
      ['no key', { headers: { 'Sec-WebSocket-Key': null } }, 400],
      ['a key of the wrong size', { headers: { 'Sec-WebSocket-Key': 'AAAA' } }, 400],
      ['POST', { method: 'POST' }, 400],
    ];
    for (const [name, request, status] of upgrades) {
      test(`an upgrade with ${name} is refused`, async (t) => {
        const raw = await RawSocket.connect(t, daemon.port);
        raw.upgrade(request);
        await until('an answer comes', () => raw.status() !== null || raw.closed);
        if (name === 'POST') assert.ok(raw.status() >= 400 && raw.status() < 500, `answered ${raw.status()}`);
        else assert.equal(raw.status(), status);
      });
    }

    test('a missing or wrong token gets 401 and is not logged', async () => {
      const wrong = `${places.token}-wrong`;
      for (const headers of [{}, { authorization: `Bot ${wrong}` }, { authorization: 'Bearer x' }]) {
        const answer = await fetch(`${daemon.api}/v10/gateway/bot`, { headers });
        assert.equal(answer.status, 401);
        assert.equal(typeof (await answer.json()).message, 'string');
      }
      assert.equal(daemon.log.some((line) => line.includes(wrong)), false);
    });
  });

  describe('gateway protocol', () => {
    const closes = [
      ['a command before IDENTIFY', 4003, (raw) => raw.json(3, { status: 'online', activities: [], afk: false, since: null })],
      ['a wrong token', 4004, (raw) => raw.json(2, identify({ token: 'MTIz.x.wrong' }))],
      ['an empty token', 4004, (raw) => raw.json(2, identify({ token: '' }))],
      ['no token', [4002, 4004], (raw) => raw.json(2, identify({ token: undefined }))],
      ['intents that do not exist', 4013, (raw) => raw.json(2, identify({ intents: 1 << 30 }))],
      ['intents that the application lacks', 4014, (raw) => raw.json(2, identify({ intents: places.all_intents }))],
      ['a shard past its count', 4010, (raw) => raw.json(2, identify({ shard: [5, 2] }))],
      ['a negative shard', [4002, 4010], (raw) => raw.json(2, identify({ shard: [-1, 2] }))],
      ['a shard count of zero', [4002, 4010], (raw) => raw.json(2, identify({ shard: [0, 0] }))],
      ['a huge shard count', 4010, (raw) => raw.json(2, identify({ shard: [0, 4_000_000_000] }))],
      ['an unknown op', 4001, (raw) => raw.json(99, null)],
      ['an op that is no number', [4001, 4002], (raw) => raw.frame('{"op":"two","d":{}}')],
      ['text that is not JSON', 4002, (raw) => raw.frame('hello?')],
      ['an empty message', 4002, (raw) => raw.frame('')],
      ['JSON that is no object', 4002, (raw) => raw.frame('[1,2,3]')],
      ['deep nesting', 4002, (raw) => raw.frame(`{"op":2,"d":${'['.repeat(2_000)}${']'.repeat(2_000)}}`)],
      ['a message over 4,096 bytes', 4002, (raw) => raw.json(2, identify({ padding: 'x'.repeat(5_000) }))],
      ['a fragmented message over 4,096 bytes', 4002, (raw) => {
        raw.frame('{"op":2,"d":"', { fin: false });
        for (let i = 0; i < 8; i += 1) raw.frame('x'.repeat(1_000), { opcode: 0, fin: i === 7 });
      }],
      ['a fragmented message without end', [4002, 1009], (raw) => {
        raw.frame('{"op":2,"d":"', { fin: false });
        for (let i = 0; i < 15; i += 1) raw.frame('x'.repeat(2_000), { opcode: 0, fin: false });
      }],
      ['endless empty fragments', [4002, 1009, 1008], (raw) => {
        raw.frame('{', { fin: false });
        for (let i = 0; i < 1_000; i += 1) raw.frame('', { opcode: 0, fin: false });
      }],
      ['a frame that claims 2^62 bytes', [1002, 1009, 4002], (raw) => raw.frame('x', { length: 2 ** 62 })],
      ['a frame without a mask', 1002, (raw) => raw.frame('{"op":1,"d":null}', { mask: false })],
      ['reserved bits', 1002, (raw) => raw.frame('{"op":1,"d":null}', { rsv: 4 })],
      ['a reserved opcode', 1002, (raw) => raw.frame('x', { opcode: 5 })],
      ['a fragmented ping', 1002, (raw) => raw.frame('x', { opcode: 9, fin: false })],
      ['a ping over 125 bytes', 1002, (raw) => raw.frame('x'.repeat(126), { opcode: 9 })],
      ['a continuation of nothing', 1002, (raw) => raw.frame('x', { opcode: 0 })],
      ['text that is not UTF-8', [1007, 4002], (raw) => raw.frame(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]))],
    ];
    for (const [name, expected, abuse] of closes) {
      test(`${name} is closed with ${expected}`, async (t) => {
        const raw = await RawSocket.websocket(t, daemon.port);
        abuse(raw);
        assert.ok([expected].flat().includes(await raw.close_code()), `closed with ${await raw.close_code()}`);
        await still_serves(t);
      });
    }

    test('a second IDENTIFY is closed with 4005', async (t) => {
      const raw = await RawSocket.websocket(t, daemon.port, '/c/twice?v=10&encoding=json');
      raw.json(2, identify());
      await until('READY comes', () => raw.text().includes('"READY"'));
      raw.json(2, identify());
      assert.equal(await raw.close_code(), 4005);
    });

    test('an unknown API version is closed with 4012', async (t) => {
      const raw = await RawSocket.websocket(t, daemon.port, '/?v=5&encoding=json');
      assert.equal(await raw.close_code(), 4012);
    });

    test('a flood of heartbeats is closed with 4008', async (t) => {
      const raw = await RawSocket.websocket(t, daemon.port, '/c/flood?v=10&encoding=json');
      raw.json(2, identify());
      for (let i = 0; i < 200; i += 1) raw.json(1, null);
      assert.equal(await raw.close_code(), 4008);
    });

    test('RESUME of a session that does not exist gets op 9 and the connection stays usable', async (t) => {
      const raw = await RawSocket.websocket(t, daemon.port, '/c/foreign?v=10&encoding=json');
      raw.json(6, { token: places.token, session_id: 'no-such-session', seq: 5 });
      const refusal = await until('op 9 comes', () => raw.frames().map(({ payload }) => payload.toString()).find((text) => text.includes('"op":9')));
      assert.equal(JSON.parse(refusal).d, false);
      raw.json(2, identify());
      await until('READY comes', () => raw.text().includes('"READY"'));
    });

    test('RESUME from a sequence that was never sent is refused', async (t) => {
      const client = await GatewayClient.connect(t, `${daemon.gateway}/c/ahead`, { intents: allowed_intents });
      client.session.seq += 100_000;
      client.drop();
      await until('it has to identify again', () => client.count.identifies === 2 && client.count.invalid_sessions + client.closes.filter((code) => code === 4007).length > 0);
    });

    test('RESUME with a wrong token is closed with 4004', async (t) => {
      const client = await GatewayClient.connect(t, `${daemon.gateway}/c/stolen`, { intents: allowed_intents });
      const raw = await RawSocket.websocket(t, daemon.port, '/c/stolen?v=10&encoding=json');
      raw.json(6, { token: 'MTIz.x.wrong', session_id: client.session.id, seq: client.session.seq });
      assert.equal(await raw.close_code(), 4004);
    });
  });

  test('a reader that stalls costs bounded memory and later gets everything', async (t) => {
    const slow = await GatewayClient.connect(t, `${daemon.gateway}/c/slow`, { intents: allowed_intents });
    const quick = await GatewayClient.connect(t, `${daemon.gateway}/c/quick`, { intents: allowed_intents });
    const start = await simulator.quiet();
    const resident_kib = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))[1]);
    const resident_before = resident_kib();
    slow.socket.pause();
    await simulator.emit(30_000);
    const ledger = await simulator.ledger(start);
    const due = ({ type }) => type !== 'PRESENCE_UPDATE';
    assert.deepEqual(summary(await judged(ledger, quick, { due })), clean, 'the quick reader');
    const grown_mib = (resident_kib() - resident_before) / 1024;
    t.diagnostic(`30,000 events: resident memory grew by ${grown_mib.toFixed(0)} MiB`);
    assert.ok(grown_mib < 512, `resident memory grew by ${grown_mib} MiB`);
    slow.socket.resume();
    assert.deepEqual(summary(await judged(ledger, slow, { due })), clean, 'the slow reader');
    assert.deepEqual(slow.faults, []);
    assert.equal(slow.count.identifies, 1);
  });

  test('a presence that Discord would close its sessions for closes the bot that sent it', async (t) => {
    const bot = await GatewayClient.connect(t, `${daemon.gateway}/c/presence`, { intents: allowed_intents });
    const { resumes, identifies } = await simulator.status();
    const from = daemon.log.length;
    bot.send(3, { status: 'dnd' });
    await until('it comes to Discord, whole', async () => (await simulator.status()).sessions.every(({ status }) => status === 'dnd'));
    bot.send(3, { since: null, activities: [], status: 'away', afk: false });
    await until('it is closed', () => bot.closes.length > 0);
    assert.deepEqual(bot.closes, [4002]);
    assert.match(await daemon.said('bot.bad_command', { from }), /status is none of/);
    await still_serves(t);
    const now = await simulator.status();
    assert.deepEqual([now.resumes, now.identifies], [resumes, identifies], 'no session has noticed');
  });

  test('after all that, Discord saw no violation and the token is in no log', async (t) => {
    await still_serves(t);
    assert.deepEqual(await simulator.violations(), []);
    assert.equal(daemon.log.some((line) => line.includes(places.token)), false);
  });
});
