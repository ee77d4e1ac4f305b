// Bad configurations and bad data directories: the daemon says which key or path it is, what is wrong with
// it and what is allowed, and never shows the token.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Child } from './lib/child.mjs';
import { Daemon } from './lib/daemon.mjs';
import { GatewayClient } from './lib/gateway_client.mjs';
import { clean, judged, summary } from './lib/ledger_check.mjs';
import * as places from './lib/places.mjs';
import { Simulator } from './lib/simulator.mjs';
import { until } from './lib/until.mjs';

const sound = `token = "${places.token}"\nintents = 513\n`;

/** Runs `evergate check` on a configuration; gives {code, text}. */
async function check(t, text, { env = {} } = {}) {
  const file = path.join(places.scratch(t, 'check'), 'evergate.toml');
  fs.writeFileSync(file, text);
  const child = new Child(places.evergate, ['check', '--config', file], { name: 'evergate check', env: { DISCORD_TOKEN: undefined, ...env } });
  const { code } = await child.gone();
  return { code, text: [...child.stdout, ...child.stderr].join('\n') };
}

test('a sound configuration is accepted', async (t) => {
  const { code, text } = await check(t, sound);
  assert.equal(code, 0, text);
  const by_name = await check(t, `token = "${places.token}"\nintents = ["guilds", "guild_messages"]\n`);
  assert.equal(by_name.code, 0, by_name.text);
});

const faulty = [
  ['an unknown key', `${sound}[queue]\nmax_eventz = 5\n`, [/max_eventz/]],
  ['an unknown table', `${sound}[quue]\nmax_events = 5\n`, [/quue/]],
  ['a wrong type', `${sound}workers = "many"\n`, [/workers/, /many|string/]],
  ['a port out of range', `${sound}[listen]\nport = 70000\n`, [/listen\.port/, /70000/, /65535/]],
  ['an unknown compression', `${sound}[discord]\ncompression = "lz4"\n`, [/discord\.compression/, /lz4/, /zstd-stream/]],
  ['an unknown intent', `token = "${places.token}"\nintents = ["guildz"]\n`, [/intents/, /guildz/]],
  ['intents with undocumented bits', `token = "${places.token}"\nintents = ${2 ** 30}\n`, [/intents/, /1073741824/]],
  ['no token', 'intents = 513\n', [/token/]],
  ['no REST base', `${sound}[discord]\nrest = "gopher://x"\n`, [/discord\.rest/, /gopher/, /http/]],
  ['an address that is open to all without TLS', `${sound}[listen]\naddress = "0.0.0.0"\n`, [/listen\.address/, /0\.0\.0\.0/, /tls_certificate|allow_plain_remote/]],
  ['an address that is none', `${sound}[listen]\naddress = "localhost:1"\n`, [/listen\.address/, /localhost:1/]],
  ['a certificate without its key', `${sound}[listen]\ntls_certificate = "/nowhere/x.pem"\n`, [/tls_(key|certificate)/]],
  ['a negative bound', `${sound}[queue]\nmax_events = -1\n`, [/queue\.max_events/, /-1/]],
  ['an event that bots live on', `${sound}[filters]\nevents_deny = ["READY"]\n`, [/filters\.events_deny/, /READY/]],
  ['a guild that is no id', `${sound}[filters]\nguilds_deny = ["here"]\n`, [/filters\.guilds_deny/, /here/]],
  ['too little memory for a script', `${sound}[controllers]\nmemory_max = "1KiB"\n`, [/controllers\.memory_max/, /256KiB/]],
  ['a script that is not there', `${sound}[controllers]\nscript = "/nowhere/x.lua"\n`, [/controllers\.script/, /nowhere/]],
  ['broken TOML', `${sound}[queue\n`, [/line 3|:3/]],
];
for (const [name, config, patterns] of faulty) {
  test(`${name} is refused and named`, async (t) => {
    const { code, text } = await check(t, config);
    assert.notEqual(code, 0, text);
    for (const pattern of patterns) assert.match(text, pattern);
    assert.equal(text.includes(places.token), false, 'the token is shown');
  });
}

