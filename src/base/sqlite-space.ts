import type { Database } from './sqlite.ts';

/** Free pages that stay for what comes next: so many, and this part of the file. */
const keptPages = 4_096;
const keptShare = 0.2;
const pagesAStep = 256;

/**
 * Gives a little of the free space inside a database file back to the file system: 256 pages (1 MiB) in a transaction of a few
 * milliseconds. A fifth of the file, 16 MiB at least, stays free for what comes next. Only files made with
 * `auto_vacuum = INCREMENTAL` shrink, as all of ours are.
 * @returns true when there is more to give back.
 */
export async function giveBackSpace(database: Database): Promise<boolean> {
  if (spare(database) <= 0) return false;
  // `all`, because each row stepped through is a page given back.
  await database.change((sql) => sql.all(`PRAGMA incremental_vacuum(${pagesAStep})`));
  return spare(database) > 0;
}

function spare(database: Database): number {
  return database.read((sql) => {
    const mode = sql.get<{ auto_vacuum: number }>('PRAGMA auto_vacuum')?.auto_vacuum ?? 0;
    if (mode !== 2) return 0;
    const free = sql.get<{ freelist_count: number }>('PRAGMA freelist_count')?.freelist_count ?? 0;
    const pages = sql.get<{ page_count: number }>('PRAGMA page_count')?.page_count ?? 0;
    return free - Math.max(keptPages, Math.floor(pages * keptShare));
  });
}
