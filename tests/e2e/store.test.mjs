// What is stored is damaged, or cannot be written: the daemon comes back by itself, serves nothing that it
// did not write, and says what is lost.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Child } from './lib/child.mjs';
import { Daemon } from './lib/daemon.mjs';
import { GatewayClient } from './lib/gateway_client.mjs';
import { clean, judged, summary } from './lib/ledger_check.mjs';
import * as places from './lib/places.mjs';
import { Simulator } from './lib/simulator.mjs';
import { SmallDisk } from './lib/small_disk.mjs';
import { until } from './lib/until.mjs';

const page_bytes = 4096;

/** Overwrites `bytes` bytes at `offset` of a file with what no page or value begins with. */
function overwrite(file, offset, bytes) {
  const handle = fs.openSync(file, 'r+');
  fs.writeSync(handle, Buffer.alloc(bytes, 0xa5), 0, bytes, offset);
  fs.closeSync(handle);
}

/** Damages every page but the first two, and leaves values between. */
function damage_pages(file) {
  const pages = fs.statSync(file).size / page_bytes;
  for (let page = 2; page < pages; page += 1) overwrite(file, page * page_bytes, 24);
}

/** Every page but the first two says no more whether it is a branch or a leaf, which LMDB answers with an error. */
function forget_page_kinds(file) {
  const kind = { at: 10, bytes: 2 };
  const handle = fs.openSync(file, 'r+');
  for (let page = 2; page < fs.fstatSync(handle).size / page_bytes; page += 1) {
    fs.writeSync(handle, Buffer.alloc(kind.bytes), 0, kind.bytes, page * page_bytes + kind.at);
  }
  fs.closeSync(handle);
}

/** Every value that holds `text`, changed by one bit each: the pages stay whole. */
function damage_values(file, text) {
  const bytes = fs.readFileSync(file);
  let changed = 0;
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
    bytes[at] ^= 1;
    changed += 1;
  }
  fs.writeFileSync(file, bytes);
  assert.ok(changed > 0, `nothing stored holds ${text}`);
}

function set_aside(daemon) {
  return fs.readdirSync(daemon.data_dir).filter((name) => name.startsWith('damaged-'));
}

async function verify(data_dir) {
  const child = new Child(places.evergate, ['journal', 'verify', '--data-dir', data_dir], { name: 'journal verify' });
  const { code } = await child.gone();
  return { code, said: child.stdout.join('\n') };
}

/** A daemon that has served a bot and died; the bot goes on trying. */
async function stopped_daemon(t, { config } = {}) {
  const simulator = await Simulator.start(t, { guilds: 30, shards: 2 });
  const daemon = await Daemon.start(t, simulator, { config });
  const client = await GatewayClient.connect(t, daemon.gateway);
  const start = await simulator.quiet();
  await simulator.emit(500);
  assert.deepEqual(summary(await judged(await simulator.ledger(start), client)), clean);
  await daemon.kill9();
  return { simulator, daemon, client };
}

/** After a start with an empty store: sessions anew, a bot that is shown everything, every event from then on. */
async function goes_on(t, { simulator, daemon, client }, { gaps_at_least = 1 } = {}) {
  await until('the bot identifies anew', () => client.count.identifies === 2 && client.backfill_owed === 0);
  assert.equal(client.ready.guilds.length, (await simulator.guilds()).length);
  const start = await simulator.quiet();
  await simulator.emit(500);
  assert.deepEqual(summary(await judged(await simulator.ledger(start), client)), clean);
  assert.deepEqual(client.faults, []);
  assert.deepEqual(await simulator.violations(), []);
  await daemon.stop();
  const rows = await daemon.journal();
  const gaps = rows.filter(({ type }) => type === 'GAP');
  assert.ok(gaps.length >= gaps_at_least, `${gaps.length} GAP records`);
  assert.deepEqual([...new Set(gaps.map(({ d }) => d.cause))], ['store_damaged']);
  assert.ok(rows.indexOf(gaps.at(-1)) < rows.findIndex(({ type }) => type === 'SESSION_STARTED'), 'a READY precedes a GAP');
  assert.equal((await verify(daemon.data_dir)).code, 0);
  return gaps;
}

test('damaged pages are set aside and the daemon serves again', async (t) => {
  const world = await stopped_daemon(t);
  const { daemon } = world;
  damage_pages(path.join(daemon.data_dir, 'data.mdb'));
  const { code, said } = await verify(daemon.data_dir);
  assert.equal(code, 3);
  assert.match(said, /^damaged: .*data\.mdb, page/);
  const from = daemon.log.length;
  await daemon.launch();
  const line = await daemon.said('journal.set_aside', { from });
  assert.match(line, /page/);
  const aside = set_aside(daemon);
  assert.equal(aside.length, 1);
  assert.ok(fs.existsSync(path.join(daemon.data_dir, aside[0], 'data.mdb')));
  await goes_on(t, world);
  assert.deepEqual(set_aside(daemon), aside);
});

test('a store that is damaged under the running daemon is left for an empty one, in the same process', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 30, shards: 2 });
  const daemon = await Daemon.start(t, simulator);
  const client = await GatewayClient.connect(t, daemon.gateway);
  const start = await simulator.quiet();
  await simulator.emit(500);
  assert.deepEqual(summary(await judged(await simulator.ledger(start), client)), clean);
  const { pid } = daemon;
  const from = daemon.log.length;
  forget_page_kinds(path.join(daemon.data_dir, 'data.mdb'));
  await simulator.emit(1);
  await daemon.said('journal.broken', { from });
  await daemon.said('journal.set_aside', { from });
  await daemon.said('fleet.ready', { from });
  await until('the bot identifies anew', () => client.count.identifies === 2 && client.backfill_owed === 0);
  assert.equal(daemon.pid, pid);
  assert.equal(set_aside(daemon).length, 1);
  await goes_on(t, { simulator, daemon, client });
});

