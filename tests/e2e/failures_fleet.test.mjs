// Failures that concern all shards (rows 12–16 of docs/failures.md): fatal close codes, the budget and the
// buckets of IDENTIFY, Discord's front refusing connections, and names that do not resolve.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { main_url, Scene, suite_scope } from './lib/failure_scene.mjs';
import { until } from './lib/until.mjs';

describe('fatal close codes', () => {
  const fatal = [
    [4004, 'token'], [4010, 'shard'], [4011, 'sharding'], [4012, 'version'], [4013, 'intents'], [4014, 'privileged'],
  ];
  for (const [code, word] of fatal) {
    test(`row 12: ${code} stops every shard with an alarm and is not tried again`, async (t) => {
      const scene = await Scene.start(t, {
        simulator: { shards: 3, guilds: 20 }, config: { downstream: { heartbeat_interval: '200ms' } },
      });
      const { connections, identifies, resumes } = await scene.simulator.status();
      assert.equal(connections, 3);
      await scene.simulator.fault('close', { shard: 1, code });
      const alarm = await scene.daemon.said('application.failed');
      assert.ok(alarm.includes(`${code}`) && alarm.includes(word), alarm);
      await until('no connection is left', async () => (await scene.simulator.status()).sessions.every(({ connected }) => !connected));
      await scene.not_ready();
      // Another try would come within backoff_most, which is two beats of the bot.
      const { acks } = scene.client.count;
      await until('the bot has beaten five times', () => scene.client.count.acks >= acks + 5);
      const now = await scene.simulator.status();
      assert.deepEqual([now.identifies, now.resumes], [identifies, resumes]);
      assert.equal(scene.said(0, 'fleet.failed').length, 1);
      assert.ok(scene.daemon.pid !== null, 'the daemon goes on for its bots');
      assert.deepEqual(scene.client.closes, [], 'the bot stays connected');
    });
  }

  test('row 12: a token that Discord does not accept is told once, at the start', async (t) => {
    const scene = await Scene.start(t, {
      client: false, ready: false, config: { token: 'MTEwMDAwMDAwMDAwMDAwMDAwMQ.other.one' },
    });
    await scene.daemon.said('application.failed');
    await scene.not_ready();
    assert.equal((await scene.simulator.status()).identifies, 0);
    assert.equal(scene.daemon.log.some((line) => line.includes('other.one')), false);
  });

  test('row 12: a 401 for a later look at /gateway/bot stops no shard', async (t) => {
    const scene = await Scene.start(t, { simulator: { shards: 2, guilds: 20 } });
    await scene.simulator.fault('rest_status', { path: '/gateway/bot', status: 401, times: 1 });
    await assert.rejects(scene.daemon.told('/v1/reshard/plan?shards=3'), /401/);
    await scene.daemon.said('gateway_info.stale');
    assert.ok(await scene.daemon.told('/v1/reshard/plan?shards=3'), 'it is asked again');
    await scene.endures(() => scene.simulator.fault('rst', { shard: 0 }), { resumes: 1 });
  });
});

