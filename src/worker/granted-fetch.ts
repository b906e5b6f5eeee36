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
): NonNullable<RunAttemptTools['fetchCredentials']> {
  return async (_subject, signal) => {
    const grant = await grants.wait(signal);
    if (grant === null) throw new GroundcrewError('worker/no-grant', 'the server has not said how to fetch it');
    const { fetch } = grant;
    if (fetch === null || !URL.canParse(envelope.cloneUrl)) return null;
    const { origin, protocol } = new URL(envelope.cloneUrl);
    if (protocol !== 'https:' && protocol !== 'http:') return null;
    return gitCredential(origin, fetch);
  };
}
