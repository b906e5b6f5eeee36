import { isTrusted } from '../core/change.ts';
import type { PlannedCheck, Snapshot } from '../core/snapshot.ts';
import { settleApprovals } from './approvals.ts';
import { cancelStale } from './cancel-stale.ts';
import { carryOutRequests } from './carry-out.ts';
import { decideSlots } from './decide-slots.ts';
import { awaitsApproval } from './decide-wanted.ts';
import { lookAt, mayRun, type Look } from './look.ts';
import { standingOf, type Standing } from './standing.ts';
import { verdictStateOf } from './verdict-state.ts';

/** Whether a context is tested at the head of a change, and why or why not, in one sentence. */
export interface ContextExplained {
  readonly context: string;
  readonly runs: boolean;
  readonly why: string;
}

/**
 * Every context of the plan, those left out included, as `decideChange` sees it now, with what people asked and what it would
 * carry out. A closed place, a branch that is not watched and a repository with nothing to run explain themselves in their one
 * sentence, under no context or under each.
 */
export function explainChange(snapshot: Snapshot): readonly ContextExplained[] {
  const { change, plan } = snapshot;
  if (plan.kind === 'nothing') return [{ context: '', runs: false, why: `${plan.sentence}.` }];
  if (plan.checks.length === 0 && (plan.leftOut ?? []).length === 0) {
    return [{ context: '', runs: false, why: `No check is configured for changes meant for ${change.baseRef}.` }];
  }
  const look = lookAt(snapshot);
  settleApprovals(look);
  cancelStale(look);
  carryOutRequests(look);
  decideSlots(look);
  return [
    ...look.checks.map((check) => explainCheck(look, check)),
    ...(plan.leftOut ?? []).map(({ context, why }) => ({ context, runs: false, why: sentence(`Left out: ${why}`) })),
  ];
}

function explainCheck(look: Look, check: PlannedCheck): ContextExplained {
  const { context } = check;
  if (!look.snapshot.change.isOpen) return { context, runs: false, why: 'The change is closed.' };
  const standing = standingOf(look, check);
  if (standing.kind === 'wanted' && awaitsApproval(look)) {
    const isUnknown = look.snapshot.change.trust === 'unknown';
    const who = isUnknown ? 'Whether the author is trusted cannot be told now' : 'The author is not trusted';
    return { context, runs: false, why: `${who}, and nobody has approved this commit.` };
  }
  return { context, runs: runs(standing), why: sentence(whyOf(look, check, standing)) };
}

function runs({ kind }: Standing): boolean {
  return kind === 'underway' || kind === 'judged' || kind === 'wanted';
}

function whyOf(look: Look, check: PlannedCheck, standing: Standing): string {
  const { change } = look.snapshot;
  switch (standing.kind) {
    case 'skipped':
      return standing.sentence ?? 'Skipped at this commit';
    case 'not-needed':
      return standing.sentence;
    case 'manual':
      return `Not started by a push: ${check.whyManual ?? 'it runs only when somebody asks for it'}`;
    case 'underway':
      return 'It waits or runs already';
    case 'judged':
      return `This commit has its verdict: ${verdictOf(look, check, standing.job)}`;
    case 'wanted': {
      const what = change.pull === null ? 'pushes to' : 'changes meant for';
      const trust = isTrusted(change) || !mayRun(look) ? '' : ', and this commit is approved';
      return `The policy wants it for ${what} ${change.baseRef}${trust}`;
    }
    default:
      return standing satisfies never;
  }
}

function verdictOf(look: Look, check: PlannedCheck, job: (Standing & { readonly kind: 'judged' })['job']): string {
  if (job?.outcome?.kind === 'canceled') return `canceled by ${job.outcome.by}`;
  const state = job === null ? look.statuses.get(check.context)?.state : verdictStateOf(job.outcome);
  return state === 'pending' || state === undefined ? 'it was stopped' : state;
}

/** Ends with one full stop, and has no line breaks. */
function sentence(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return /[.!?]$/.test(line) ? line : `${line}.`;
}
