import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { rooms } from './support/floors/house.ts';

const root = join(import.meta.dirname, '..');
const page = await readFile(join(root, 'ARCHITECTURE.md'), 'utf8');

/** Rows of the map: floor, room and port. */
const rows = [...page.matchAll(/^\| *(\d+) *\| `src\/([a-z]+)` *\|[^|]*\| *(.*?) *\|$/gm)].map((match) => ({
  floor: Number(match[1]),
  room: match[2] ?? '',
  port: /`src\/[a-z]+\/([^`]+)`/.exec(match[3] ?? '')?.[1],
}));

test('every room of src/ is on the map, on its floor', async () => {
  const entries = await readdir(join(root, 'src'), { withFileTypes: true });
  const built = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const mapped = new Map(rows.map(({ room, floor }) => [room, floor]));
  for (const room of built) {
    assert.ok(mapped.has(room), `src/${room} is not on the map of ARCHITECTURE.md`);
    assert.equal(mapped.get(room), rooms[room]?.floor, `the floor of ${room}`);
  }
});

test('the map has no room twice, and shows the ports that the floors test knows', () => {
  assert.equal(new Set(rows.map(({ room }) => room)).size, rows.length);
  for (const { room, port } of rows) assert.equal(port, rooms[room]?.ports?.[0], `the port of ${room}`);
});

test('every path that ARCHITECTURE.md names exists', () => {
  const named = [...page.matchAll(/`((?:src|test|bench|bin|docs|examples)\/[^`\s]*)`/g)].map((match) => match[1] ?? '');
  assert.ok(named.length > 20, 'the paths are found');
  const missing = named.filter((path) => !existsSync(join(root, path)));
  assert.deepEqual(missing, []);
});
