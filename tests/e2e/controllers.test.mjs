// A Lua script overrides decisions of the running daemon: one of each group, faulty ones, and reloads while
// events flow.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Daemon } from './lib/daemon.mjs';
import { GatewayClient } from './lib/gateway_client.mjs';
import { clean, judged, summary } from './lib/ledger_check.mjs';
import * as places from './lib/places.mjs';
import { Simulator } from './lib/simulator.mjs';
import { until } from './lib/until.mjs';

class Script {
  constructor(t, text) {
    this.file = path.join(places.scratch(t, 'script'), 'test.lua');
    this.write(text);
  }

  write(text) { fs.writeFileSync(this.file, text); }
}

async function start(t, text, { simulator: world = {}, config = {}, ready = true } = {}) {
  const script = new Script(t, text);
  const simulator = await Simulator.start(t, { guilds: 40, ...world });
  const daemon = await Daemon.start(t, simulator, { config: { ...config, controllers: { script: script.file, ...config.controllers } }, ready });
  return { script, simulator, daemon };
}

async function overrides(daemon) {
  const { controllers } = await daemon.told('/v1/controllers');
  return Object.fromEntries(controllers.map((one) => [one.name, one]));
}

/** Collects d of every event of these types. */
function watch(client, types) {
  const seen = [];
  client.handlers.add(({ op, t, d }) => { if (op === 0 && types.includes(t)) seen.push({ t, d }); });
  return seen;
}

test('a script with an error is an error of the configuration', async (t) => {
  const { daemon, script } = await start(t, 'function on_evnt() end', { ready: false });
  await daemon.exit();
  const said = daemon.log.find((line) => line.startsWith('evergate: controllers.script: test.lua:1: the global function on_evnt is no controller'));
  assert.ok(said, daemon.child.last_words());
  const check = await daemon.command('check');
  assert.equal(check.code, 2);
  assert.match(check.errors, /controllers\.script: test\.lua:1: .*on_evnt/);
  script.write('function on_event() end');
  assert.equal((await daemon.command('check')).code, 0);
});

test('filters in the configuration keep events out of the queue, for every consumer', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 20 });
  const denied = (await simulator.guilds())[3].id;
  const daemon = await Daemon.start(t, simulator, { config: { filters: { events_deny: ['TYPING_START', 'MESSAGE_CREATE'], guilds_deny: [denied] } } });
  const client = await GatewayClient.connect(t, daemon.gateway);
  const begun = await simulator.quiet();
  await simulator.emit(2_000);
  const due = ({ type, guild }) => !['TYPING_START', 'MESSAGE_CREATE'].includes(type) && guild !== denied;
  await simulator.quiet();
  const ledger = await simulator.ledger(begun);
  assert.ok(ledger.some(({ type }) => type === 'MESSAGE_CREATE') && ledger.some(({ guild }) => guild === denied));
  assert.deepEqual(summary(await judged(ledger, client, { due })), clean);
  const wrong = client.received().filter(({ serial, type, guild, backfill }) => serial > begun && !backfill && !due({ type, guild }));
  assert.deepEqual(wrong, []);
});

test('events: on_event drops and rewrites, deliver_event chooses by consumer', async (t) => {
  const { simulator, daemon } = await start(t, `
    function on_event(asked, standard)
      if asked.type == 'TYPING_START' then return false end
      if asked.type == 'MESSAGE_CREATE' then return '{"marked":"' .. (asked.guild or '') .. '",' .. asked.d:sub(2) end
      return standard(asked)
    end
    function deliver_event(asked) return asked.consumer ~= 'staging' or asked.type == 'MESSAGE_CREATE' end`);
  const client = await GatewayClient.connect(t, daemon.gateway);
  const staging = await GatewayClient.connect(t, `${daemon.gateway}/c/staging`);
  const messages = watch(client, ['MESSAGE_CREATE']);
  const begun = await simulator.quiet();
  await simulator.emit(3_000);
  await simulator.quiet();
  const ledger = (await simulator.ledger(begun)).filter(({ kind }) => kind === 'event');
  const lives_on = ['GUILD_CREATE', 'GUILD_DELETE'];
  const verdict = await judged(ledger, client, { due: ({ type }) => type !== 'TYPING_START' });
  assert.deepEqual(summary(verdict), clean);
  const seen = await judged(ledger, staging, { due: ({ type }) => type === 'MESSAGE_CREATE' || lives_on.includes(type) });
  assert.deepEqual(summary(seen), clean);
  assert.deepEqual(client.received().filter(({ type }) => type === 'TYPING_START'), []);
  const others = staging.received().filter(({ serial, type }) => serial > begun && type !== 'MESSAGE_CREATE' && !lives_on.includes(type));
  assert.deepEqual(others, []);
  assert.ok(messages.length > 100);
  for (const { d } of messages) assert.equal(d.marked, d.guild_id ?? '');
  const { on_event: status } = await overrides(daemon);
  assert.deepEqual(status.overridden_in, ['lua']);
  assert.ok(status.calls >= ledger.length && status.failures === 0, JSON.stringify(status));
  const { code, text } = await daemon.command('controllers');
  assert.equal(code, 0);
  assert.match(text, /^on_event +lua +\d+ +0 /m);
  assert.match(text, /^judge_close +-$/m);
});

