// Where things are: the programs under test, and a directory of its own for each test.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const programs = process.env.EVERGATE_BIN_DIR ?? path.join(root, 'build/release/bin');

export const evergate = path.join(programs, 'evergate');
export const simulator = path.join(programs, 'evergate-sim');
export const launcher = path.join(root, 'tools/launcher.py');
export const sample_bot = path.join(root, 'examples/sample_bot/bot.mjs');

/** The simulator's own bot: its token carries its id, as Discord's tokens do. */
export const bot_id = '1100000000000000001';
export const token = 'MTEwMDAwMDAwMDAwMDAwMDAwMQ.Gsimul.ated-discord-token-not-a-secret';

export const all_intents = 53608447;
export const intent = {
  guilds: 1 << 0,
  guild_members: 1 << 1,
  guild_presences: 1 << 8,
  guild_messages: 1 << 9,
  message_content: 1 << 15,
};

/** A new directory, removed after the test unless it failed and EVERGATE_KEEP is set. */
export function scratch(t, name) {
  const place = fs.mkdtempSync(path.join(os.tmpdir(), `evergate-${name}-`));
  t.after(() => {
    if (!process.env.EVERGATE_KEEP) fs.rmSync(place, { recursive: true, force: true });
    else console.error(`# kept ${place}`);
  });
  return place;
}
