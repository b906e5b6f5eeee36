import type { AttemptDetail, RunDetail } from '../ledger/ledger-reader.ts';

/** `<generation>.<n>-<8 digits of the nonce>`: names one holding of one attempt in addresses. */
export function attemptName(attempt: Pick<AttemptDetail, 'generation' | 'n' | 'nonce'>): string {
  return `${attempt.generation}.${attempt.n}-${attempt.nonce.slice(0, 8)}`;
}

/** Attempts that have begun to write something, oldest first. */
export function startedAttempts(run: RunDetail): readonly AttemptDetail[] {
  return run.attempts.filter(({ nonce, storePrefix }) => nonce !== '' && storePrefix !== '');
}

/**
 * The attempt of that name. Without a name, the one that a reader wants to see: the accepted one, else the latest that
 * owns its number, else the latest. Null when there is none.
 */
export function findAttempt(run: RunDetail, name: string | undefined): AttemptDetail | null {
  const attempts = startedAttempts(run);
  if (name !== undefined && name !== '') return attempts.find((attempt) => attemptName(attempt) === name) ?? null;
  const latest = attempts.filter(({ generation }) => generation === run.summary.generation);
  return (
    latest.find(({ isAccepted }) => isAccepted) ?? latest.findLast(({ isOwner }) => isOwner) ?? attempts.at(-1) ?? null
  );
}
