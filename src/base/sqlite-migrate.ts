import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { GroundcrewError, UsageError } from './errors.ts';

/** One room's wish: step n of `steps` makes version n of its tables. */
export interface Migration {
  readonly path: string;
  readonly room: string;
  readonly steps: readonly string[];
  readonly isReadOnly: boolean;
}

// Another process may be copying a large file before its own migration.
const migrationWaitMs = 60_000;

/** See `Database.migrate`. Leaves `busy_timeout` changed. */
export function migrateSqlite(handle: DatabaseSync, migration: Migration): void {
  const { path, room, steps } = migration;
  const known = steps.length;
  const before = versionOf(handle, room);
  refuseNewer(before, migration);
  if (before === known) return;
  if (migration.isReadOnly) {
    const message = `${path} has version ${before} of the ${room} tables, this groundcrew reads ${known}: start the server once`;
    throw new GroundcrewError('sqlite/too-old', message);
  }
  handle.exec(`PRAGMA busy_timeout = ${migrationWaitMs}`);
  if (before > 0 && path !== ':memory:') copy(handle, path, `${path}.before-${room}-${known}`);
  handle.exec('BEGIN IMMEDIATE');
  try {
    handle.exec(
      'CREATE TABLE IF NOT EXISTS schema_version (room TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID',
    );
    // Somebody else may have migrated since we looked.
    const now = versionOf(handle, room);
    refuseNewer(now, migration);
    for (const step of steps.slice(now)) handle.exec(step);
    handle
      .prepare(
        `INSERT INTO schema_version (room, version) VALUES (?, ?)
         ON CONFLICT (room) DO UPDATE SET version = excluded.version`,
      )
      .run(room, known);
    handle.exec('COMMIT');
  } catch (error) {
    if (handle.isTransaction) handle.exec('ROLLBACK');
    throw error;
  }
}

function versionOf(handle: DatabaseSync, room: string): number {
  const table = handle.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'`).get();
  if (table === undefined) return 0;
  const row = handle.prepare('SELECT version FROM schema_version WHERE room = ?').get(room);
  return Number(row?.['version'] ?? 0);
}

function refuseNewer(found: number, { path, room, steps }: Migration): void {
  if (found <= steps.length) return;
  throw new UsageError(
    'sqlite/too-new',
    `${path} was written by a newer groundcrew (${room} tables version ${found}, this one knows ${steps.length}): ` +
      `run that groundcrew, or put back the copy ${path}.before-${room}-*`,
  );
}

/** A consistent copy, whole or not there at all. */
function copy(handle: DatabaseSync, path: string, target: string): void {
  const part = `${target}.part`;
  rmSync(part, { force: true });
  handle.prepare('VACUUM INTO ?').run(part);
  sync(part);
  renameSync(part, target);
  sync(dirname(path));
}

function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