describe('the schedule of IDENTIFY', () => {
  test('row 13: what is left of the daily budget is not spent', async (t) => {
    const scene = await Scene.start(t, {
      simulator: { shards: 2, identify_total: 9 }, config: { shards: { identify_reserve: 5 } },
    });
    const { simulator } = scene;
    for (const shard of [0, 1]) await scene.endures(() => simulator.fault('op9', { shard, resumable: false }), { identifies: 1, gaps: 1 });
    assert.equal((await simulator.status()).identifies_left, 5);

    await simulator.fault('op9', { shard: 0, resumable: false });
    await scene.daemon.said('identify.budget_spent');
    await scene.not_ready();
    // Asked again and again, and each time told that nothing is left.
    const from = scene.daemon.log.length;
    await until('/gateway/bot is asked thrice more', () => scene.said(from, 'gateway_info').length >= 3);
    const now = await simulator.status();
    assert.deepEqual([now.identifies, now.identifies_left], [4, 5]);
    // The other shard lives on, and so do its bots.
    assert.equal(now.sessions.filter(({ connected }) => connected).length, 1);
    assert.deepEqual(await simulator.violations(), []);
  });

  test('row 14: shards identify bucket by bucket, as max_concurrency has it', async (t) => {
    const scene = await Scene.start(t, {
      simulator: { shards: 9, max_concurrency: 3, identify_interval_ms: 300, guilds: 30 },
      config: { shards: { identify_spacing: '400ms', per_worker: 3 } },
    });
    const status = await scene.simulator.status();
    assert.deepEqual([status.identifies, status.identifies_refused], [9, 0]);
    assert.deepEqual(await scene.simulator.violations(), []);
    const order = (await scene.simulator.ledger()).filter(({ type }) => type === 'READY').map(({ deliveries }) => deliveries[0].shard);
    for (const bucket of [0, 1, 2]) {
      assert.deepEqual(order.filter((shard) => shard % 3 === bucket), [bucket, bucket + 3, bucket + 6], `order ${order}`);
    }
  });

  test('row 14: a daemon that holds part of the shards is ready with them', async (t) => {
    const scene = await Scene.start(t, {
      simulator: { shards: 4, guilds: 30 }, client: false, config: { shards: { total: 4, first: 1, last: 2 } },
    });
    await scene.is_ready();
    const { shards, shards_held, shards_ready } = await scene.health();
    assert.deepEqual({ shards, shards_held, shards_ready }, { shards: 4, shards_held: 2, shards_ready: 2 });
    assert.equal((await scene.simulator.status()).identifies, 2);
  });
});

describe('the way to Discord', () => {
  const scope = suite_scope();
  let scene;
  let simulator;
  before(async () => {
    scene = await Scene.start(scope, { tls: true, simulator: { shards: 4, heartbeat_interval_ms: 5_000 } });
    ({ simulator } = scene);
  });
  after(() => scope.end());
  afterEach(() => simulator.clear_faults());

  for (const status of [502, 503, 520]) {
    test(`row 15: ${status} on upgrade makes it unready and is tried again ever more rarely`, async () => {
      await scene.endures(async () => {
        await simulator.fault('refuse_upgrade', { status, times: 0 });
        await simulator.fault('rst');
        await scene.not_ready();
        await simulator.fired('refuse_upgrade', 12);
        await simulator.clear_faults();
      }, { resumes: 4, breaches: main_url });
    });
  }

  test('row 15: 429 with Cloudflare 1015 makes all shards rest', async () => {
    const { from } = await scene.endures(async () => {
      await simulator.fault('refuse_upgrade', { status: 429, body: 'error code: 1015', times: 0 });
      await simulator.fault('rst');
      await scene.not_ready();
      await simulator.fired('refuse_upgrade', (await simulator.faults()).fired.refuse_upgrade + 4);
      await simulator.clear_faults();
    }, { resumes: 4, breaches: main_url });
    assert.ok(scene.said(from, 'fleet.connects_rest').length >= 1);
  });

  test('row 15: /gateway/bot that fails holds up no session', async () => {
    await scene.endures(async () => {
      await simulator.fault('rest_status', { status: 502, times: 0 });
      await simulator.fault('rst');
    }, { resumes: 4 });
  });

  test('row 16: a gateway whose name does not resolve is asked for again until it does', async () => {
    const { from } = await scene.endures(async () => {
      await simulator.fault('gateway_url', { how: 'unknown_name', times: 2 });
      await simulator.fault('op9', { shard: 0, resumable: false });
      await scene.not_ready();
      await simulator.fired('gateway_url', 2);
    }, { identifies: 1, gaps: 1 });
    assert.ok(scene.said(from, 'connection_failed').length + scene.said(from, 'connect_failed').length >= 1);
  });

  test('row 16: a start without DNS waits, serves its bots and does not fall over', async (t) => {
    const lost = await Scene.start(t, {
      client: false, ready: false, simulator: { guilds: 10 }, config: { discord: { rest: 'http://rest.sim.invalid/api' } },
    });
    await until('three tries', () => lost.said(0, 'gateway_info.failed').length >= 3);
    assert.equal((await lost.health()).code, 503);
    assert.notEqual(lost.daemon.pid, null);
    await lost.daemon.stop();
    assert.equal(lost.daemon.happenings('exited').at(-1).code, 0);
  });
});
