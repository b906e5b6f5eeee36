import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTempDir, removeTempDir } from '../../test/support/temp-dir.ts';
import { openDatabase } from './sqlite.ts';
import { giveBackSpace } from './sqlite-space.ts';

test('a database file shrinks in small steps after much was deleted, and keeps some room', async () => {
  const dir = await openTempDir();
  const database = openDatabase({ path: join(dir, 'it.sqlite') });
  try {
    database.migrate('it', ['CREATE TABLE things (bytes BLOB) STRICT']);
    await database.change((sql) => {
      for (let at = 0; at < 28; at += 1) sql.run('INSERT INTO things VALUES (?)', new Uint8Array(2 ** 20));
    });
    assert.equal(await giveBackSpace(database), false, 'nothing is free');
    await database.change((sql) => sql.run('DELETE FROM things'));
    let steps = 1;
    while (await giveBackSpace(database)) steps += 1;
    assert.ok(steps >= 10 && steps <= 13, `${steps} steps`);
    assert.equal(await giveBackSpace(database), false);
    await database.close();
    const left = statSync(database.path).size;
    assert.ok(left > 15 * 2 ** 20 && left < 18 * 2 ** 20, `${left} bytes`);
  } finally {
    await database.close();
    await removeTempDir(dir);
  }
});
