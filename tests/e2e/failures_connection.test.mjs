// Failures of the connection to Discord (rows 1–5, 21–24, 26 and 28 of docs/failures.md): each is met by
// RESUME at most, with nothing lost, nothing twice and not one IDENTIFY.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { main_url, Scene, suite_scope } from './lib/failure_scene.mjs';
import { until } from './lib/until.mjs';

async function beats(simulator, count) {
  const { heartbeats } = await simulator.status();
  await until(`${count} heartbeats`, async () => (await simulator.status()).heartbeats >= heartbeats + count);
}

async function resumed(simulator, since, count) {
  await until(`${count} RESUMEs`, async () => (await simulator.status()).resumes >= since.resumes + count);
}

describe('zstd-stream over TLS', () => {
  const scope = suite_scope();
  let scene;
  let simulator;
  before(async () => {
    // What the simulator calls huge is one letter: without this it would be refused as a bomb.
    const discord = { inflate_ratio_max: 100_000 };
    scene = await Scene.start(scope, { tls: true, simulator: { shards: 3, guilds: 60 }, config: { discord } });
    ({ simulator } = scene);
  });
  after(() => scope.end());
  afterEach(() => simulator.clear_faults());

  test('row 1: a reset and an end without a close frame', async () => {
    await scene.endures(async ({ before: then }) => {
      for (const kind of ['rst', 'fin']) {
        const { done } = await simulator.fault(kind);
        assert.equal(done, 3);
        await resumed(simulator, then, kind === 'rst' ? 3 : 6);
      }
    });
  });

  test('row 1: a half-open connection, a stalled one and a heartbeat without ACK are left with 4000', async () => {
    const { from } = await scene.endures(async () => {
      await simulator.rate(0);
      await simulator.fault('half_open', { shard: 0 });
      await simulator.fault('stall', { shard: 1 });
      await simulator.fault('missing_ack', { shard: 2 });
    }, { resumes: 3 });
    assert.equal(scene.said(from, 'shard.reconnect', 'zombie').length, 3);
  });

  test('row 2: a late ACK while events flow is no reason to leave', async () => {
    const { from, before: then } = await scene.endures(async () => {
      await simulator.fault('late_ack', { delay_ms: 3_000, times: 3 });
      await simulator.fired('late_ack', 3);
      await beats(simulator, 9);
    });
    assert.equal(scene.said(from, 'shard.reconnect').length, 0);
    assert.equal((await simulator.status()).resumes, then.resumes);
  });

  test('row 3: the verdict on one connection does not reach the next', async () => {
    const { from, before: then } = await scene.endures(async () => {
      await simulator.fault('missing_ack', { shard: 0, times: 0 });
      await simulator.fired('missing_ack', 3);
      await simulator.fault('rst', { shard: 0 });
      await simulator.clear_faults();
      await beats(simulator, 9);
    }, { resumes: 1 });
    assert.equal(scene.said(from, 'zombie').length <= 1, true);
    assert.ok((await simulator.status()).resumes <= then.resumes + 2);
  });

  test('row 5: a wave of op 7, and op 7 instead of HELLO', async () => {
    const { from } = await scene.endures(async ({ before: then }) => {
      await simulator.fault('op7');
      await resumed(simulator, then, 3);
      await simulator.fault('op7_first', { times: 4 });
      await simulator.fault('op7');
      await simulator.fired('op7_first', 4);
    }, { resumes: 6 });
    assert.equal(scene.said(from, 'shard.reconnect', 'op7').length, 10);
  });

  test('row 21: a stream that breaks begins anew on the next connection', async () => {
    const { from } = await scene.endures(() => simulator.fault('broken_stream', { times: 3 }), { resumes: 1 });
    assert.ok(scene.said(from, 'shard.broken_payload').length >= 1);
  });

  for (const how of ['opcode', 'rsv', 'length']) {
    test(`row 22: frames broken by ${how} are answered by 4000 and RESUME`, async () => {
      await scene.endures(() => simulator.fault('corrupt_frame', { how }), { resumes: 3, rate: 600 });
    });
  }

  test('row 24: lone surrogates pass verbatim, invalid bytes become U+FFFD', async () => {
    const seen = [];
    const listen = ({ t: type, d }) => { if (type === 'MESSAGE_CREATE' && /odd/.test(d.content)) seen.push(d.content); };
    scene.client.handlers.add(listen);
    const { from } = await scene.endures(async () => {
      await simulator.fault('bad_utf8');
      await simulator.fault('lone_surrogate');
      await until('all odd messages arrive', () => seen.length >= 2);
    });
    scene.client.handlers.delete(listen);
    assert.ok(seen.some((text) => text.includes('\ufffd')), seen.join());
    assert.ok(seen.some((text) => !text.isWellFormed?.() || /[\ud800-\udfff]/.test(text)), seen.join());
    assert.equal(scene.said(from, 'shard.reconnect').length, 0);
    assert.equal(scene.said(from, 'intake.repaired').length >= 1, true);
  });

  test('row 26: a machine that slept resumes every shard once', async () => {
    const { from, before: then } = await scene.endures(async () => {
      const { pid } = scene.daemon;
      process.kill(pid, 'SIGSTOP');
      await until('Discord gives the connections up', async () => (await simulator.status()).sessions.every(({ connected }) => !connected));
      process.kill(pid, 'SIGCONT');
    }, { resumes: 3, breaches: ['heartbeat_missing'] }); // a machine that sleeps cannot beat
    const reconnects = scene.said(from, 'shard.reconnect').length;
    assert.ok(reconnects <= 6, `${reconnects} reconnects`);
    assert.ok((await simulator.status()).resumes <= then.resumes + 6);
  });

  test('row 28: a sequence that jumps or repeats', async () => {
    await scene.endures(async () => {
      await simulator.fault('seq_repeat', { times: 20 });
      await simulator.fired('seq_repeat', 20);
      await simulator.fault('seq_jump', { by: 7, times: 3 });
      await simulator.fired('seq_jump', 3);
      await simulator.fault('rst');
    }, { resumes: 3 });
    const sequences = new Map();
    for (const { shard, seq, type } of await scene.daemon.journal()) {
      if (type === 'SESSION_STARTED' || seq === null) continue;
      assert.ok(seq > (sequences.get(shard) ?? 0), `shard ${shard}: ${seq} after ${sequences.get(shard)}`);
      sequences.set(shard, seq);
    }
  });

  test('row 23: payloads of 8 and 48 MiB', async (t) => {
    const before_mib = scene.resident_mib();
    await scene.endures(async () => {
      for (const mib of [8, 48]) {
        const { done } = await simulator.fault('huge', { bytes: mib << 20, shard: 0 });
        assert.ok(done >= 1);
      }
    }, { rate: 50 });
    const grown = scene.resident_mib() - before_mib;
    t.diagnostic(`resident memory grew by ${grown.toFixed(0)} MiB`);
    assert.ok(grown < 1_024, `resident memory grew by ${grown} MiB`);
  });
});

