import type { LedgerReader, RunSummary } from '../ledger/ledger-reader.ts';

/** Which ended runs to look for; empty strings ask for nothing. */
export interface EndedQuery {
  readonly q: string;
  readonly repo: string;
  /** `passed`, `failed` (also timed out), `broken` or `canceled`. */
  readonly result: string;
  readonly before: string;
}

/** A page of ended runs; `searched` is how many were looked at, null when none had to be. */
export interface EndedFound {
  readonly runs: readonly RunSummary[];
  readonly next: string | null;
  readonly searched: number | null;
}

const pageSize = 50;
// A search reads this many at most, newest first; "Older runs" goes on from there.
const mostSearched = 2000;
const searchPage = 500;

/** One page of ended runs, newest first. Text and result are matched here: the ledger keeps no index for them. */
export async function findEnded(reader: LedgerReader, query: EndedQuery): Promise<EndedFound> {
  const { q, repo, result, before } = query;
  const filter = { state: 'ended' as const, ...(repo === '' ? {} : { repo }) };
  const startAt = (cursor: string | null): object => (cursor === null || cursor === '' ? {} : { before: cursor });
  if (q === '' && result === '') {
    const page = await reader.listRuns({ ...filter, limit: pageSize, ...startAt(before) });
    return { ...page, searched: null };
  }
  const runs: RunSummary[] = [];
  let searched = 0;
  let next: string | null = before;
  do {
    const page = await reader.listRuns({ ...filter, limit: searchPage, ...startAt(next) });
    searched += page.runs.length;
    runs.push(...page.runs.filter((run) => fits(run, q, result)));
    next = page.next;
  } while (next !== null && runs.length < pageSize && searched < mostSearched);
  return { runs, next, searched };
}

function fits(run: RunSummary, q: string, result: string): boolean {
  const kind = run.outcome?.kind ?? '';
  if (result !== '' && (kind === 'timed-out' ? 'failed' : kind) !== result) return false;
  if (q === '') return true;
  const wanted = q.toLowerCase();
  const place = run.pull === null ? (run.branch ?? '') : `#${run.pull}`;
  const texts = [run.title, place, run.context, run.repo, run.worker ?? ''];
  return (
    run.sha.startsWith(wanted) ||
    run.jobId.startsWith(wanted) ||
    texts.some((text) => text.toLowerCase().includes(wanted))
  );
}
