import { nearestFew } from '../base/nearest.ts';
import type { Plan } from '../core/snapshot.ts';
import { contextMatcher } from './context-filter.ts';

const mostNear = 3;

/**
 * Why these names or patterns of contexts mean nothing for a change, in one sentence with the nearest names; null: each means
 * something. `where` is the change, for people.
 */
export function noSuchCheck(plan: Plan, patterns: readonly string[], where: string): string | null {
  if (patterns.length === 0) return null;
  if (plan.kind === 'nothing') return `${where}: ${plan.sentence}`;
  const contexts = plan.checks.map(({ context }) => context);
  const wanted = patterns.filter((pattern) => !pattern.startsWith('!'));
  const unknown = wanted.find((pattern) => !contexts.some(contextMatcher(pattern)));
  if (unknown === undefined) return null;
  const leftOut = plan.leftOut?.find(({ context }) => contextMatcher(unknown)(context));
  if (leftOut !== undefined) return `${leftOut.context} cannot run at ${where}: ${leftOut.why}`;
  if (contexts.length === 0) return `no check is configured for ${where}`;
  const near = nearestFew(unknown, contexts, mostNear);
  const hint = near.length > 0 ? `did you mean ${near.join(', ')}?` : `there is ${few(contexts)}`;
  return `${where} has no check ${unknown}; ${hint}`;
}

function few(contexts: readonly string[]): string {
  const rest = contexts.length - mostNear;
  return `${contexts.slice(0, mostNear).join(', ')}${rest > 0 ? ` and ${String(rest)} more` : ''}`;
}
