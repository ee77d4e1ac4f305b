// Failures of the session (rows 6–11 and 17 of docs/failures.md): RESUME while Discord honours it, otherwise
// exactly one GAP and one IDENTIFY for each session that was lost.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { main_url, Scene, suite_scope } from './lib/failure_scene.mjs';
import { until } from './lib/until.mjs';

describe('sessions', () => {
  const scope = suite_scope();
  let scene;
  let simulator;
  before(async () => {
    scene = await Scene.start(scope, { simulator: { heartbeat_interval_ms: 5_000 } });
    ({ simulator } = scene);
  });
  after(() => scope.end());
  afterEach(() => simulator.clear_faults());

  const causes = async () => (await scene.gaps()).map(({ cause }) => cause);

  test('row 6: op 9 true is answered by RESUME', async () => {
    await scene.endures(() => simulator.fault('op9', { resumable: true }), { resumes: 2 });
  });

  test('row 6: op 9 false is one GAP and one IDENTIFY for each session', async () => {
    await scene.endures(() => simulator.fault('op9', { resumable: false }), { identifies: 2, gaps: 2 });
  });

  test('row 6: a refused RESUME is a GAP before the new session', async () => {
    await scene.endures(async () => {
      await simulator.fault('refuse_resume', { shard: 0 });
      await simulator.fault('rst');
      await simulator.fired('refuse_resume');
    }, { identifies: 1, gaps: 1, resumes: 1 });
    const rows = (await scene.daemon.journal()).filter(({ shard, type }) => shard === 0 && (type === 'GAP' || type === 'SESSION_STARTED'));
    assert.deepEqual(rows.slice(-2).map(({ type }) => type), ['GAP', 'SESSION_STARTED']);
  });

  test('row 7: op 9 after IDENTIFY asks for another turn, without another GAP', async () => {
    const { from } = await scene.endures(async () => {
      await simulator.fault('op9_after_identify', { shard: 0, times: 3 });
      await simulator.fault('op9', { shard: 0, resumable: false });
      await simulator.fired('op9_after_identify', 3);
    }, { identifies: 4, gaps: 1 });
    assert.equal(scene.said(from, 'shard.identify_refused').length, 3);
  });

  test('row 8: RESUMEs that break off twice cost no session', async () => {
    await scene.endures(async () => {
      await simulator.fault('close_after_resume', { shard: 0, code: 0, times: 2 });
      await simulator.fault('rst', { shard: 0 });
      await simulator.fired('close_after_resume', 2);
    }, { resumes: 1 });
  });

  test('row 8: three tries on the resume URL, three on the main one, then GAP and IDENTIFY', async () => {
    await scene.endures(async () => {
      for (const path of ['resume', 'main']) await simulator.fault('close_after_resume', { shard: 0, code: 0, times: 0, path });
      await simulator.fault('rst', { shard: 0 });
      const fired = () => simulator.faults().then(({ armed }) => armed.map((one) => `${one.path} ${one.fired}`));
      await until('six tries', async () => (await fired()).join() === 'resume 3,main 3');
    }, { identifies: 1, gaps: 1, breaches: main_url });
    assert.equal((await causes()).at(-1), 'resume_failed');
  });

  test('row 10: resume, close, resume, close ends', async () => {
    const fired = async () => (await simulator.faults()).fired.close_after_resume ?? 0;
    const tries = await fired();
    await scene.endures(async ({ from }) => {
      await simulator.rate(0);
      await simulator.fault('close_after_resume', { shard: 1, code: 4000, times: 0 });
      await simulator.fault('rst', { shard: 1 });
      await until('a GAP', () => scene.said(from, 'shard.gap', 'resume_failed').length === 1);
    }, { identifies: 1, gaps: 1, breaches: main_url });
    assert.equal(await fired() - tries, 6);
  });

  test('row 10: op 9 true after each RESUME ends too', async () => {
    await scene.endures(async ({ from }) => {
      await simulator.fault('op9_true_after_resume', { shard: 1, times: 0 });
      await simulator.fault('rst', { shard: 1 });
      await until('a GAP', () => scene.said(from, 'shard.gap', 'resume_failed').length === 1);
    }, { identifies: 1, gaps: 1, breaches: main_url });
  });

  for (const code of [4006, 4007]) {
    test(`row 11: close code ${code} begins a new session with its own sequence`, async () => {
      await scene.endures(() => simulator.fault('close', { shard: 0, code }), { identifies: 1, gaps: 1 });
      assert.equal((await causes()).at(-1), `close ${code}`);
    });
  }

  test('row 11: close code 4009 is tried by one RESUME first', async () => {
    await scene.endures(() => simulator.fault('close', { shard: 0, code: 4009 }), { resumes: 1 });
    await scene.endures(async () => {
      await simulator.fault('close_after_resume', { shard: 0, code: 4009 });
      await simulator.fault('close', { shard: 0, code: 4009 });
      await simulator.fired('close_after_resume', 1);
    }, { identifies: 1, gaps: 1 });
    assert.equal((await causes()).at(-1), 'close 4009');
  });

  test('row 17: READY that never comes', async () => {
    const { from } = await scene.endures(async () => {
      await simulator.fault('no_ready', { shard: 0 });
      await simulator.fault('op9', { shard: 0, resumable: false });
      await simulator.fired('no_ready');
    }, { identifies: 2, gaps: 1 });
    assert.equal(scene.said(from, 'shard.reconnect', 'no_ready').length, 1);
  });

  test('row 17: RESUMED that never comes, though heartbeats are answered', async () => {
    const { from } = await scene.endures(async () => {
      await simulator.fault('no_resumed', { shard: 0 });
      await simulator.fault('rst', { shard: 0 });
      await simulator.fired('no_resumed');
    }, { resumes: 1 });
    assert.equal(scene.said(from, 'shard.reconnect', 'no_resumed').length, 1);
  });

  test('row 17: HELLO that never comes', async () => {
    const { from } = await scene.endures(async () => {
      await simulator.fault('no_hello', { times: 2 });
      await simulator.fault('rst');
      await simulator.fired('no_hello', 2);
    }, { resumes: 2, breaches: main_url });
    assert.equal(scene.said(from, 'shard.reconnect', 'no_hello').length, 2);
  });

  test('row 17: an upgrade that is never answered, one that is slow, and a slow HELLO', async () => {
    await scene.endures(async () => {
      await simulator.fault('silent_upgrade');
      await simulator.fault('slow_upgrade', { delay_ms: 300 });
      await simulator.fault('rst');
      await simulator.fired('silent_upgrade');
      await simulator.fired('slow_upgrade');
      await simulator.fault('slow_hello', { delay_ms: 300 });
    }, { resumes: 2, breaches: main_url });
  });
});

describe('the host to resume at', () => {
  const scope = suite_scope();
  let scene;
  before(async () => {
    scene = await Scene.start(scope, {
      simulator: { shards: 3, heartbeat_interval_ms: 5_000 },
      prepare: async (simulator) => {
        for (const [shard, how] of ['dead', 'silent', 'unknown_name'].entries()) await simulator.fault('resume_host', { shard, how });
      },
    });
  });
  after(() => scope.end());

  test('row 9: dead, silent or unknown, the main URL serves and the session is kept', async () => {
    await scene.endures(() => scene.simulator.fault('rst'), { resumes: 3, breaches: main_url });
  });

  test('row 9: a host that kept us waiting is not asked first again', async () => {
    const { from } = await scene.endures(() => scene.simulator.fault('rst'), { resumes: 3, breaches: main_url });
    assert.equal(scene.said(from, 'shard.reconnect', 'shard=1', 'connect_failed').length, 0);
  });
});
