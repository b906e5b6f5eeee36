import type { Sql } from '../../base/sqlite.ts';
import type { AttemptKey } from '../../core/attempt.ts';
import type { Holder } from '../ledger.ts';
import type { WorkerWish } from '../ledger-reader.ts';

/** See `Ledger.workerWish`. */
export function workerWish(sql: Sql, worker: string): WorkerWish {
  return sql.get<{ wish: WorkerWish }>('SELECT wish FROM workers WHERE worker = ?', worker)?.wish ?? 'work';
}

/** See `Ledger.wishOfWorker`. */
export function wishOfWorker(sql: Sql, worker: string, wish: WorkerWish, by: string, now: number): boolean {
  const { changes } = sql.run(
    'UPDATE workers SET wish = ?, wish_by = ?, wish_at = ? WHERE worker = ?',
    wish,
    by,
    now,
    worker,
  );
  return changes > 0;
}

/** See `Ledger.holders`. */
export function holders(sql: Sql, { jobId, generation, n }: AttemptKey): readonly Holder[] {
  return sql
    .all<{ nonce: string; worker: string; state: string; is_owner: number; log_sha256: string | null }>(
      `SELECT nonce, worker, state, is_owner, log_sha256 FROM attempts WHERE job_id = ? AND generation = ? AND n = ? AND nonce <> ''`,
      jobId,
      generation,
      n,
    )
    .map(({ nonce, worker, state, is_owner, log_sha256 }) => ({
      nonce,
      worker,
      isLive: state === 'live' && is_owner === 1,
      isSealed: log_sha256 !== null,
    }));
}
