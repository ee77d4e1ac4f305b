// What bots notice of a resharding: an unmodified discord.js beside a raw client is neither disconnected nor told anything
// twice; commands reach the shard that their guild is of at that moment, in every phase; and a bot in voice stays there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from './lib/random.mjs';
import { ReshardScene } from './lib/reshard_scene.mjs';
import { until } from './lib/until.mjs';

const op = { presence: 3, voice: 4, members: 8, soundboard: 31 };
const voice_channel = 2;

test('an unmodified discord.js notices nothing of 2 shards becoming 3', async (t) => {
  const scene = await ReshardScene.start(t, { library: true, rate: 1_000, lag: { lag_ms: 50, jitter_ms: 250 } });
  await scene.start(3);
  const receipt = await scene.ended();
  assert.equal(receipt.outcome, 'completed');
  await scene.judge(receipt);
  assert.equal(scene.library.said('identified').length, 1);
  assert.equal(scene.library.said('resumed').length, 0);
});

/** Asks for members and sounds, one guild or several, again and again; counts what was asked in which phase. */
class Asker {
  constructor(scene, seed) {
    Object.assign(this, { scene, chance: random(seed), asked: {}, nonces: new Map(), asked_of: new Map(), sounds: new Map(), stopped: false });
    this.guilds = [...scene.client.backfill.keys()];
    this.heard = (payload) => this.take(payload);
    scene.client.handlers.add(this.heard);
  }

  take({ t: type, d }) {
    if (type === 'GUILD_MEMBERS_CHUNK') this.nonces.set(d.nonce, (this.nonces.get(d.nonce) ?? 0) + 1);
    if (type === 'SOUNDBOARD_SOUNDS') this.sounds.delete(d.guild_id);
  }

  some(count) { return Array.from({ length: count }, () => this.guilds[this.chance(0, this.guilds.length - 1)]); }

  async ask() {
    const { phase } = await this.scene.state();
    const number = (this.asked[phase] ?? 0) + 1;
    if (number > 12) return; // Discord takes 120 payloads a minute, of which heartbeats are many while guilds move
    this.asked[phase] = number;
    const nonce = `${phase} ${number}`;
    const [guild_id] = this.some(1);
    this.nonces.set(nonce, 0);
    this.asked_of.set(nonce, guild_id);
    this.scene.client.send(op.members, { guild_id, query: 'a', limit: 5, nonce });
    const guild_ids = [...new Set(this.some(4))];
    for (const id of guild_ids) this.sounds.set(id, phase);
    this.scene.client.send(op.soundboard, { guild_ids });
    if (number === 1) this.scene.client.send(op.presence, { since: null, activities: [], status: 'idle', afk: false });
  }

  async run() {
    while (!this.stopped) {
      await this.ask();
      await this.scene.arrive(30);
    }
  }

  /** Discord says nothing of guilds that are away or were left when they are asked of; it notes which. */
  async answered() {
    const notes = (await this.scene.simulator.json('violations')).filter(({ kind }) => kind === 'unknown_guild');
    const away = new Set(notes.map(({ text }) => /guild (\d+)/.exec(text)[1]));
    const missing = () => [...[...this.nonces].filter(([nonce, times]) => times === 0 && !away.has(this.asked_of.get(nonce))).map(([nonce]) => nonce),
      ...[...this.sounds].filter(([guild]) => !away.has(guild)).map(([guild, phase]) => `sounds of ${guild} in ${phase}`)];
    await until(() => `each question is answered; not yet: ${missing()}`, () => missing().length === 0);
    assert.deepEqual([...this.nonces].filter(([, times]) => times > 1), [], 'and once');
  }
}

test('commands reach the right shard in every phase of 3 to 2', async (t) => {
  const scene = await ReshardScene.start(t, { from: 3, rate: 600, simulator: { sends_max: 100_000, guild_create_rate: 15 } });
  // Each phase lasts: new shards are greeted late, their guilds come slowly, and what they bring varies.
  await scene.simulator.fault('slow_hello', { delay_ms: 1_500, path: 'main' });
  await scene.simulator.fault('lag', { lag_ms: 200, jitter_ms: 400, sessions: 'later' });
  const asker = new Asker(scene, 3);
  await scene.start(2);
  const asking = asker.run();
  await scene.in_phase('drain');
  await scene.in_phase('idle');
  asker.stopped = true;
  await asking;
  await scene.simulator.rate(0);
  await asker.answered();
  for (const phase of ['prepare', 'overlap', 'cut', 'drain']) assert.ok(asker.asked[phase] > 0, `something is asked in ${phase}: ${JSON.stringify(asker.asked)}`);
  t.diagnostic(`figure: asked ${JSON.stringify(asker.asked)}`);
  assert.deepEqual(await scene.simulator.violations(), []);
  assert.equal((await scene.state()).last.receipt.outcome, 'completed');
});

test('and on the way back', async (t) => {
  const scene = await ReshardScene.start(t, { from: 3, rate: 600, simulator: { sends_max: 100_000 } });
  await scene.simulator.fault('lag', { lag_ms: 600, jitter_ms: 400, sessions: 'later' });
  await scene.start(2);
  await scene.in_phase('drain');
  const asker = new Asker(scene, 4);
  const asking = asker.run();
  await scene.daemon.command('reshard', 'abort');
  await scene.in_phase('idle');
  asker.stopped = true;
  await asking;
  await scene.simulator.rate(0);
  await asker.answered();
  assert.ok(asker.asked.back > 0, JSON.stringify(asker.asked));
  t.diagnostic(`figure: asked ${JSON.stringify(asker.asked)}`);
  assert.deepEqual(await scene.simulator.violations(), []);
  assert.equal((await scene.state()).last.receipt.outcome, 'aborted');
});

test('a bot in voice stays there, and its old shard with it, until it leaves', async (t) => {
  const scene = await ReshardScene.start(t, { rate: 300, reshard: { voice_drain_max: '300s' } });
  const { client } = scene;
  const own = [];
  client.handlers.add(({ t: type, d }) => { if (type === 'VOICE_STATE_UPDATE' && d.user_id === client.ready.user.id) own.push(d); });
  const [guild_id, channel] = [...client.backfill].map(([id, d]) => [id, d?.channels?.find(({ type }) => type === voice_channel)]).find(([, found]) => found);
  const stay = (more) => client.send(op.voice, { guild_id, channel_id: channel.id, self_mute: false, self_deaf: false, ...more });
  stay();
  await until('it is in voice', () => own.length > 0);
  await scene.start(3);
  await scene.in_phase('cut', 'drain');
  stay({ self_mute: true });
  await until('a command in the cut is heeded', () => own.at(-1).self_mute);
  await scene.in_phase('drain');
  const carrier = Number((BigInt(guild_id) >> 22n) % 2n);
  const live = async () => (await scene.daemon.told('/v1/shards')).shards.filter(({ state, shard }) => state === 'live' && shard[1] === 2).map(({ shard }) => shard[0]);
  await until('the other old shard is closed', async () => (await live()).join() === String(carrier), { timeout_ms: 90_000 });
  stay({ self_deaf: true });
  await until('and one while it drains', () => own.at(-1).self_deaf);
  assert.ok(own.every(({ channel_id }) => channel_id === channel.id), 'it was never out');
  assert.equal((await scene.state()).phase, 'drain');
  stay({ channel_id: null });
  await until('it has left', () => own.at(-1).channel_id === null, { timeout_ms: 10_000 });
  const receipt = await scene.ended();
  assert.equal(receipt.outcome, 'completed');
  await scene.judge(receipt);
});
