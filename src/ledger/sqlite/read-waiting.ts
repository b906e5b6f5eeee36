import type { Sql } from '../../base/sqlite.ts';
import { feedOrder, type FeedItem } from '../../decide/feed-order.ts';
import type { RunFilter, RunPage } from '../ledger-reader.ts';
import { priorityOf, underwayByProject, waitingLanes, type Lane } from './feeding.ts';
import { readCursor, writeCursor, type ProjectCursor, type RunCursor } from './read-cursor.ts';
import { summaryColumns, summaryOf, type SummaryRow } from './read-summary.ts';

interface WaitingItem extends FeedItem {
  readonly seq: number;
  readonly urgentAt: number;
}

const statements = {
  lane: `SELECT seq, urgent_at, queued_at FROM jobs WHERE state = 'waiting' AND class = ? AND project = ?
     AND (urgent_at, queued_at, seq) > (?, ?, ?) ORDER BY urgent_at, queued_at, seq LIMIT +?`,
  before: `SELECT COUNT(*) AS jobs FROM jobs WHERE state = 'waiting' AND class = ? AND project = ?
     AND (urgent_at, queued_at, seq) < (?, ?, ?)`,
  upTo: `SELECT COUNT(*) AS jobs FROM (SELECT 1 FROM jobs WHERE state = 'waiting' AND class = ? AND project = ? LIMIT +?)`,
  urgent: `SELECT COUNT(*) AS jobs FROM (SELECT 1 FROM jobs WHERE state = 'waiting' AND class = ? AND project = ? AND urgent_at < ? LIMIT +?)`,
} as const;

/**
 * Offered jobs, the longest offered first, then the waiting ones in the order of `feedOrder`, as if no back-off ran: the
 * ledger's own order inside a project, merged page by page.
 */
export function waitingPage(sql: Sql, { repo, limit, before }: RunFilter): RunPage {
  const cursor = before === undefined ? null : readCursor(before);
  const offered = cursor?.kind === 'waiting' ? [] : offeredAfter(sql, repo, cursor);
  if (offered.length > limit) {
    const shown = offered.slice(0, limit);
    const last = shown.at(-1);
    return {
      runs: bySeq(sql, shown),
      next: last === undefined ? null : writeCursor({ kind: 'offered', at: last.at, seq: last.seq }),
    };
  }
  const room = limit - offered.length;
  const from = cursor?.kind === 'waiting' ? cursor.projects : [];
  const ordered = waitingAfter(sql, repo, from, room);
  const shown = ordered.slice(0, room);
  return {
    runs: [...bySeq(sql, offered), ...bySeq(sql, shown)],
    next: ordered.length > room ? writeCursor({ kind: 'waiting', projects: movedOn(from, shown) }) : null,
  };
}

function bySeq(sql: Sql, items: readonly { readonly seq: number }[]): RunPage['runs'] {
  return items.flatMap(({ seq }) => {
    const row = sql.get<SummaryRow>(`SELECT ${summaryColumns} FROM jobs WHERE seq = ?`, seq);
    return row === undefined ? [] : [summaryOf(sql, row)];
  });
}

/** Never many: twice the live slots. */
function offeredAfter(sql: Sql, repo: string | undefined, cursor: RunCursor | null): { seq: number; at: number }[] {
  const from = cursor?.kind === 'offered' ? cursor : null;
  return sql
    .all<{ seq: number; at: number; repo: string }>(
      `SELECT seq, repo, COALESCE(
         (SELECT MAX(offered_at) FROM attempts a WHERE a.job_id = j.id AND a.generation = j.generation AND a.n = j.n), queued_at) AS at
       FROM jobs j WHERE state IN ('offered', 'running') AND state = 'offered'`,
    )
    .filter((row) => repo === undefined || row.repo === repo)
    .filter(({ at, seq }) => from === null || at > from.at || (at === from.at && seq > from.seq))
    .sort((a, b) => a.at - b.at || a.seq - b.seq);
}