/** As though the machine itself had gone down since the last run. */
function other_boot(daemon) {
  const file = path.join(daemon.data_dir, 'evergate.runs');
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace(/boot=......../, 'boot=00000000'));
}

test('after an unclean boot damaged values are found, and the GAPs name the sessions that are lost', async (t) => {
  const world = await stopped_daemon(t);
  const { daemon } = world;
  const sessions = (await daemon.journal()).filter(({ type }) => type === 'SESSION_STARTED').map(({ d }) => d.session_id);
  damage_values(path.join(daemon.data_dir, 'data.mdb'), '"joined_at"');
  other_boot(daemon);
  const from = daemon.log.length;
  await daemon.launch();
  await daemon.said('the machine went down without a clean stop', { from });
  const gaps = await goes_on(t, world, { gaps_at_least: 2 });
  assert.deepEqual(gaps.map(({ d }) => d.session_id).sort(), sessions.sort());
  assert.ok(gaps.every(({ d }) => d.last_seq > 0));
});

test('a store that was cut short or emptied is set aside', async (t) => {
  const world = await stopped_daemon(t);
  const { daemon, client, simulator } = world;
  const file = path.join(daemon.data_dir, 'data.mdb');
  fs.truncateSync(file, Math.floor(fs.statSync(file).size / 2));
  await daemon.launch();
  await until('the bot identifies anew', () => client.count.identifies === 2 && client.backfill_owed === 0);
  await daemon.kill9();
  fs.truncateSync(file, 0);
  await daemon.launch();
  await until('the bot identifies once more', () => client.count.identifies === 3 && client.backfill_owed === 0);
  assert.equal(set_aside(daemon).length, 2);
  const start = await simulator.quiet();
  await simulator.emit(200);
  assert.deepEqual(summary(await judged(await simulator.ledger(start), client)), clean);
});

test('with on_damage = refuse the daemon says what is wrong and ends with 3', async (t) => {
  const { daemon } = await stopped_daemon(t, { config: { store: { on_damage: 'refuse' } } });
  const file = path.join(daemon.data_dir, 'data.mdb');
  damage_pages(file);
  const before = fs.readFileSync(file);
  await daemon.launch({ ready: false });
  const { code } = await daemon.exit();
  assert.equal(code, 3);
  assert.match(daemon.child.last_words(), /data_dir ".*": .*data\.mdb, page \d+: .*store\.on_damage = "refuse"/);
  assert.deepEqual(set_aside(daemon), []);
  assert.ok(before.equals(fs.readFileSync(file)), 'the damaged file was touched');
});

test('runs that die again and again have the store verified, and nothing is lost by it', async (t) => {
  const { daemon, client, simulator } = await stopped_daemon(t);
  const start = await simulator.newest_serial();
  const before = (await simulator.status()).identifies;
  const from = daemon.log.length;
  for (let death = 0; death < 4; death += 1) {
    await daemon.launch();
    await daemon.kill9();
  }
  await daemon.launch();
  await daemon.said('runs ended without a clean stop', { from });
  assert.match(await daemon.said('journal.verified', { from }), /sound=true/);
  await simulator.emit(200);
  assert.deepEqual(summary(await judged(await simulator.ledger(start), client)), clean);
  assert.equal((await simulator.status()).identifies, before);
  assert.deepEqual(set_aside(daemon), []);
});

/** Bytes that wait, unread, in this machine's connections to `port`; one number for each connection. */
function unread(port) {
  const lines = fs.readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1);
  const to = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const fields = lines.map((line) => line.trim().split(/\s+/));
  return fields.filter((f) => f[2].endsWith(to) && f[3] === '01').map((f) => parseInt(f[4].split(':')[1], 16));
}

test('a full disk under load stops the reading from Discord, and with room again nothing is lost', async (t) => {
  const disk = SmallDisk.mount(t, '8m');
  if (disk === null) return t.skip('a tmpfs can be mounted by root only');
  const simulator = await Simulator.start(t, { guilds: 64, shards: 8 });
  const daemon = await Daemon.start(t, simulator, {
    config: { data_dir: path.join(disk.place, 'data'), queue: { tick: '0ms' } }, // many batches: the mailbox fills soon
  });
  const client = await GatewayClient.connect(t, daemon.gateway);
  const start = await simulator.quiet();
  const before = (await simulator.status()).identifies;

  await simulator.rate(2_000);
  await daemon.said('journal.stalled');
  await until('reading from Discord stops', () => {
    const waiting = unread(simulator.port);
    return waiting.length >= 8 && waiting.every((bytes) => bytes > 4_096);
  }, { timeout_ms: 120_000 });
  const shown = client.received().length;
  const wanted = (await simulator.newest_serial()) + 500;
  await until('Discord goes on', async () => (await simulator.newest_serial()) > wanted);
  assert.equal(client.received().length, shown, 'a bot was shown what is not on disk');

  disk.resize('512m');
  await daemon.said('journal.writing_again');
  await simulator.quiet();
  const verdict = await judged(await simulator.ledger(start), client, { timeout_ms: 120_000 });
  t.diagnostic(`${verdict.expected} events, ${shown} of them before the disk was full`);
  assert.deepEqual(summary(verdict), clean);
  assert.equal((await simulator.status()).identifies, before);
  assert.equal(client.count.identifies, 1);
  assert.deepEqual(client.faults, []);
  assert.deepEqual(await simulator.violations(), []);
  await daemon.stop();
  assert.equal((await verify(daemon.data_dir)).code, 0);
  return undefined;
});
