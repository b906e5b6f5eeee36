import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { isGroundcrewError, UsageError } from './errors.ts';
import { openDatabase, type Database, type Sql } from './sqlite.ts';

const numbers = ['CREATE TABLE number (n INTEGER PRIMARY KEY, filler TEXT)'];

function insert(database: Database, n: number, filler = ''): Promise<unknown> {
  return database.change((sql) => sql.run('INSERT INTO number VALUES (?, ?)', n, filler));
}

function all(database: Database): number[] {
  return database.read((sql) => sql.all<{ n: number }>('SELECT n FROM number ORDER BY n')).map(({ n }) => n);
}

test('concurrent senders share commits', async (t) => {
  await using database = openDatabase({ path: join(await tempDir(t), 'state.db') });
  database.migrate('numbers', numbers);
  let next = 0;
  const send = async (): Promise<void> => {
    for (let sent = 0; sent < 20; sent += 1) {
      next += 1;
      await insert(database, next);
    }
  };
  await Promise.all(Array.from({ length: 64 }, send));
  assert.equal(all(database).length, 64 * 20);
  const commitsPerEvent = database.commits / (64 * 20);
  assert.ok(commitsPerEvent <= 0.2, `${commitsPerEvent} commits an event`);
});

test('works run in call order and see each other', async () => {
  await using database = openDatabase({ path: ':memory:' });
  database.migrate('numbers', numbers);
  const seen = await Promise.all(
    [1, 2, 3].map((n) =>
      database.change((sql) => {
        sql.run('INSERT INTO number VALUES (?, ?)', n, '');
        return sql.all<{ n: number }>('SELECT n FROM number ORDER BY n').map((row) => row.n);
      }),
    ),
  );
  assert.deepEqual(seen, [[1], [1, 2], [1, 2, 3]]);
});

