import { GroundcrewError } from '../base/errors.ts';
import type { Holding } from '../core/worker-message.ts';
import type { AttemptGrants } from './grants.ts';
import type { RunAttemptTools } from './run-attempt.ts';

/**
 * Fetching with what the server granted: git gets it as configuration in its environment, for the host of the repository alone
 * (`GitCall.config`), so it stands in no argument and no file.
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
    const basic = Buffer.from(`${fetch.username}:${fetch.password}`).toString('base64');
    return { [`http.${origin}/.extraHeader`]: `Authorization: Basic ${basic}` };
  };
}
