import type { ForgeChore, IssueDue, ReportDue } from '../ledger/report-due.ts';
import { worthOf, type PostWorth } from './post-worth.ts';

/** GitHub takes 500 writes an hour; below these numbers of them, what can wait does. @see `WriteAllowance` */
export const reserves = {
  /** A fifth: from here on, steps between the first word and the verdict are left out. */
  more: 100,
  /** Kept for verdicts and for answers to people. */
  first: 25,
} as const;

/** Every fourth write may answer a person although verdicts wait; every twentieth may keep an issue. */
const [choreEvery, issueEvery] = [4, 20];

/** What is due at one forge, in the ledger's order. */
export interface Due {
  readonly reports: readonly ReportDue[];
  readonly chores: readonly ForgeChore[];
  readonly issues: readonly IssueDue[];
}

/** One thing to tell the forge. */
export type Write =
  | { readonly kind: 'report'; readonly report: ReportDue }
  | { readonly kind: 'chore'; readonly chore: ForgeChore }
  | { readonly kind: 'issue'; readonly issue: IssueDue };

/** What was written before, in this life: a number that grows with each write, by what was served with it. */
export interface Served {
  readonly writes: number;
  readonly at: ReadonlyMap<string, number>;
}

/** The names by which a write is counted as served: what kind it was, and whose turn it took. */
export function servedBy(write: Write): readonly string[] {
  switch (write.kind) {
    case 'report':
      return [turnOf(write.report)];
    case 'chore':
      return ['chore', write.chore.repo];
    case 'issue':
      return ['issue'];
    default:
      return write satisfies never;
  }
}

/**
 * What people wait for goes first: verdicts, answers to commands (a quarter of the writes at most, while verdicts wait), the
 * first word about each context, what was superseded, steps between, issues. Inside each, whose turn was longest ago: a push
 * of 57 contexts holds up nobody else's. `due`: what may be told now; null when it is empty.
 */
export function nextWrite(due: Due, served: Served): Write | null {
  /** How many other writes went since. */
  const sinceLast = (name: string): number => served.writes - (served.at.get(name) ?? -issueEvery);
  const longestAgo = <T>(items: readonly T[], turn: (item: T) => string): T | undefined =>
    items.reduce<T | undefined>(
      (best, item) =>
        best === undefined || (served.at.get(turn(item)) ?? -1) < (served.at.get(turn(best)) ?? -1) ? item : best,
      undefined,
    );
  const report = (worth: PostWorth): Write | null => {
    const found = longestAgo(
      due.reports.filter((one) => worthOf(one) === worth),
      turnOf,
    );
    return found === undefined ? null : { kind: 'report', report: found };
  };
  const chore = (): Write | null => {
    const found = longestAgo(due.chores, ({ repo }) => repo);
    return found === undefined ? null : { kind: 'chore', chore: found };
  };
  const issue = (): Write | null => {
    const [found] = due.issues;
    return found === undefined ? null : { kind: 'issue', issue: found };
  };
  return (
    (sinceLast('chore') >= choreEvery - 1 ? chore() : null) ??
    (sinceLast('issue') >= issueEvery - 1 ? issue() : null) ??
    report('final') ??
    chore() ??
    report('first') ??
    report('late') ??
    report('more') ??
    issue()
  );
}

function turnOf({ repo, sha }: ReportDue): string {
  return `${repo} ${sha}`;
}

/** The repository that it is about. */
export function repoOf(write: Write): string {
  if (write.kind === 'report') return write.report.repo;
  return write.kind === 'chore' ? write.chore.repo : write.issue.repo;
}