test('a faulty override leaves the standard answer, is counted, and loses no event', async (t) => {
  const { simulator, daemon } = await start(t, `
    local deeds = {
      function() error('no idea') end,
      function() while true do end end,
      function() pcall(function() while true do end end) return false end,
      function() local all = {} while true do all[#all + 1] = {} end end,
      function() return ('x'):rep(1 << 30) end,
      function() return 5 end,
      function() return 'no json' end,
      function(asked) return asked.nothing.at_all end,
    }
    local turn = 0
    function on_event(asked)
      turn = turn % #deeds + 1
      return deeds[turn](asked)
    end`, { config: { controllers: { instructions_max: 100_000, memory_max: '512KiB' } } });
  const client = await GatewayClient.connect(t, daemon.gateway);
  const begun = await simulator.quiet();
  await simulator.emit(400);
  await simulator.quiet();
  assert.deepEqual(summary(await judged(await simulator.ledger(begun), client)), clean);
  const { on_event: status } = await overrides(daemon);
  assert.equal(status.failures, status.calls);
  assert.ok(status.calls >= 400 && status.last_failure !== '', JSON.stringify(status));
  await daemon.said('controller.failed');
});

test('a reload while events flow loses none; a bad script is refused and the old one stays', async (t) => {
  const keeping = (number) => `function on_event(asked, standard) return asked.type ~= 'TYPING_START_${number}' and standard(asked) end`;
  const { script, simulator, daemon } = await start(t, keeping(0));
  const client = await GatewayClient.connect(t, daemon.gateway);
  const begun = await simulator.quiet();
  await simulator.rate(1_000);
  const flow = async () => {
    const wanted = client.serials.size + 300;
    await until('events flow', () => client.serials.size > wanted);
  };
  const version = async () => (await daemon.told('/v1/controllers')).script.version;

  await flow();
  const first = await version();
  script.write(keeping(1));
  const { code, errors } = await daemon.command('controllers', 'reload');
  assert.equal(code, 0, errors);
  const second = await version();
  assert.notEqual(second, first);
  await flow();
  for (const bad of ['function on_event(', 'function on_evnt() end', 'error("no")', 'while true do end']) {
    script.write(bad);
    const { status, body } = await daemon.admin('/v1/controllers/reload', { method: 'POST' });
    assert.equal(status, 409, bad);
    assert.match(body.error.message, /controllers\.script: test\.lua/);
    assert.equal(await version(), second);
  }
  assert.equal((await daemon.command('controllers', 'reload')).code, 1);
  await flow();
  script.write(keeping(2));
  process.kill(daemon.pid, 'SIGHUP');
  await until('SIGHUP reloads', async () => (await version()) !== second);
  await flow();
  await simulator.quiet();
  assert.deepEqual(summary(await judged(await simulator.ledger(begun), client)), clean);
  assert.equal(client.count.identifies, 1);
  assert.equal((await overrides(daemon)).on_event.failures, 0);
});

