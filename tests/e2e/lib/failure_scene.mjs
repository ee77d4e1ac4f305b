// A daemon between simulated Discord and a raw client, put through one failure after the other. Each time the
// ledger is held against what the client received and against the journal: nothing lost, nothing twice,
// nothing out of order, and a GAP exactly where Discord ended a session.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { make_certificates } from './certificates.mjs';
import { Daemon } from './daemon.mjs';
import { GatewayClient } from './gateway_client.mjs';
import { clean, judge, judged, summary } from './ledger_check.mjs';
import * as places from './places.mjs';
import { Simulator } from './simulator.mjs';
import { until } from './until.mjs';

/** What the harness parts want of "a test", for a suite that shares them. */
export function suite_scope() {
  const steps = [];
  return { after: (step) => steps.push(step), end: async () => { for (const step of steps.reverse()) await step(); } };
}

/** Everything that waits is short; the deadlines leave a busy machine room. */
export const quick = {
  discord: {
    connect_timeout: '3s', hello_timeout: '2s', ready_timeout: '3s', resumed_timeout: '2s', ack_grace: '400ms',
    suspend_after: '1s', rest_timeout: '2s', info_age_max: '500ms', close_timeout: '1s',
  },
  reconnect: {
    jitter: '50ms', backoff_first: '100ms', backoff_most: '400ms', slow_down: '50ms', invalid_session_least: '50ms',
    invalid_session_most: '200ms', refused_first: '200ms', refused_most: '400ms',
  },
  shards: { identify_spacing: '60ms' },
};

function merged(base, changes) {
  const out = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    const both = value && typeof value === 'object' && !Array.isArray(value) && typeof out[key] === 'object';
    out[key] = both ? merged(out[key], value) : value;
  }
  return out;
}

/** The simulator notes a RESUME elsewhere than at resume_gateway_url; where that has failed it is what is asked. */
export const main_url = ['resume_wrong_host'];

export class Scene {
  /** `prepare(simulator)` runs before the daemon starts; `client: false` does without one. */
  static async start(scope, { simulator = {}, config = {}, tls = false, prepare, client = true, ready = true } = {}) {
    const files = tls ? make_certificates(places.scratch(scope, 'certificates')) : null;
    const scene = new Scene();
    scene.gaps_known = [];
    scene.simulator = await Simulator.start(scope, {
      guilds: 40, shards: 2, heartbeat_interval_ms: 2_000, replay_max: 100_000, op7_close_ms: 2_000,
      ...(tls && { tls_cert: files.certificate, tls_key: files.key, public_host: 'localhost' }), ...simulator,
    });
    if (prepare) await prepare(scene.simulator);
    const discord = tls ? { ca_file: files.ca } : {};
    scene.daemon = await Daemon.start(scope, scene.simulator, { config: merged(merged(quick, { discord }), config), ready });
    if (client) scene.client = await GatewayClient.connect(scope, scene.daemon.gateway);
    return scene;
  }

  async health() {
    const answer = await fetch(`http://127.0.0.1:${this.daemon.port}/health`);
    return { ...await answer.json(), code: answer.status };
  }

  async is_ready() {
    return until('/health says ready', async () => (await this.health()).code === 200);
  }

  async not_ready() {
    return until('/health says not ready', async () => (await this.health()).code === 503);
  }

  /** Log lines of the daemon that contain every one of `words`, from line `from` on. */
  said(from, ...words) {
    return this.daemon.log.slice(from).filter((line) => words.every((word) => line.includes(word)));
  }

  /** The journal's GAP records. It is read again only when the daemon has logged another. */
  async gaps() {
    const logged = this.said(0, 'shard.gap').length;
    if (this.gaps_known.length !== logged) {
      this.gaps_known = (await this.daemon.journal()).filter(({ type }) => type === 'GAP').map(({ d }) => d);
    }
    return this.gaps_known;
  }

  async flows(count = 40) {
    const before = this.client.serials.size;
    await until('events flow', () => this.client.serials.size > before + count);
  }

  /**
   * Runs `work` while events flow, waits until all is well again, and judges. `identifies` (session starts of the
   * budget, refused ones too) and `gaps` are how many it may cost, exactly; `resumes` is how many there must be at
   * least; `breaches` are the violations that the test itself brings about. Returns what the test may look at.
   */
  async endures(work, { rate = 200, identifies = 0, gaps = 0, resumes = 0, breaches = [] } = {}) {
    const start = await this.simulator.quiet();
    const before = await this.simulator.status();
    const gaps_before = (await this.gaps()).length;
    const violations_before = (await this.simulator.violations()).length;
    const from = this.daemon.log.length;
    await this.simulator.rate(rate);
    if (rate > 0) await this.flows();
    const result = await work({ from, before });
    await until(`${resumes} RESUMEs`, async () => (await this.simulator.status()).resumes >= before.resumes + resumes);
    const spent = async () => before.identifies_left - (await this.simulator.status()).identifies_left;
    await until(`${identifies} IDENTIFYs`, async () => await spent() >= identifies);
    await this.is_ready();
    await this.simulator.rate(200);
    await this.flows();
    await this.simulator.quiet();
    await this.judge(start, { gaps, gaps_before });
    assert.equal(await spent(), identifies, 'session starts');
    const violations = (await this.simulator.violations()).slice(violations_before);
    assert.deepEqual(violations.filter(({ kind }) => !breaches.includes(kind)), []);
    return { from, before, result };
  }

  async judge(start, { gaps, gaps_before }) {
    const all = await this.gaps();
    const found = all.slice(gaps_before);
    const last = new Map(all.map((gap) => [gap.session_id, gap.last_seq]));
    const reached = ({ session, seq }) => !last.has(session) || seq <= last.get(session);
    const due = (entry) => entry.deliveries.some(reached);
    const ledger = await this.simulator.ledger(start);
    assert.ok(ledger.some(due), 'nothing was due');
    assert.deepEqual(summary(await judged(ledger, this.client, { due })), clean, 'what the client received');
    const rows = await this.daemon.journal();
    assert.equal(rows.filter(({ type }) => type === 'GAP').length, all.length, 'GAPs in the journal and in the log');
    const kept = rows.map(({ type, d }) => ({ type, serial: d?._serial ?? 0 }));
    assert.deepEqual(summary(judge(ledger, kept, { due })), clean, 'the journal');
    assert.equal(found.length, gaps, `GAPs: ${JSON.stringify(found)}`);
    assert.deepEqual(this.client.faults, []);
  }

  resident_mib() {
    return Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${this.daemon.pid}/status`, 'utf8'))[1]) / 1024;
  }
}