/** The next `room` waiting jobs, and one more if there is one. */
function waitingAfter(
  sql: Sql,
  repo: string | undefined,
  from: readonly ProjectCursor[],
  room: number,
): readonly WaitingItem[] {
  const load = new Map(underwayByProject(sql));
  const start = new Map(from.map((cursor) => [cursor.project, cursor]));
  for (const { project, listed } of from) load.set(project, (load.get(project) ?? 0) + listed);
  const items = lanesOf(sql, repo).flatMap(({ class: needs, project }): WaitingItem[] => {
    const after = start.get(project);
    const least = Number.MIN_SAFE_INTEGER;
    return sql
      .all<{ seq: number; urgent_at: number; queued_at: number }>(
        statements.lane,
        needs,
        project,
        after?.urgentAt ?? least,
        after?.queuedAt ?? least,
        after?.seq ?? least,
        room + 1,
      )
      .map((row) => ({
        project,
        seq: row.seq,
        urgentAt: row.urgent_at,
        queuedAt: row.queued_at,
        priority: priorityOf(row),
      }));
  });
  // Only differences of age matter, so any `now` gives the same order.
  return feedOrder(items.sort(byProjectThenRank), load, 0).slice(0, room + 1);
}

function byProjectThenRank(a: WaitingItem, b: WaitingItem): number {
  if (a.project !== b.project) return a.project < b.project ? -1 : 1;
  return a.urgentAt - b.urgentAt || a.queuedAt - b.queuedAt || a.seq - b.seq;
}

/** A project is named `forge|repo`, and no forge has a `|` in its name. */
function lanesOf(sql: Sql, repo: string | undefined): readonly Lane[] {
  const lanes = waitingLanes(sql);
  return repo === undefined ? lanes : lanes.filter(({ project }) => project.slice(project.indexOf('|') + 1) === repo);
}

function movedOn(from: readonly ProjectCursor[], shown: readonly WaitingItem[]): readonly ProjectCursor[] {
  const cursors = new Map(from.map((cursor) => [cursor.project, cursor]));
  for (const { project, urgentAt, queuedAt, seq } of shown) {
    const listed = (cursors.get(project)?.listed ?? 0) + 1;
    cursors.set(project, { project, urgentAt, queuedAt, seq, listed });
  }
  return [...cursors.values()];
}

/**
 * How many waiting jobs stand before this one in `feedOrder`, counted by index and not by sorting. The order hands out
 * levels: a project's waiting job of rank r goes when r + (its project's jobs under way) is the lowest level, and inside a
 * level the most urgent first. So before a job go all jobs of lower levels, and the more urgent of its own.
 */
export function positionOf(sql: Sql, jobId: string): number | null {
  const job = sql.get<{ seq: number; project: string; state: string; urgent_at: number; queued_at: number }>(
    'SELECT seq, project, state, urgent_at, queued_at FROM jobs WHERE id = ?',
    jobId,
  );
  if (job?.state !== 'waiting') return null;
  const load = underwayByProject(sql);
  const classes = new Map<string, string[]>();
  for (const lane of waitingLanes(sql)) classes.set(lane.project, [...(classes.get(lane.project) ?? []), lane.class]);
  const count = (statement: string, project: string, ...params: readonly number[]): number =>
    (classes.get(project) ?? []).reduce(
      (sum, needs) => sum + (sql.get<{ jobs: number }>(statement, needs, project, ...params)?.jobs ?? 0),
      0,
    );
  const rank = count(statements.before, job.project, job.urgent_at, job.queued_at, job.seq);
  const level = rank + (load.get(job.project) ?? 0);
  let position = rank;
  for (const project of classes.keys()) {
    const lower = level - (load.get(project) ?? 0);
    if (project === job.project || lower < 0) continue;
    position += Math.min(lower, count(statements.upTo, project, lower));
    // Of two that are equally urgent the project goes first whose name does.
    const bound = project < job.project ? job.urgent_at + 1 : job.urgent_at;
    if (count(statements.urgent, project, bound, lower + 1) > lower) position += 1;
  }
  return position;
}
