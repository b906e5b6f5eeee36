import type { ActorSeen } from '../read/view-query.ts';

/**
 * The login as REST and people write it: an App's with `[bot]`, which GraphQL leaves out and nobody can register. `ghost` is
 * GitHub's own name for an account that is gone.
 */
export function loginOf(actor: ActorSeen): string {
  if (actor === null) return 'ghost';
  const isBare = actor.__typename === 'Bot' && !actor.login.endsWith('[bot]');
  return isBare ? `${actor.login}[bot]` : actor.login;
}

/** True when both name the same account. */
export function isSamePerson(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
