import type { Clock } from '../base/clock.ts';
import { isGroundcrewError } from '../base/errors.ts';
import type { Verdict } from '../core/verdict.ts';
import type { ReportDue } from '../ledger/report-due.ts';

/**
 * So long (ms) what failed in doubt may still come about: GitHub ends a request after 10 s, and ours is given up after 30 s.
 * https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#timeouts
 */
const doubtMs = 60_000;
/** After so long (ms) a commit is looked at; more than the 10 s in which the ledger has nothing said a second time. */
const lookAfterMs = 15_000;

/** A commit at one forge of which nobody knows whether it shows what was said last. */
export interface DoubtfulCommit {
  readonly repo: string;
  readonly sha: string;
}

/**
 * Remembers what was posted and may not have arrived, or may arrive yet: when something else was told since, the older word
 * may come last, and stand. Kept in memory, since a server that starts looks at every place anyway.
 */
export interface Doubts {
  /** A post failed with this error. */
  failed(report: ReportDue, said: Verdict, error: unknown): void;
  /** True when a post failed a while ago that the forge may show all the same. */
  mayShow(report: ReportDue): boolean;
  /** A post arrived. */
  told(report: ReportDue, said: Verdict): void;
  /** What should be looked at now; it stays so until `looked`. */
  due(): readonly DoubtfulCommit[];
  looked(commit: DoubtfulCommit): void;
  /** When the next is due (epoch ms); null: none. */
  nextAt(): number | null;
}

export function createDoubts(clock: Clock): Doubts {
  /** By status, then by what was said: until when it may come about (monotonic). */
  const inDoubt = new Map<string, Map<string, number>>();
  /** By commit: when to look at it (monotonic). */
  const looks = new Map<string, { readonly commit: DoubtfulCommit; readonly at: number }>();

  const forgetOld = (): void => {
    for (const [status, words] of inDoubt) {
      for (const [word, until] of words) if (until <= clock.monotonic()) words.delete(word);
      if (words.size === 0) inDoubt.delete(status);
    }
  };

  return {
    failed(report, said, error) {
      if (!isInDoubt(error)) return;
      forgetOld();
      const words = inDoubt.get(statusOf(report)) ?? new Map<string, number>();
      inDoubt.set(statusOf(report), words.set(wordOf(said), clock.monotonic() + doubtMs));
    },
    mayShow(report) {
      forgetOld();
      return inDoubt.has(statusOf(report));
    },
    told(report, said) {
      if (inDoubt.size === 0) return;
      forgetOld();
      const { repo, sha } = report;
      const words = inDoubt.get(statusOf(report));
      if (words === undefined || [...words.keys()].every((word) => word === wordOf(said))) return;
      looks.set(commitOf(report), { commit: { repo, sha }, at: clock.monotonic() + lookAfterMs });
    },
    due: () => [...looks.values()].filter(({ at }) => at <= clock.monotonic()).map(({ commit }) => commit),
    looked(commit) {
      looks.delete(commitOf(commit));
    },
    nextAt() {
      if (looks.size === 0) return null;
      const at = Math.min(...[...looks.values()].map((look) => look.at));
      return clock.now() + Math.max(0, at - clock.monotonic());
    },
  };
}

/** Nobody knows whether the forge did it: no answer, or one that tells of its own trouble. A refusal is an answer. */
function isInDoubt(error: unknown): boolean {
  if (!isGroundcrewError(error)) return true;
  return error.retry !== 'never' && error.code !== 'forge/rate-limited';
}

function commitOf({ repo, sha }: DoubtfulCommit): string {
  return `${repo} ${sha}`;
}

function statusOf(report: ReportDue): string {
  return `${commitOf(report)} ${report.context}`;
}

/** All that a look compares: the state, and the run that it speaks of. */
function wordOf({ state, path }: Verdict): string {
  return `${state} ${path}`;
}
