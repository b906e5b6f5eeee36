import type { RunSummary } from '../ledger/ledger-reader.ts';
import type { CliContext } from './cli-context.ts';
import { age, elapsed } from './output/elapsed.ts';
import { runState } from './output/run-state.ts';
import type { Column } from './output/table.ts';

/** How many digits of a run's id people see; the least that commands take is 6. */
export const shownIdDigits = 8;

/** `#7`, or the branch. */
export function placeOf(run: Pick<RunSummary, 'pull' | 'branch' | 'sha'>): string {
  if (run.pull !== null) return `#${String(run.pull)}`;
  return run.branch ?? run.sha.slice(0, 8);
}

/** How runs are shown in a table. */
export function runColumns(context: CliContext): readonly Column<RunSummary>[] {
  const now = context.clock.now();
  return [
    { head: 'RUN', cell: (run) => run.jobId.slice(0, shownIdDigits) },
    {
      head: 'STATE',
      cell: (run) => {
        const { glyph, word } = runState(run, context.out);
        return `${glyph} ${word}`;
      },
      style: (run) => runState(run, context.out).style,
    },
    { head: 'REPO', cell: (run) => run.repo, isFlexible: true },
    { head: 'CHANGE', cell: placeOf, isFlexible: true },
    { head: 'CONTEXT', cell: (run) => run.context, isFlexible: true },
    { head: 'AGE', cell: (run) => age(run.queuedAt, now), align: 'right' },
    {
      head: 'TOOK',
      cell: (run) => (run.startedAt === null ? '-' : elapsed((run.endedAt ?? now) - run.startedAt)),
      align: 'right',
    },
  ];
}