describe('zlib-stream', () => {
  const scope = suite_scope();
  let scene;
  before(async () => { scene = await Scene.start(scope, { config: { discord: { compression: 'zlib-stream' } } }); });
  after(() => scope.end());

  test('row 21: a payload split over messages, the suffix only in the last', async () => {
    const { from } = await scene.endures(async () => {
      await scene.simulator.fault('split_stream', { times: 30 });
      await scene.simulator.fired('split_stream', 30);
    });
    assert.equal(scene.said(from, 'shard.reconnect').length, 0);
  });

  test('row 21: bytes of the old connection never enter the new context', async () => {
    await scene.endures(async ({ before: then }) => {
      for (let round = 1; round <= 3; round += 1) {
        await scene.simulator.fault('broken_stream', { shard: 0 });
        await resumed(scene.simulator, then, round);
      }
      await scene.simulator.fault('split_stream', { times: 6 });
      await scene.simulator.fault('rst');
    }, { resumes: 5 });
  });
});

describe('no compression', () => {
  const scope = suite_scope();
  let scene;
  before(async () => {
    scene = await Scene.start(scope, {
      simulator: { heartbeat_interval_ms: 60_000 }, config: { discord: { compression: 'none', payload_bytes_max: '2MiB' } },
    });
  });
  after(() => scope.end());

  test('row 4: op 1 is answered at once and condemns nobody', async () => {
    // Far more beats than an interval of a minute would bring about.
    const { from } = await scene.endures(async ({ before: then }) => {
      for (let asked = 1; asked <= 10; asked += 1) {
        await scene.simulator.fault('op1');
        await until('both shards have beaten', async () => (await scene.simulator.status()).heartbeats >= then.heartbeats + 2 * asked);
      }
    });
    assert.equal(scene.said(from, 'shard.reconnect').length, 0);
  });

  test('row 21: JSON that breaks off', async () => {
    await scene.endures(() => scene.simulator.fault('broken_stream'), { resumes: 1 });
  });

  test('row 24: invalid UTF-8 in a text message is no violation', async () => {
    const { from } = await scene.endures(() => scene.simulator.fault('bad_utf8'));
    assert.equal(scene.said(from, 'shard.reconnect').length, 0);
  });

  test('row 23: a payload that inflates beyond all reason is refused', async () => {
    const bomb = await Scene.start(scope, {});
    const { from } = await bomb.endures(
      () => bomb.simulator.fault('huge', { bytes: 32 << 20, shard: 0 }),
      { identifies: 1, gaps: 1, rate: 20, breaches: main_url },
    );
    assert.ok(bomb.said(from, 'shard.broken_payload', 'to 1').length >= 1);
  });

  test('row 23: a payload over the bound that each replay repeats ends in one GAP', async () => {
    const { from } = await scene.endures(
      () => scene.simulator.fault('huge', { bytes: 3 << 20, shard: 0 }),
      { identifies: 1, gaps: 1, rate: 20, breaches: main_url },
    );
    assert.ok(scene.said(from, 'shard.gap', 'resume_failed').length === 1);
  });
});