test('when deliver_event changes its bots begin new sessions and are sent what they have not acknowledged', async (t) => {
  const { script, simulator, daemon } = await start(t, 'function deliver_event() return true end');
  const client = await GatewayClient.connect(t, daemon.gateway);
  const begun = await simulator.quiet();
  await simulator.rate(500);
  await until('events flow', () => client.serials.size > 500);
  script.write("function deliver_event(asked) return asked.type ~= 'TYPING_START' end");
  await daemon.told('/v1/controllers/reload', { method: 'POST' });
  await until('the bot begins anew', () => client.count.invalid_sessions === 1 && client.count.identifies === 2);
  const came = client.serials.size;
  await until('events flow again', () => client.serials.size > came + 500);
  // A session of before the change is not resumed after a kill either, and one of after it is.
  await daemon.restart();
  await until('the bot resumes', () => client.count.resumed > 0);
  assert.equal(client.count.identifies, 2);
  await simulator.quiet();
  const verdict = await judged(await simulator.ledger(begun), client, { due: ({ type }) => type !== 'TYPING_START' });
  assert.deepEqual(verdict.lost, []);
  assert.deepEqual(client.faults, []);
});

test('scale, sessions and bots: counts, close codes and who is let in', async (t) => {
  const { simulator, daemon } = await start(t, `
    function calculate_total_shards(asked, standard) return standard(asked) + 1 end
    function make_presence(asked) return '{"status":"idle","since":null,"afk":false,"activities":[]}' end
    function judge_close(asked, standard) return asked.code == 4000 and 'identify' or standard(asked) end
    function reconnect_delay() return 10 end
    function calculate_lanes(asked) return asked.shards + 2 end
    function admit_bot(asked) return asked.consumer == 'nobody' and 4014 or 0 end
    function make_ready(asked)
      local d = evergate.json.decode(asked.d)
      d.user.username = 'called ' .. asked.consumer
      return evergate.json.encode(d)
    end
    function on_command(asked) return asked.op ~= 8 end`, { world: {}, config: { shards: { identify_spacing: '60ms' } } });
  assert.equal((await daemon.told('/v1/status')).shards.count, 3);
  const gateway = await (await fetch(`${daemon.api}/v10/gateway/bot`, { headers: { authorization: `Bot ${places.token}` } })).json();
  assert.equal(gateway.shards, 5);

  const client = await GatewayClient.connect(t, daemon.gateway);
  assert.equal(client.ready.user.username, 'called main');
  const refused = new GatewayClient(`${daemon.gateway}/c/nobody`);
  t.after(() => refused.leave());
  refused.open();
  await until('it is turned away', () => refused.closes.length > 0);
  assert.deepEqual(refused.closes, [4014]);

  const chunks = watch(client, ['GUILD_MEMBERS_CHUNK']);
  client.send(8, { guild_id: client.ready.guilds[0].id, query: '', limit: 1 });
  await until('the command is judged', async () => (await overrides(daemon)).on_command.calls === 1);

  const before = (await simulator.status()).identifies_left;
  await simulator.fault('close', { code: 4000 });
  await until('every shard begins anew', async () => (await simulator.status()).identifies_left === before - 3);
  await until('all are ready', async () => (await daemon.told('/v1/status')).shards.ready === 3);
  assert.deepEqual(chunks, []);
  const now = await overrides(daemon);
  for (const name of ['calculate_total_shards', 'judge_close', 'calculate_lanes', 'admit_bot', 'make_ready', 'make_presence']) {
    assert.ok(now[name].calls > 0 && now[name].failures === 0, JSON.stringify(now[name]));
  }
});

test('resharding: decide_resharding begins one, permit_switch holds it back', async (t) => {
  const { script, simulator, daemon } = await start(t, `
    function decide_resharding(asked) return asked.current == 2 and 3 or 0 end
    function permit_switch() return false end`, {
    config: {
      shards: { identify_spacing: '60ms' },
      reshard: { automatic: true, check_interval: '300ms', skew_max: '1500ms', handover_max: '8s', guild_wait: '3s', multiple: 1, stall_max: '60s', identify_reserve: 0 },
    },
  });
  const client = await GatewayClient.connect(t, daemon.gateway);
  const begun = await simulator.quiet();
  await simulator.rate(300);
  await until('the switch is put off', async () => (await overrides(daemon)).permit_switch.calls >= 2);
  assert.equal((await daemon.told('/v1/reshard')).phase, 'overlap'); // both fleets run, no guild moves
  script.write('function decide_resharding(asked) return asked.current == 2 and 3 or 0 end');
  await daemon.told('/v1/controllers/reload', { method: 'POST' });
  await daemon.said('reshard.done', { timeout_ms: 120_000 });
  await simulator.quiet();
  assert.equal((await daemon.told('/v1/status')).shards.count, 3);
  assert.deepEqual(summary(await judged(await simulator.ledger(begun), client)), clean);
});
