import type { Sql } from '../../base/sqlite.ts';
import type { Job } from '../../core/job.ts';
import type { Phase } from '../../core/outcome.ts';
import { runPrefix } from '../../core/run-slug.ts';
import type { AttemptDetail, RunDetail } from '../ledger-reader.ts';
import { jobOf, outcomeOf } from './job-row.ts';
import { summaryColumns, summaryOf, type SummaryRow } from './read-summary.ts';

interface DetailRow extends SummaryRow {
  readonly body: string;
  readonly trace_id: string;
}

interface AttemptRow {
  readonly generation: number;
  readonly n: number;
  readonly nonce: string;
  readonly worker: string;
  readonly state: AttemptDetail['state'];
  readonly is_owner: number;
  readonly is_accepted: number;
  readonly phase: Phase | null;
  readonly outcome: string | null;
  readonly base_sha: string | null;
  readonly offered_at: number;
  readonly claimed_at: number | null;
  readonly last_beat_at: number | null;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly tested_sha: string | null;
  readonly image_digest: string | null;
  readonly peak_memory_bytes: number | null;
  readonly oom: AttemptDetail['oom'];
  readonly log_bytes: number;
  readonly log_sha256: string | null;
  readonly is_log_truncated: number;
}

/** See `LedgerReader.run`. Two runs that begin alike are none. */
export function readRun(sql: Sql, idOrPrefix: string): RunDetail | null {
  if (!/^[0-9a-f]{6,32}$/.test(idOrPrefix)) return null;
  const rows = sql.all<DetailRow>(
    `SELECT ${summaryColumns}, body, trace_id FROM jobs WHERE id >= ? AND id < ? ORDER BY id LIMIT 2`,
    idOrPrefix,
    `${idOrPrefix}g`,
  );
  const [row] = rows;
  if (row === undefined || rows.length > 1) return null;
  const job = jobOf(row.body);
  return { summary: summaryOf(sql, row), job, traceId: row.trace_id, attempts: attemptsOf(sql, job) };
}

/** All generations, in the order in which they were numbered and claimed. */
function attemptsOf(sql: Sql, job: Job): readonly AttemptDetail[] {
  return sql
    .all<AttemptRow>(
      `SELECT generation, n, nonce, worker, state, is_owner, is_accepted, phase, outcome, base_sha, offered_at, claimed_at,
         last_beat_at, started_at, ended_at, tested_sha, image_digest, peak_memory_bytes, oom, log_bytes, log_sha256, is_log_truncated
       FROM attempts WHERE job_id = ? ORDER BY generation, n, claimed_at, nonce`,
      job.id,
    )
    .map((row) => ({
      generation: row.generation,
      n: row.n,
      nonce: row.nonce,
      worker: row.worker,
      state: row.state,
      isOwner: row.is_owner === 1,
      isAccepted: row.is_accepted === 1,
      phase: row.phase,
      outcome: outcomeOf(row.outcome),
      offeredAt: row.offered_at,
      claimedAt: row.claimed_at,
      lastBeatAt: row.last_beat_at,
      startedAt: row.started_at,
      endedAt: row.ended_at,
      testedSha: row.tested_sha,
      baseSha: row.base_sha,
      imageDigest: row.image_digest,
      peakMemoryBytes: row.peak_memory_bytes,
      oom: row.oom,
      logBytes: row.log_bytes,
      logSha256: row.log_sha256,
      isLogTruncated: row.is_log_truncated === 1,
      storePrefix: runPrefix(job, row),
    }));
}
