// Restarts of bots at 2,000 events a second, with an unmodified discord.js and a raw client whose handlers record each
// event to a file: what simulated Discord sent is held against what was recorded. docs/restarts.md says what is
// promised. EVERGATE_RESTARTS and EVERGATE_TAKEOVERS are the counts of the long form, EVERGATE_RATE the events a second.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Trial } from './lib/restart_trial.mjs';
import { until } from './lib/until.mjs';

const restarts = Number(process.env.EVERGATE_RESTARTS ?? 5);
const takeovers = Number(process.env.EVERGATE_TAKEOVERS ?? 3);

/** How many events a life receives before its end: ever different, so that the ends fall anywhere. */
const some = (round) => 500 + ((round * 1_237) % 3_000);

test(`${restarts} SIGKILLs of a bot lose nothing and repeat only what was not acknowledged`, async (t) => {
  const trial = await Trial.start(t);
  await trial.each(async (side) => {
    const [bot] = side.bots;
    for (let round = 1; round <= restarts; round += 1) {
      await bot.receives(some(round));
      // Three lives in a row without any acknowledgement would look like an event that kills the bot.
      if (round % 3 > 0) await side.acknowledged(bot);
      await side.absent([bot], () => bot.kill9(), () => bot.start());
    }
    await bot.receives(some(0));
  });
  await trial.judge();
});

test(`${restarts} clean stops without a drain lose nothing and repeat only what was sent within the grace`, async (t) => {
  const trial = await Trial.start(t, { config: { downstream: { close_grace: '1s' } } });
  await trial.each(async (side) => {
    const [bot] = side.bots;
    for (let round = 1; round <= restarts; round += 1) {
      await bot.receives(some(round));
      await side.caught_up(bot);
      await side.absent([bot], () => bot.stop(), () => bot.start());
    }
    await bot.receives(some(0));
  });
  await trial.judge({ more: (verdict, side) => side.sent_before_the_grace(verdict) });
});

test(`${takeovers} rolling takeovers lose and repeat nothing`, async (t) => {
  const trial = await Trial.start(t);
  await trial.each(async (side) => {
    for (let round = 1; round <= takeovers; round += 1) {
      const [old] = side.bots;
      await old.receives(some(round));
      await side.caught_up(old);
      await side.start();
      // Both live now. The superseded one is connected, silent, and goes when its operator says so.
      const [next] = side.bots;
      await next.receives(some(round));
      await old.stop();
      await next.receives(2 * some(round));
    }
  });
  await trial.judge({ repeats: false, more: (verdict, side) => side.flapped(1 + takeovers) });
});

test('from 1 to 2 to 5 to 2 processes under load', async (t) => {
  const trial = await Trial.start(t);
  await trial.each(async (side) => {
    for (const [index, lanes] of [2, 5, 2].entries()) {
      const before = side.bots;
      await Promise.all(before.map((bot) => bot.receives(some(index) / before.length)));
      await side.absent(before, () => {}, () => side.start(lanes));
      for (const bot of before) await bot.is_closed();
      await Promise.all(before.map((bot) => bot.kill9()));
    }
    await Promise.all(side.bots.map((bot) => bot.receives(some(3) / 2)));
  });
  await trial.judge();
});

test('from 1 to 2 to 5 to 2 processes that are killed first', async (t) => {
  const trial = await Trial.start(t);
  await trial.each(async (side) => {
    for (const [index, lanes] of [2, 5, 2].entries()) {
      const before = side.bots;
      await Promise.all(before.map((bot) => bot.receives(some(index) / before.length)));
      await side.absent(before, () => Promise.all(before.map((bot) => bot.kill9())), () => side.start(lanes));
    }
    await Promise.all(side.bots.map((bot) => bot.receives(some(3) / 2)));
  });
  await trial.judge();
});

test('a discord.js bot that crashes of one event is rid of it, and gets the rest', async (t) => {
  const more = { CRASH_ON: 'CHANNEL_PINS_UPDATE' };
  const trial = await Trial.start(t, { sides: ['discordjs'], rate: 0, more });
  const { simulator, sides: [side] } = trial;
  await simulator.emit(200, 'MESSAGE_CREATE');
  await simulator.emit(1, more.CRASH_ON);
  await simulator.emit(200, 'MESSAGE_CREATE');
  const ledger = await simulator.events(trial.start);
  const [poison] = ledger.filter(({ type }) => type === more.CRASH_ON);
  const rest = ledger.filter((entry) => entry !== poison && entry.type !== 'INTERACTION_CREATE');
  const [bot] = side.bots;
  let deaths = 0;
  const through = () => {
    side.book.read();
    return rest.every(({ serial }) => side.book.has(serial));
  };
  while (!through()) {
    await until('it dies, or has everything', () => !bot.alive || through(), { timeout_ms: 120_000 });
    if (bot.alive) break;
    deaths += 1;
    assert.ok(deaths <= 25, 'it dies for ever');
    bot.spawn();
  }
  t.diagnostic(`figure: found after ${deaths} deaths`);
  assert.ok(deaths >= 3, `${deaths} deaths are no pattern`);
  assert.ok(side.book.has(poison.serial), 'it was sent at first');
  const { dead_letters } = await trial.daemon.status();
  assert.equal(dead_letters.kept, 1);
  await side.bots[0].is_ready();
  await simulator.emit(50, 'MESSAGE_CREATE');
  const after = await simulator.events(ledger.at(-1).serial);
  await until('what is new arrives', () => { side.book.read(); return after.every(({ serial }) => side.book.has(serial)); });
  assert.ok(bot.alive);
});
