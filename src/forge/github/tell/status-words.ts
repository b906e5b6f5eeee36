import type { StatusMode } from '../hub.ts';

/** The context by which an approval outlives our ledger (R11). */
const approvalContext = 'groundcrew/approval';

/** What a status means: one of ours about a check, our memory of an approval, or somebody else's. */
export type ContextMeaning =
  { readonly kind: 'check'; readonly context: string } | { readonly kind: 'approval' } | { readonly kind: 'foreign' };

/** The name under which a context of ours is posted. */
export function postedContext(context: string, mode: StatusMode): string {
  return mode.kind === 'prefix' ? `${mode.prefix}${context}` : context;
}

/** The name under which approvals are remembered. */
export function postedApproval(mode: StatusMode): string {
  return postedContext(approvalContext, mode);
}

/** Inverse of the two, for statuses by our own account. In shadow mode what has no prefix is the present CI's. */
export function meaningOf(posted: string, mode: StatusMode): ContextMeaning {
  if (mode.kind === 'none') return { kind: 'foreign' };
  const prefix = mode.kind === 'prefix' ? mode.prefix : '';
  if (!posted.startsWith(prefix)) return { kind: 'foreign' };
  const context = posted.slice(prefix.length);
  return context === approvalContext ? { kind: 'approval' } : { kind: 'check', context };
}

/** What people set by hand to have a context tested: a pending status whose description ends so. */
export function isDirectTrigger(state: string, description: string | null): boolean {
  return state === 'PENDING' && description !== null && /\(direct trigger\)\s*$/.test(description);
}

/**
 * The reactions by which we know that a request was answered, as REST writes them. A server beside another one, perhaps of the
 * same account, must not take the other's answers for its own, nor make the other believe that it answered.
 */
export function answerReactions(
  mode: StatusMode,
): Readonly<Record<'done' | 'refused', 'rocket' | 'confused' | 'eyes'>> {
  return mode.kind === 'prefix' ? { done: 'eyes', refused: 'eyes' } : { done: 'rocket', refused: 'confused' };
}
