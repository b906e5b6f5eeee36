import type { Sql } from '../../base/sqlite.ts';
import type { JobId } from '../../core/job.ts';
import type { RepoNamed, Stop } from '../ledger.ts';
import { cancelJob } from './decisions.ts';

// A step for each repository, however many places and jobs it has.
const next = 'AND (forge, repo) > (?, ?) ORDER BY forge, repo LIMIT 1';
const nextOpen = `SELECT forge, repo FROM changes INDEXED BY changes_head WHERE is_open = 1 ${next}`;
const nextUnended = `SELECT forge, repo FROM jobs INDEXED BY jobs_open_repo WHERE state <> 'ended' ${next}`;

/** See `Ledger.liveRepos`. */
export function liveRepos(sql: Sql): readonly RepoNamed[] {
  const found = new Map<string, RepoNamed>();
  for (const statement of [nextOpen, nextUnended]) {
    let last: RepoNamed | undefined = { forge: '', repo: '' };
    while (last !== undefined) {
      last = sql.get<{ forge: string; repo: string }>(statement, last.forge, last.repo);
      if (last !== undefined) found.set(`${last.forge}|${last.repo}`, last);
    }
  }
  return [...found.values()];
}

/** See `Ledger.endRepo`. */
export function endRepo(sql: Sql, { forge, repo }: RepoNamed, now: number): readonly Stop[] {
  const jobs = sql.all<{ id: JobId }>(
    `SELECT id FROM jobs WHERE forge = ? AND repo = ? AND state <> 'ended'`,
    forge,
    repo,
  );
  sql.run(
    `UPDATE changes SET is_open = 0, notice = NULL, seen_at = ?3, body = json_set(body, '$.isOpen', json('false'))
     WHERE forge = ?1 AND repo = ?2 AND is_open = 1`,
    forge,
    repo,
    now,
  );
  return jobs.flatMap(({ id }) => cancelJob(sql, id, { kind: 'canceled', reason: 'policy', by: 'project' }, now));
}
