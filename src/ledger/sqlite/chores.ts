import type { Sql } from '../../base/sqlite.ts';
import type { Action } from '../../core/action.ts';
import type { Change } from '../../core/change.ts';
import type { ForgeChore } from '../report-due.ts';
import { isDue } from './clock-step.ts';

/** Something for the forge to remember; the same thing is asked for once. */
export function addChore(
  sql: Sql,
  body: Readonly<Record<string, string | number>>,
  waitsFor: readonly ReportAwaited[] | null = null,
): void {
  sql.run(
    'INSERT OR IGNORE INTO chores (body, waits_for) VALUES (?, ?)',
    JSON.stringify(body),
    waitsFor === null ? null : JSON.stringify(waitsFor),
  );
}

/** A status that the forge must have shown in this version, or a later one. */
type ReportAwaited = readonly [sha: string, context: string, version: number];

/**
 * What the forge must know before it is told that a request is done (R11): our mark on a request outlives the ledger, so it
 * stands only after what the request led to. That is the approval, and the statuses of what was started, canceled or
 * skipped. Null: it led to nothing. To be asked after the other actions were applied.
 */
export function effectsOf(
  sql: Sql,
  { forge, repo }: Change,
  actions: readonly Action[],
  requestId: string,
): readonly ReportAwaited[] | null {
  let isEmpty = true;
  const awaited: ReportAwaited[] = [];
  const wait = (sha: string, context: string): void => {
    isEmpty = false;
    const row = sql.get<{ version: number }>(
      'SELECT version FROM reports WHERE forge = ? AND repo = ? AND sha = ? AND context = ?',
      forge,
      repo,
      sha,
      context,
    );
    if (row !== undefined) awaited.push([sha, context, row.version]);
  };
  for (const action of actions) {
    if (action.kind === 'approve') isEmpty = false;
    else if (action.kind === 'skip') {
      if (action.isByPolicy !== true) wait(action.sha, action.context);
    } else if (action.kind === 'enqueue') {
      const { occasion, subject, context } = action.job;
      if (occasion === `request:${requestId}`) wait(subject.sha, context);
    } else if (action.kind === 'cancel' && action.reason === 'person') {
      const job = sql.get<{ sha: string; context: string }>('SELECT sha, context FROM jobs WHERE id = ?', action.jobId);
      if (job !== undefined) wait(job.sha, job.context);
    }
  }
  return isEmpty ? null : awaited;
}

/** SQL that is true for a chore that waits for nothing else; what the forge refuses is waited for no longer. */
export const isFree = `(waits_for IS NULL OR NOT (
    EXISTS (SELECT 1 FROM chores a INDEXED BY chores_due WHERE a.is_done = 0 AND a.forge = chores.forge
      AND json_extract(a.body, '$.kind') = 'approve' AND json_extract(a.body, '$.repo') = json_extract(chores.body, '$.repo'))
    OR EXISTS (SELECT 1 FROM json_each(chores.waits_for) w CROSS JOIN reports r
      WHERE r.forge = chores.forge AND r.repo = json_extract(chores.body, '$.repo') AND r.sha = json_extract(w.value, '$[0]')
        AND r.context = json_extract(w.value, '$[1]') AND r.posted_version < json_extract(w.value, '$[2]')
        AND r.refused_version < json_extract(w.value, '$[2]'))))`;

function dueStatement(ofForge: string): string {
  return `SELECT id, body, tries FROM chores INDEXED BY chores_due WHERE is_done = 0 AND ${isDue('next_try_at', 1)} AND ${isFree} ${ofForge}
    ORDER BY ROW_NUMBER() OVER (PARTITION BY forge, json_extract(body, '$.repo') ORDER BY next_try_at, id), next_try_at, id LIMIT +?2`;
}

const [dueAnywhere, dueAtForge] = [dueStatement(''), dueStatement('AND forge = ?3')];

/** See `Ledger.dueChores`. */
export function dueChores(sql: Sql, now: number, limit: number, forge?: string): readonly ForgeChore[] {
  interface Row {
    readonly id: number;
    readonly body: string;
    readonly tries: number;
  }
  const rows =
    forge === undefined ? sql.all<Row>(dueAnywhere, now, limit) : sql.all<Row>(dueAtForge, now, limit, forge);
  return rows.map(
    ({ id, body, tries }) => ({ ...(JSON.parse(body) as Omit<ForgeChore, 'id' | 'tries'>), id, tries }) as ForgeChore,
  );
}
