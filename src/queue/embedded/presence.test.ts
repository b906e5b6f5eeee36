import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { systemClock } from '../../base/clock.ts';
import { createLogger } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { openDatabase } from '../../base/sqlite.ts';
import { openEmbeddedQueue } from './embedded-queue.ts';

test('what a process left that died while it came is taken away an hour later', async (context) => {
  const dir = await tempDir(context);
  const directory = join(dir, 'queue');
  mkdirSync(directory);
  const old = 'q-00000000000000aa';
  const young = 'q-00000000000000bb';
  for (const name of [old, young]) {
    for (const ending of ['lock', 'lock.pid', 'sock']) writeFileSync(join(directory, `${name}.${ending}`), '');
  }
  const longAgo = Date.now() / 1000 - 3_700;
  utimesSync(join(directory, `${old}.lock`), longAgo, longAgo);
  const database = openDatabase({ path: join(dir, 'ledger.sqlite') });
  const logger = createLogger({ level: 'silent', isTerminal: false, hasColour: false, write: () => undefined });
  const queue = await openEmbeddedQueue({ database, directory, clock: systemClock, random: systemRandom, logger });
  await queue.close();
  await database.close();
  assert.deepEqual(readdirSync(directory).sort(), [`${young}.lock`, `${young}.lock.pid`, `${young}.sock`]);
});
