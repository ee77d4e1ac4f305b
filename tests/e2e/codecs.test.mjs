// The same path over every upstream codec, plain and TLS, and over every downstream transport.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import tls from 'node:tls';
import { make_certificates } from './lib/certificates.mjs';
import { Daemon } from './lib/daemon.mjs';
import { GatewayClient } from './lib/gateway_client.mjs';
import { clean, judged, summary } from './lib/ledger_check.mjs';
import * as places from './lib/places.mjs';
import { Simulator } from './lib/simulator.mjs';
import { SuddenEnds } from './lib/sudden_end.mjs';
import { until } from './lib/until.mjs';

const downstream = ['none', 'payload', 'zlib-stream', 'zstd-stream'];

/** Events flow to `clients`, the daemon is killed, events flow again: all clean, all by RESUME. */
async function carries_everything(simulator, daemon, clients) {
  const start = await simulator.quiet();
  // A session can be resumed once its backfill is through and on disk: live events come later than that.
  await simulator.emit(100);
  for (const client of clients) await until('live events arrive', () => client.received().some(({ serial, backfill }) => serial > start && !backfill));
  // In one burst: on a busy machine all of it comes before the commit after which its interactions may be sent.
  await simulator.emit(1_400);
  const ends = new SuddenEnds(simulator, daemon, clients, { skew: 1_500 });
  await ends.restart();
  for (const client of clients) await until('the client resumes', () => client.count.resumed === 1);
  await simulator.emit(500);
  const ledger = await simulator.ledger(start);
  for (const client of clients) {
    assert.deepEqual(summary(await judged(ledger, client, { due: ends.due(client) })), clean, client.options.compress);
    assert.deepEqual(client.faults, [], client.options.compress);
    assert.equal(client.count.identifies, 1);
  }
  assert.deepEqual(await simulator.violations(), []);
}

for (const secure of [false, true]) {
  for (const compression of ['none', 'zlib-stream', 'zstd-stream']) {
    test(`upstream ${compression} over ${secure ? 'TLS' : 'plain TCP'}`, async (t) => {
      const files = secure ? make_certificates(places.scratch(t, 'certificates')) : null;
      const simulator = await Simulator.start(t, secure ? { tls_cert: files.certificate, tls_key: files.key } : {});
      const discord = { rest: simulator.rest, compression, ...(secure && { ca_file: files.ca }) };
      const daemon = await Daemon.start(t, simulator, { config: { discord } });
      const client = await GatewayClient.connect(t, daemon.gateway);
      await carries_everything(simulator, daemon, [client]);
    });
  }
}

for (const secure of [false, true]) {
  test(`downstream ${downstream.join(', ')} over ${secure ? 'TLS' : 'plain TCP'}`, async (t) => {
    const files = secure ? make_certificates(places.scratch(t, 'certificates')) : null;
    const simulator = await Simulator.start(t);
    const listen = secure ? { tls_certificate: files.certificate, tls_key: files.key } : {};
    const daemon = await Daemon.start(t, simulator, { config: { listen } });
    const clients = [];
    for (const compress of downstream) {
      const options = { compress, ...(secure && { ca: fs.readFileSync(files.ca) }) };
      clients.push(await GatewayClient.connect(t, `${daemon.gateway}/c/${compress}`, options));
    }
    await carries_everything(simulator, daemon, clients);
  });
}

/** The fingerprint of the certificate that is shown at a port. */
function shown_at(port) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('certificates of the listener and of the admin API are read again at SIGHUP', async (t) => {
  const directory = places.scratch(t, 'certificates');
  const files = make_certificates(directory);
  const simulator = await Simulator.start(t);
  const both = { tls_certificate: files.certificate, tls_key: files.key };
  const daemon = await Daemon.start(t, simulator, { config: { listen: both, admin: { ...both, port: 0 } } });
  const client = await GatewayClient.connect(t, daemon.gateway, { ca: fs.readFileSync(files.ca) });
  const admin = Number(new URL(fs.readFileSync(`${daemon.data_dir}/admin.url`, 'utf8').trim()).port);
  const before = await shown_at(daemon.port);
  assert.equal(await shown_at(admin), before);
  make_certificates(directory);
  process.kill(daemon.pid, 'SIGHUP');
  for (const who of ['listener', 'admin']) await daemon.said(`${who}.certificates_reloaded`);
  const now = await shown_at(daemon.port);
  assert.notEqual(now, before);
  assert.equal(await shown_at(admin), now);

  const from = daemon.child.last_words().length;
  fs.writeFileSync(files.certificate, 'no certificate');
  process.kill(daemon.pid, 'SIGHUP');
  await until('it is refused', () => daemon.child.last_words().slice(from).includes('certificate'));
  assert.equal(await shown_at(daemon.port), now, 'the old one stays');
  await simulator.emit(100);
  await until('the bot is still served', () => client.received().length >= 100);
  assert.deepEqual(client.closes, []);
});

test('a certificate of an unknown authority is refused', async (t) => {
  const directory = places.scratch(t, 'certificates');
  const files = make_certificates(directory);
  const simulator = await Simulator.start(t, { tls_cert: files.certificate, tls_key: files.key });
  const daemon = await Daemon.start(t, simulator, { ready: false });
  await until(() => `the daemon names the certificate: ${daemon.child.last_words()}`, () => daemon.log.some((line) => /certificate/i.test(line)));
  assert.equal((await simulator.status()).identifies, 0);
  assert.equal(daemon.log.some((line) => line.includes(places.token)), false);
});
