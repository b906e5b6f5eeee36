import type { Outcome } from '../core/outcome.ts';
import type { VerdictState } from '../core/verdict.ts';

/** What the forge's coloured dot says. The machinery's failures are `error`, never the red of a failed test. */
export function verdictStateOf(outcome: Outcome | null): VerdictState {
  if (outcome === null) return 'pending';
  switch (outcome.kind) {
    case 'passed':
      return 'success';
    case 'failed':
    case 'timed-out':
      return 'failure';
    case 'canceled':
    case 'broken':
      return 'error';
    default:
      return outcome satisfies never;
  }
}
