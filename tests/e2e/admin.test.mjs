// The admin API and the commands that call it: who may, what is answered, and what never is.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { Daemon } from './lib/daemon.mjs';
import { GatewayClient } from './lib/gateway_client.mjs';
import * as places from './lib/places.mjs';
import { Simulator } from './lib/simulator.mjs';

test('the admin API shows the daemon to whom has the token, and to nobody else', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 20, shards: 2 });
  const daemon = await Daemon.start(t, simulator);
  await GatewayClient.connect(t, daemon.gateway);

  const token_file = `${daemon.data_dir}/admin.token`;
  assert.equal(fs.statSync(token_file).mode & 0o777, 0o600);
  const token = fs.readFileSync(token_file, 'utf8').trim();
  assert.match(token, /^[0-9a-f]{64}$/);

  for (const wrong of ['', 'x', token.slice(0, -1), `${token}0`, token.toUpperCase()]) {
    const { status, body } = await daemon.admin('/v1/status', { token: wrong });
    assert.equal(status, 401, `a token of ${wrong.length} characters`);
    assert.equal(body.error.code, 'unauthorized');
  }
  const url = fs.readFileSync(`${daemon.data_dir}/admin.url`, 'utf8').trim();
  for (const authorization of [undefined, token, `Bot ${token}`, `Basic ${token}`]) {
    const answer = await fetch(`${url}/v1/status`, { headers: authorization ? { authorization } : {} });
    assert.equal(answer.status, 401, authorization);
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
  }

  const status = await daemon.told('/v1/status');
  assert.equal(status.shards.ready, 2);
  assert.equal(status.journal.guilds, 20);
  assert.equal(status.connections, 1);
  const { shards } = await daemon.told('/v1/shards');
  assert.deepEqual(shards.map((shard) => shard.shard), [[0, 2], [1, 2]]);
  assert.deepEqual(shards.map(({ worker }) => worker), [0, 1], 'blocks as even as can be');
  const { workers } = await daemon.told('/v1/workers');
  assert.deepEqual(workers.map(({ worker, shards: held }) => [worker, held]), [[0, 1], [1, 1]]);
  assert.equal(workers.reduce((sum, { connections }) => sum + connections, 0), 1);
  assert.ok(workers.every(({ busy, events_per_second }) => busy >= 0 && busy <= 1 && events_per_second >= 0));
  const main = await daemon.told('/v1/consumers/main');
  assert.deepEqual(main.lanes.map(({ lane, connected }) => ({ lane, connected })), [{ lane: [0, 1], connected: true }]);
  assert.deepEqual(await daemon.told('/v1/gaps'), { total: 0, gaps: [] });

  assert.equal((await daemon.admin('/v1/consumers/nobody')).status, 404);
  assert.equal((await daemon.admin('/v1/nothing')).status, 404);
  assert.equal((await daemon.admin('/v1/status', { method: 'POST' })).status, 405);
  assert.equal((await daemon.admin('/v1/consumers/main/drain', { method: 'POST', body: { timeout: 'soon' } })).status, 400);
  assert.equal((await daemon.admin('/v1/gaps?after=x')).status, 400);

  const seen = JSON.stringify([status, shards, main, daemon.log]);
  for (const secret of [places.token, token]) assert.equal(seen.includes(secret), false, 'a secret is shown');
});

test('its token stays over restarts, and a file that others may read is refused', async (t) => {
  const simulator = await Simulator.start(t);
  const daemon = await Daemon.start(t, simulator);
  const token_file = `${daemon.data_dir}/admin.token`;
  const token = fs.readFileSync(token_file, 'utf8');
  await daemon.restart();
  assert.equal(fs.readFileSync(token_file, 'utf8'), token);
  await daemon.told('/v1/status');

  await daemon.stop();
  fs.chmodSync(token_file, 0o644);
  await daemon.launch({ ready: false });
  await daemon.exit();
  assert.ok(daemon.log.some((line) => line.includes('admin.token') && line.includes('0600')), daemon.child.last_words());
});

test('the OpenAPI document is the one in docs', async (t) => {
  const simulator = await Simulator.start(t);
  const daemon = await Daemon.start(t, simulator);
  const served = await daemon.told('/openapi.json');
  const document = new URL('../../docs/openapi.json', import.meta.url);
  if (process.env.EVERGATE_WRITE_OPENAPI) fs.writeFileSync(document, `${JSON.stringify(served, null, 2)}\n`);
  assert.deepEqual(served, JSON.parse(fs.readFileSync(document, 'utf8')));
  for (const [path, methods] of Object.entries(served.paths)) {
    if (methods.get === undefined || path.includes('{')) continue;
    assert.equal((await daemon.admin(path)).status, 200, path);
  }
});

test('WebSockets are spread over the workers, whatever comes between them', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 20, shards: 2 });
  const daemon = await Daemon.start(t, simulator);
  for (let lane = 0; lane < 4; lane += 1) {
    // What every library does first: a call, on a connection that is over soon.
    await (await fetch(`http://127.0.0.1:${daemon.port}/api/v10/gateway`, { headers: { connection: 'close' } })).json();
    await GatewayClient.connect(t, daemon.gateway, { shard: [lane, 4] });
  }
  const { workers } = await daemon.told('/v1/workers');
  assert.deepEqual(workers.map(({ connections }) => connections), [2, 2]);
});

test('commands show people what the daemon says, and programs its JSON', async (t) => {
  const simulator = await Simulator.start(t, { guilds: 20, shards: 2 });
  const daemon = await Daemon.start(t, simulator);
  await GatewayClient.connect(t, daemon.gateway);

  const status = await daemon.command('status');
  assert.equal(status.code, 0, status.errors);
  assert.match(status.text, /shards +2 of 2 ready/);
  const shards = await daemon.command('shards');
  assert.match(shards.text, /^0\/2 .*\n1\/2 /m);
  const workers = await daemon.command('workers');
  assert.match(workers.text, /^WORKER +BUSY.*\n0 +\d+\.\d %.*\n1 +\d+\.\d %/m);
  const consumers = await daemon.command('consumers');
  assert.match(consumers.text, /^main\n +LANE/m);
  assert.match(consumers.text, /0\/1 +connected/);
  assert.equal((await daemon.command('gaps')).text, 'No gaps.');
  const raw = await daemon.command('consumers', 'main', '--json');
  assert.equal(JSON.parse(raw.text).name, 'main');

  const nobody = await daemon.command('pause', 'nobody');
  assert.deepEqual([nobody.code, nobody.errors], [1, 'evergate: no consumer nobody has ever read']);
  await daemon.stop();
  const away = await daemon.command('status');
  assert.equal(away.code, 4);
  assert.match(away.errors, /does not answer/);
});
