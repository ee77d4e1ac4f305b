// SIGKILL of the daemon under load, twenty times in a row (EVERGATE_KILLS for another number): Discord sees no IDENTIFY after the first start,
// the journal holds everything once and in order, and bots carry on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Daemon } from './lib/daemon.mjs';
import { GatewayClient } from './lib/gateway_client.mjs';
import { clean, judge, judged, summary } from './lib/ledger_check.mjs';
import { SampleBot } from './lib/sample_bot.mjs';
import { Simulator } from './lib/simulator.mjs';
import { SuddenEnds } from './lib/sudden_end.mjs';
import { until } from './lib/until.mjs';

const kills = Number(process.env.EVERGATE_KILLS ?? 20);

/** A pause measured in events, so that the kills fall at ever different points of the work. */
async function after_some_events(client, round) {
  const wanted = client.received().length + 50 + ((round * 37) % 200);
  await until(`${wanted} events have arrived`, () => client.received().length >= wanted);
}

async function identifies(simulator) {
  return (await simulator.status()).identifies;
}

test(`${kills} SIGKILLs of the daemon lose and repeat nothing`, async (t) => {
  const simulator = await Simulator.start(t, { guilds: 200, shards: 4 });
  const daemon = await Daemon.start(t, simulator);
  const raw = await GatewayClient.connect(t, daemon.gateway);
  const bot = new SampleBot(t, daemon, { consumer: 'discordjs' });
  await bot.start();
  const start = await simulator.quiet();
  const first_identifies = await identifies(simulator);
  assert.equal(first_identifies, 4);

  const ends = new SuddenEnds(simulator, daemon, [raw, bot]);
  await simulator.rate(500);
  for (let round = 1; round <= kills; round += 1) {
    await after_some_events(raw, round);
    await ends.restart();
  }
  await after_some_events(raw, 0);
  await simulator.quiet();
  const ledger = await simulator.ledger(start);

  const verdict_raw = await judged(ledger, raw, { due: ends.due(raw) });
  const verdict_bot = await judged(ledger, bot, { due: ends.due(bot) });
  t.diagnostic(`raw client: ${raw.count.resumed} resumes, ${raw.count.identifies} identifies; bot: ${bot.said('resumed').length} resumes, ${bot.said('identified').length} identifies, ${verdict_bot.doubled.length} twice`);
  assert.equal(await identifies(simulator), first_identifies, 'Discord saw another IDENTIFY');
  assert.deepEqual(summary(verdict_raw), clean, 'raw client');
  assert.deepEqual(raw.faults, []);
  assert.equal(raw.count.identifies, 1, 'the raw client had to identify again');

  // discord.js chooses by itself: where it came back by IDENTIFY, what it had not acknowledged is repeated.
  const twice_allowed = bot.said('identified').length > 1 ? verdict_bot.doubled.length : 0;
  assert.equal(verdict_bot.doubled.length, twice_allowed, 'the discord.js bot received events twice');
  assert.deepEqual({ lost: verdict_bot.lost, reordered: verdict_bot.reordered }, { lost: [], reordered: [] }, 'discord.js bot');

  const violations = await simulator.violations();
  await daemon.stop();
  const rows = (await daemon.journal()).map(({ type, d }) => ({ type, serial: d?._serial ?? 0 }));
  assert.deepEqual(summary(judge(ledger, rows)), clean, 'journal');
  assert.deepEqual(violations, []);
});

test('a stop by SIGTERM keeps the sessions at Discord', async (t) => {
  const simulator = await Simulator.start(t, { rate: 200 });
  const daemon = await Daemon.start(t, simulator);
  const client = await GatewayClient.connect(t, daemon.gateway);
  const start = await simulator.newest_serial();
  const before = await identifies(simulator);
  for (let round = 1; round <= 3; round += 1) {
    await after_some_events(client, round);
    await daemon.stop();
    await daemon.launch();
  }
  await after_some_events(client, 0);
  await simulator.quiet();
  const first = client.received().find((event) => event.serial > start && !event.backfill).serial;
  const verdict = await judged(await simulator.ledger(start), client, { due: ({ serial }) => serial > first });
  assert.deepEqual(summary(verdict), clean);
  assert.equal(await identifies(simulator), before);
  assert.equal(client.count.identifies, 1);
  assert.deepEqual(await simulator.violations(), []);
});

test('connections cut by Discord are resumed without loss', async (t) => {
  const simulator = await Simulator.start(t, { rate: 500, shards: 3, replay_max: 100_000 });
  const daemon = await Daemon.start(t, simulator);
  const client = await GatewayClient.connect(t, daemon.gateway);
  const start = await simulator.newest_serial();
  const before = await identifies(simulator);
  // 0: the connection ends without a close frame.
  for (const code of [4000, 4001, 4008, 1001, 0, 4000]) {
    await after_some_events(client, 1);
    const { resumes } = await simulator.status();
    await simulator.disconnect({ code });
    await until(`all three shards resume after close ${code}`, async () => (await simulator.status()).resumes >= resumes + 3);
  }
  await after_some_events(client, 0);
  await simulator.quiet();
  const first = client.received().find((event) => event.serial > start && !event.backfill).serial;
  const verdict = await judged(await simulator.ledger(start), client, { due: ({ serial }) => serial > first });
  assert.deepEqual(summary(verdict), clean);
  assert.equal(await identifies(simulator), before);
  assert.deepEqual(client.closes, []);
});
