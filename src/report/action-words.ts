import type { Action } from '../core/action.ts';

/** What a decision would do, for `scan --dry-run`: one line, without what strangers wrote but names of contexts. */
export function actionWords(action: Action): string {
  switch (action.kind) {
    case 'enqueue': {
      const { context, occasion } = action.job;
      const again = action.generation > 1 ? `, for the ${String(action.generation)}th time` : '';
      return `run ${context}${occasion === 'change' ? '' : ` (${occasion})`}${again}`;
    }
    case 'cancel':
      return `cancel run ${action.jobId.slice(0, 8)} (${action.reason})`;
    case 'restate':
      return `show the state of run ${action.jobId.slice(0, 8)} again`;
    case 'restate-skip':
      return `show again that ${action.context} is skipped`;
    case 'notice':
      return action.notice === null
        ? `withdraw what ${action.context} says`
        : `say at ${action.context}: ${action.notice.sentence}`;
    case 'approve':
      return `remember the approval of ${action.sha.slice(0, 12)} by ${action.by}`;
    case 'skip':
      return `skip ${action.context}: ${action.sentence}`;
    case 'request-done':
      return `answer request ${action.requestId}${action.comment === undefined ? '' : ' with a comment'}`;
    default:
      return action satisfies never;
  }
}
