// The library as others get it: installed into a prefix of its own, found by CMake, and the examples built in
// fresh directories outside of the repository and run against simulated Discord.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Child } from './lib/child.mjs';
import { suite_scope } from './lib/failure_scene.mjs';
import { GatewayClient } from './lib/gateway_client.mjs';
import * as places from './lib/places.mjs';
import { Simulator } from './lib/simulator.mjs';
import { to_toml } from './lib/toml.mjs';
import { until } from './lib/until.mjs';

const run = promisify(execFile);
const build = path.dirname(path.dirname(places.evergate));
const examples = ['minimal_manager', 'custom_sink', 'embedded_bot'];

async function cmake(...args) {
  try {
    return await run('cmake', args, { maxBuffer: 2 ** 24 });
  } catch (problem) {
    throw new Error(`cmake ${args.join(' ')}: ${problem.stdout}${problem.stderr}`);
  }
}

describe('the installed library', () => {
  const scope = suite_scope();
  let place;
  before(async () => {
    place = places.scratch(scope, 'library');
    await cmake('--install', build, '--prefix', path.join(place, 'prefix'));
  });
  after(() => scope.end());

  /** Builds an example where nothing of the repository is near; gives its program. */
  async function built(name) {
    const source = path.join(place, name);
    if (!fs.existsSync(source)) {
      fs.cpSync(path.join(places.root, 'examples', name), source, { recursive: true });
      await cmake('-S', source, '-B', path.join(source, 'build'), `-DCMAKE_PREFIX_PATH=${path.join(place, 'prefix')}`,
        '-DCMAKE_CXX_COMPILER=clang++-19', '-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld-19');
      await cmake('--build', path.join(source, 'build'));
    }
    return path.join(source, 'build', name);
  }

  async function simulated(t, options = {}) {
    const simulator = await Simulator.start(t, { guilds: 20, shards: 2, ...options });
    const directory = places.scratch(t, 'example');
    const file = path.join(directory, 'evergate.toml');
    fs.writeFileSync(file, to_toml({
      token: places.token, intents: places.all_intents, data_dir: path.join(directory, 'data'), workers: 2,
      listen: { port: 0 }, admin: { port: 0 }, discord: { rest: simulator.rest }, shards: { identify_spacing: '60ms' },
    }));
    return { simulator, directory, file };
  }

  function started(t, program, args, name) {
    const child = new Child(program, args, { name, env: { DISCORD_TOKEN: undefined } });
    t.after(() => child.stop());
    return child;
  }

  test('has what the packages of other programs ask for', () => {
    const prefix = path.join(place, 'prefix');
    assert.ok(fs.existsSync(path.join(prefix, 'bin/evergate')));
    const headers = fs.readdirSync(path.join(prefix, 'include/evergate'));
    assert.deepEqual(headers.sort(), fs.readdirSync(path.join(places.root, 'include/evergate')).sort());
  });

  test('minimal_manager serves bots', async (t) => {
    const { simulator, file } = await simulated(t);
    const child = started(t, await built(examples[0]), [file], examples[0]);
    const line = await child.line('stdout', (text) => text.startsWith('bots connect to port'), 'it prints its port');
    await child.line('stdout', (text) => text === 'shard 1 of 2 is ready', 'shard 1 is ready');
    const bot = await GatewayClient.connect(t, `ws://127.0.0.1:${line.split(' ').at(-1)}/`);
    await simulator.emit(20);
    await until('a bot has the events', () => bot.serials.size >= 20);
    child.kill('SIGTERM');
    assert.equal((await child.gone()).code, 0);
    assert.equal(child.stdout.at(-1), 'stopped');
    assert.deepEqual(await simulator.violations(), []);
  });

  test('custom_sink has every event once, over a restart', async (t) => {
    const { simulator, directory, file } = await simulated(t);
    const program = await built(examples[1]);
    const args = [file, path.join(directory, 'offset.txt')];
    const serials = [];
    const note = (child) => {
      for (const text of child.stdout) {
        const serial = JSON.parse(text).d._serial;
        if (serial !== undefined) serials.push(serial);
      }
    };
    const created = (child) => child.stdout.filter((text) => text.includes('"t":"MESSAGE_CREATE"')).length;
    const first = started(t, program, args, examples[1]);
    await until('it has its guilds', () => first.stdout.filter((text) => text.includes('"t":"GUILD_CREATE"')).length >= 20);
    await simulator.emit(50, 'MESSAGE_CREATE');
    await until('it has the first events', () => created(first) === 50);
    await first.stop();
    await simulator.emit(30, 'MESSAGE_CREATE'); // while nobody is there
    const second = started(t, program, args, examples[1]);
    await until('it has what came meanwhile', () => created(second) === 30);
    await simulator.emit(20, 'MESSAGE_CREATE');
    await until('it has what came after', () => created(second) === 50);
    await second.stop();
    note(first);
    note(second);
    assert.equal(new Set(serials).size, serials.length, 'nothing came twice');
    assert.equal(created(first) + created(second), 100);
  });

  test('embedded_bot asks and is answered', async (t) => {
    const { file } = await simulated(t, { guilds: 12 });
    const child = started(t, await built(examples[2]), [file], examples[2]);
    await until('it knows the members of all guilds',
      () => child.stdout.filter((text) => /^guild \d+ has [1-9]\d* members, on shard [01]$/.test(text)).length >= 10);
    assert.deepEqual(child.stderr.filter((text) => text.startsWith('guild ')), []);
    child.kill('SIGTERM');
    assert.equal((await child.gone()).code, 0);
  });
});