test('a member that throws loses its own writes only and rejects with its own error', async () => {
  await using database = openDatabase({ path: ':memory:' });
  database.migrate('numbers', numbers);
  const mine = new Error('mine');
  const fail = (sql: Sql): never => {
    sql.run('INSERT INTO number VALUES (?, ?)', 2, '');
    throw mine;
  };
  const results = await Promise.allSettled([insert(database, 1), database.change(fail), insert(database, 3)]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(all(database), [1, 3]);
  await assert.rejects(database.change(fail), mine);
  assert.deepEqual(all(database), [1, 3]);
});

test('a constraint violation reaches its caller as SQLite said it', async () => {
  await using database = openDatabase({ path: ':memory:' });
  database.migrate('numbers', numbers);
  await insert(database, 1);
  await assert.rejects(insert(database, 1), (error) => !isGroundcrewError(error) && String(error).includes('UNIQUE'));
});

test('an asynchronous work is refused and undone', async () => {
  await using database = openDatabase({ path: ':memory:' });
  database.migrate('numbers', numbers);
  const work = async (sql: Sql): Promise<void> => {
    sql.run('INSERT INTO number VALUES (?, ?)', 1, '');
    return Promise.resolve();
  };
  await assert.rejects(database.change(work), TypeError);
  assert.deepEqual(all(database), []);
});

test('a read sees committed state only, and never writes', async () => {
  await using database = openDatabase({ path: ':memory:' });
  database.migrate('numbers', numbers);
  const pending = insert(database, 1);
  assert.deepEqual(all(database), []);
  await pending;
  assert.deepEqual(all(database), [1]);
  assert.throws(() => database.read((sql) => sql.run('DELETE FROM number')), /must not write/);
  await insert(database, 2);
});

test('a work may ask for another change, which comes after it', async () => {
  await using database = openDatabase({ path: ':memory:' });
  database.migrate('numbers', numbers);
  const inner = await database.change((sql) => {
    sql.run('INSERT INTO number VALUES (?, ?)', 1, '');
    return { promise: insert(database, 2), sees: all(database) };
  });
  assert.deepEqual(inner.sees, [1]);
  await inner.promise;
  assert.deepEqual(all(database), [1, 2]);
});

test('a full database rejects every member of the batch, keeps what was, and works again later', async (t) => {
  const path = join(await tempDir(t), 'state.db');
  await using database = openDatabase({ path });
  database.migrate('numbers', numbers);
  await insert(database, 1);
  const limit = (pages: number) => database.change((sql) => sql.get(`PRAGMA max_page_count = ${pages}`));
  await limit(4);
  const large = 'x'.repeat(100_000);
  await assert.rejects(insert(database, 2, large), (error) => isGroundcrewError(error, 'sqlite/full'));
  const results = await Promise.allSettled([insert(database, 3, large), insert(database, 4, large)]);
  for (const result of results) {
    assert.ok(result.status === 'rejected' && isGroundcrewError(result.reason, 'sqlite/full'));
  }
  assert.deepEqual(all(database), [1]);
  await limit(100_000);
  await insert(database, 5, large);
  assert.deepEqual(all(database), [1, 5]);
});

test('two handles of one file see each other and wait for each other', async (t) => {
  const path = join(await tempDir(t), 'state.db');
  await using one = openDatabase({ path });
  one.migrate('numbers', numbers);
  await using other = openDatabase({ path });
  other.migrate('numbers', numbers);
  await Promise.all([insert(one, 1), insert(other, 2)]);
  assert.deepEqual(all(one), [1, 2]);
  assert.deepEqual(all(other), [1, 2]);
});

test('a change waits, without blocking this process, for another writer that takes its time', async (t) => {
  const path = join(await tempDir(t), 'state.db');
  await using database = openDatabase({ path });
  database.migrate('numbers', numbers);
  const other = new DatabaseSync(path);
  other.exec('BEGIN IMMEDIATE');
  setTimeout(() => {
    other.exec('COMMIT');
    other.close();
  }, 300);
  await insert(database, 1);
  assert.deepEqual(all(database), [1]);
});

test('close commits what waits and refuses what comes later', async (t) => {
  const path = join(await tempDir(t), 'state.db');
  const database = openDatabase({ path });
  database.migrate('numbers', numbers);
  const pending = insert(database, 1);
  await Promise.all([database.close(), database.close()]);
  await pending;
  await assert.rejects(insert(database, 2), (error) => isGroundcrewError(error, 'sqlite/closed'));
  assert.throws(
    () => all(database),
    (error) => isGroundcrewError(error, 'sqlite/closed'),
  );
  await using again = openDatabase({ path });
  assert.deepEqual(all(again), [1]);
});

test('a read-only handle reads a live file and refuses to change it', async (t) => {
  const path = join(await tempDir(t), 'state.db');
  await using writer = openDatabase({ path });
  writer.migrate('numbers', numbers);
  await using reader = openDatabase({ path, isReadOnly: true });
  reader.migrate('numbers', numbers);
  await insert(writer, 1);
  assert.deepEqual(all(reader), [1]);
  await assert.rejects(insert(reader, 2), (error) => isGroundcrewError(error, 'sqlite/read-only'));
  assert.throws(
    () => reader.migrate('numbers', [...numbers, 'CREATE TABLE more (n)']),
    (error) => isGroundcrewError(error, 'sqlite/too-old'),
  );
});

test('what is no database is refused by name', async (t) => {
  const directory = await tempDir(t);
  await writeFile(join(directory, 'text'), 'no database, but long enough to look like one\n'.repeat(100));
  assert.throws(
    () => openDatabase({ path: join(directory, 'text') }),
    (error) => isGroundcrewError(error, 'sqlite/damaged'),
  );
  assert.throws(
    () => openDatabase({ path: join(directory, 'missing', 'state.db') }),
    (error) => isGroundcrewError(error, 'sqlite/cannot-open'),
  );
});

test('migrations run once, in order, after a consistent copy', async (t) => {
  const path = join(await tempDir(t), 'state.db');
  const first = openDatabase({ path });
  first.migrate('numbers', numbers);
  await insert(first, 1);
  await first.close();
  const steps = [
    ...numbers,
    'ALTER TABLE number ADD COLUMN a TEXT; ALTER TABLE number ADD COLUMN b TEXT',
    'UPDATE number SET b = a',
  ];
  await using second = openDatabase({ path });
  second.migrate('numbers', steps);
  second.migrate('numbers', steps);
  second.migrate('letters', ['CREATE TABLE letter (l TEXT)']);
  assert.deepEqual(all(second), [1]);
  await using copy = openDatabase({ path: `${path}.before-numbers-3`, isReadOnly: true });
  copy.migrate('numbers', numbers);
  assert.deepEqual(all(copy), [1]);
  assert.ok(!existsSync(`${path}.before-letters-1`), 'a room without tables has nothing to copy');
});

test('a migration that fails leaves the file as it was', async (t) => {
  const path = join(await tempDir(t), 'state.db');
  await using database = openDatabase({ path });
  database.migrate('numbers', numbers);
  assert.throws(() => database.migrate('numbers', [...numbers, 'DROP TABLE number', 'no SQL']));
  await insert(database, 1);
  assert.deepEqual(all(database), [1]);
  database.migrate('numbers', [...numbers, 'CREATE TABLE more (n)']);
});

test('a file of a newer groundcrew is refused', async (t) => {
  const path = join(await tempDir(t), 'state.db');
  await using database = openDatabase({ path });
  database.migrate('numbers', [...numbers, 'CREATE TABLE more (n)']);
  assert.throws(
    () => database.migrate('numbers', numbers),
    (error) => error instanceof UsageError && error.code === 'sqlite/too-new',
  );
});

test('a kill at any moment loses nothing that was acknowledged', async (t) => {
  const path = join(await tempDir(t), 'state.db');
  const acknowledged: number[] = [];
  for (let kill = 0; kill < 20; kill += 1) {
    const program = join(import.meta.dirname, 'fixtures', 'acknowledging-writer.ts');
    const child = spawn(process.execPath, [program, path, String(kill * 1_000_000)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    let output = '';
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      if (output === '') setTimeout(() => child.kill('SIGKILL'), Math.random() * 30);
      output += text;
    });
    await once(child, 'close');
    acknowledged.push(...output.slice(0, output.lastIndexOf('\n')).split('\n').map(Number));
  }
  await using database = openDatabase({ path });
  const stored = new Set(all(database));
  assert.ok(acknowledged.length > 100, `only ${acknowledged.length} changes were made`);
  assert.deepEqual(
    acknowledged.filter((n) => !stored.has(n)),
    [],
  );
  assert.deepEqual(database.read((sql) => sql.all('PRAGMA integrity_check')).length, 1);
});

test('a database in memory is cheap enough for a simulator', async () => {
  const life = async (): Promise<void> => {
    await using database = openDatabase({ path: ':memory:', schedule: queueMicrotask });
    database.migrate('numbers', numbers);
    for (let n = 0; n < 300; n += 1) await insert(database, n);
  };
  for (let warm = 0; warm < 5; warm += 1) await life();
  const times: number[] = [];
  for (let n = 0; n < 9; n += 1) {
    const before = performance.now();
    await life();
    times.push(performance.now() - before);
  }
  const median = times.toSorted((a, b) => a - b)[4] ?? Infinity;
  assert.ok(median < 8, `${median} ms`);
});
