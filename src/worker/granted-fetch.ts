import { GroundcrewError } from '../base/errors.ts';
import { gitCredential } from '../base/git-credential.ts';
import type { Holding } from '../core/worker-message.ts';
import type { AttemptGrants } from './grants.ts';
import type { RunAttemptTools } from './run-attempt.ts';

/**
 * Fetching with what the server granted: git gets it as configuration in its environment, for the server of the repository alone
 * (`gitCredential`), so it stands in no argument and no file, and goes with no redirect.
 */
export function fetchWithGrant(
  { envelope }: Pick<Holding, 'envelope'>,
  grants: AttemptGrants,
): Required<Pick<RunAttemptTools, 'fetchCredentials' | 'fetchHint'>> {
  let hint: string | null = null;
  const fetchCredentials: NonNullable<RunAttemptTools['fetchCredentials']> = async (_subject, signal) => {
    const grant = await grants.wait(signal);
    if (grant === null) throw new GroundcrewError('worker/no-grant', 'the server has not said how to fetch it');
    const { fetch } = grant;
    hint = grant.fetchHint ?? null;
    if (fetch === null || !URL.canParse(envelope.cloneUrl)) return null;
    const { origin, protocol } = new URL(envelope.cloneUrl);
    if (protocol !== 'https:' && protocol !== 'http:') return null;
    return gitCredential(origin, fetch);
  };
  // Git's own words for a server that wants a password, or shows nothing to strangers.
  const isRefusal = /could not read Username|Authentication failed|not found|\b40[134]\b/i;
  return { fetchCredentials, fetchHint: (detail) => (hint !== null && isRefusal.test(detail) ? hint : null) };
}
