import type { ReportDue } from '../ledger/report-due.ts';
import { isNoVerdict } from '../core/outcome.ts';

/**
 * What a due status is worth (at most three posts for an occasion, the last of them final):
 * - `final`: a verdict or a notice; never left out.
 * - `first`: the first word about this occasion; never left out, and it says where the job stands by then.
 * - `late`: no verdict (superseded, closed, not trusted any more …), where the forge shows something else; never left out, but nobody waits for it.
 * - `more`: the one step between that is told: the command runs.
 * - `skip`: told by the page only. Also the end of what was superseded before anybody was told of it.
 */
export type PostWorth = 'final' | 'first' | 'late' | 'more' | 'skip';

/** @see PostWorth */
export function worthOf({ about, isFinal, isShown, posts }: ReportDue): PostWorth {
  if (about.kind === 'notice') return 'final';
  const { outcome, state, phase } = about.standing;
  if (isFinal) {
    if (!isNoVerdict(outcome)) return 'final';
    return isShown ? 'late' : 'skip';
  }
  if (posts === 0) return 'first';
  // Fetching and preparing take a moment; told of them, nobody would hear that the tests run.
  return posts === 1 && state === 'running' && (phase === 'running' || phase === 'saving') ? 'more' : 'skip';
}
