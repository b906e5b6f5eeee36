import type { VerdictState } from '../core/verdict.ts';
import { verdictStateOf } from '../decide/verdict-state.ts';
import type { ShadowRow } from '../ledger/ledger-reader.ts';
import { isNoVerdict } from '../core/outcome.ts';

/**
 * How two verdicts about one commit and context stand to each other. `error` is the machinery's failure, ours or theirs, and
 * says nothing about the change. `unfinished`: one of the two is still at work, or was stopped by a newer push.
 */
export type ShadowMatch =
  | 'both-green'
  | 'both-red'
  | 'we-red-they-green'
  | 'we-green-they-red'
  | 'our-error'
  | 'their-error'
  | 'unfinished'
  | 'only-ours'
  | 'only-theirs';

/** One commit whose verdicts are told in full. */
export interface ShadowCase {
  readonly match: ShadowMatch;
  readonly sha: string;
  readonly ours: VerdictState | null;
  readonly theirs: VerdictState | null;
}

/** Medians (ms), null where no time is known; of commits where both gave a verdict. */
export interface ShadowTimes {
  /** From our first word, or theirs, to the verdict. */
  readonly ours: number | null;
  readonly theirs: number | null;
}

/** One context of one repository. */
export interface ShadowContext {
  readonly forge: string;
  readonly repo: string;
  readonly context: string;
  readonly counts: Readonly<Record<ShadowMatch, number>>;
  readonly times: ShadowTimes;
  /** Where the two differ, the latest first; at most ten. */
  readonly differing: readonly ShadowCase[];
}

/** What `groundcrew shadow report` tells. `agreeing` of `compared`: commits and contexts where both gave a verdict on the change. */
export interface ShadowReport {
  readonly compared: number;
  readonly agreeing: number;
  readonly contexts: readonly ShadowContext[];
}

const mostCases = 10;
const none: Readonly<Record<ShadowMatch, number>> = {
  'both-green': 0,
  'both-red': 0,
  'we-red-they-green': 0,
  'we-green-they-red': 0,
  'our-error': 0,
  'their-error': 0,
  unfinished: 0,
  'only-ours': 0,
  'only-theirs': 0,
};

/** Compares our verdicts with those of another CI, context by context. `rows`: the latest first, as the reader gives them. */
export function compareShadow(rows: readonly ShadowRow[]): ShadowReport {
  const groups = Map.groupBy(rows, ({ forge, repo, context }) => JSON.stringify([forge, repo, context]));
  const contexts = [...groups.values()].flatMap((group): ShadowContext[] => {
    const [first] = group;
    if (first === undefined) return [];
    const { forge, repo, context } = first;
    const counts = { ...none };
    for (const row of group) counts[matchOf(row)] += 1;
    const differing = group
      .map((row) => ({ match: matchOf(row), sha: row.sha, ours: ourState(row), theirs: row.theirs?.state ?? null }))
      .filter(({ match }) => match === 'we-red-they-green' || match === 'we-green-they-red')
      .slice(0, mostCases);
    return [{ forge, repo, context, counts, times: timesOf(group), differing }];
  });
  const sum = (...matches: readonly ShadowMatch[]): number =>
    contexts.reduce((total, { counts }) => total + matches.reduce((part, match) => part + counts[match], 0), 0);
  const agreeing = sum('both-green', 'both-red');
  return {
    compared: agreeing + sum('we-red-they-green', 'we-green-they-red'),
    agreeing,
    contexts: contexts.toSorted(
      (a, b) => compareText(a.forge, b.forge) || compareText(a.repo, b.repo) || compareText(a.context, b.context),
    ),
  };
}

/** @see ShadowMatch */
export function matchOf(row: ShadowRow): ShadowMatch {
  const { theirs } = row;
  const ours = ourState(row);
  if (theirs === null) return 'only-ours';
  if (row.ours === null) return 'only-theirs';
  if (ours === null || ours === 'pending' || theirs.state === 'pending') return 'unfinished';
  if (ours === 'error') return 'our-error';
  if (theirs.state === 'error') return 'their-error';
  if (ours === theirs.state) return ours === 'success' ? 'both-green' : 'both-red';
  return ours === 'success' ? 'we-green-they-red' : 'we-red-they-green';
}

/** Null: no verdict is to be expected. */
function ourState({ ours }: ShadowRow): VerdictState | null {
  return ours === null || isNoVerdict(ours.outcome) ? null : verdictStateOf(ours.outcome);
}

function timesOf(rows: readonly ShadowRow[]): ShadowTimes {
  const both = rows.filter((row) => {
    const match = matchOf(row);
    return match !== 'only-ours' && match !== 'only-theirs' && match !== 'unfinished';
  });
  const between = (from: number | null | undefined, to: number | null | undefined): number[] =>
    from === null || from === undefined || to === null || to === undefined ? [] : [Math.max(0, to - from)];
  return {
    ours: median(both.flatMap(({ ours }) => between(ours?.queuedAt, ours?.endedAt))),
    theirs: median(both.flatMap(({ theirs }) => between(theirs?.pendingAt, theirs?.finalAt))),
  };
}

function median(numbers: readonly number[]): number | null {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