test('a configuration file that is not there is named', async () => {
  const child = new Child(places.evergate, ['--config', '/nowhere/evergate.toml'], { name: 'evergate' });
  const { code } = await child.gone();
  assert.notEqual(code, 0);
  assert.match(child.stderr.join('\n'), /\/nowhere\/evergate\.toml/);
});

test('the token may come from the environment', async (t) => {
  const { code, text } = await check(t, 'intents = 513\n', { env: { DISCORD_TOKEN: places.token } });
  assert.equal(code, 0, text);
  assert.equal(text.includes(places.token), false);
});

test('a data directory that is a file is refused', async (t) => {
  const simulator = await Simulator.start(t);
  const blocked = path.join(places.scratch(t, 'blocked'), 'data');
  fs.writeFileSync(blocked, 'not a directory');
  const daemon = await Daemon.start(t, simulator, { ready: false, config: { data_dir: blocked } });
  const { code } = await daemon.exit();
  assert.notEqual(code, 0);
  await until('it says why', () => daemon.log.some((line) => line.includes(blocked)));
  assert.equal((await simulator.status()).identifies, 0);
});

/** A program that runs the daemon as a user without rights; the daemon itself where we have none. */
function powerless(t) {
  if (process.getuid() !== 0) return undefined;
  const wrapper = path.join(places.scratch(t, 'powerless'), 'evergate');
  const nobody = 65534;
  fs.writeFileSync(wrapper, `#!/bin/sh
chmod 755 "$(dirname "$2")"
exec setpriv --reuid=${nobody} --regid=${nobody} --clear-groups ${places.evergate} "$@"
`, { mode: 0o755 });
  return wrapper;
}

test('a data directory that may not be read is refused', async (t) => {
  const simulator = await Simulator.start(t);
  const closed = path.join(places.scratch(t, 'closed'), 'data');
  fs.mkdirSync(closed, { mode: 0o000 });
  const daemon = await Daemon.start(t, simulator, { ready: false, program: powerless(t), config: { data_dir: closed } });
  assert.notEqual((await daemon.exit()).code, 0);
  await until('it says why', () => daemon.log.some((line) => line.includes(closed)));
  assert.equal((await simulator.status()).identifies, 0);
});

test('two daemons on one data directory: the second is refused', async (t) => {
  const simulator = await Simulator.start(t);
  const first = await Daemon.start(t, simulator);
  const second = await Daemon.start(t, simulator, { ready: false, config: { data_dir: first.data_dir } });
  assert.notEqual((await second.exit()).code, 0);
  await until('it says why', () => second.log.some((line) => line.includes(first.data_dir)));
  assert.equal((await simulator.status()).identifies, 2);
});

/** A small file system in memory at `place`; false where this user may not mount one. */
function mount_small(place, size) {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', place], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test('a full disk pauses the flow, and room lets it go on without loss', async (t) => {
  const place = fs.mkdtempSync(path.join(os.tmpdir(), 'evergate-full-'));
  let daemon;
  let mounted = false;
  t.after(async () => {
    await daemon?.end();
    if (mounted) execFileSync('umount', ['-l', place]);
    fs.rmSync(place, { recursive: true, force: true });
  });
  mounted = mount_small(place, '24m');
  if (!mounted) return t.skip('this user may not mount a small file system');
  const simulator = await Simulator.start(t, { guilds: 20, replay_max: 100_000 });
  daemon = await Daemon.start(t, simulator, { config: { data_dir: path.join(place, 'data') } });
  const client = await GatewayClient.connect(t, daemon.gateway);
  const start = await simulator.quiet();
  await simulator.rate(2_000);
  await until(() => `the daemon tells that it cannot write: ${daemon.child.last_words()}`, () => daemon.log.some((line) => /stalled|no space|disk full/i.test(line)));
  await simulator.rate(0);
  execFileSync('mount', ['-o', 'remount,size=1g', place]);
  const ledger = await simulator.ledger(start);
  assert.deepEqual(summary(await judged(ledger, client)), clean);
  assert.equal(daemon.happenings('started').length, 1, 'the daemon died of a full disk');
  return undefined;
});
