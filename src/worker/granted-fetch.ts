import type { Clock } from '../base/clock.ts';
import { GroundcrewError } from '../base/errors.ts';
import { gitCredential } from '../base/git-credential.ts';
import type { Grant } from '../core/grant.ts';
import type { Holding } from '../core/worker-message.ts';
import { isFetchRefusal } from './fetch-refusal.ts';
import type { AttemptGrants } from './grants.ts';
import type { RunAttemptTools } from './run-attempt.ts';

/** So long another token is waited for; the attempt is broken then, and tried again by plan. */
const anotherPatienceMs = 60_000;

/**
 * Fetching with what the server granted: git is told it on a socket, for the server of the repository alone (`gitCredential`), so
 * it stands in no argument, environment or file, and goes with no redirect.
 */
export function fetchWithGrant(
  { envelope }: Pick<Holding, 'envelope'>,
  grants: AttemptGrants,
  clock: Clock,
): Required<Pick<RunAttemptTools, 'fetchCredentials' | 'otherCredentials' | 'fetchHint'>> {
  let last: Grant | null = null;
  const credentials = ({ fetch }: Grant): Readonly<Record<string, string>> | null => {
    if (fetch === null || !URL.canParse(envelope.cloneUrl)) return null;
    const { origin, protocol } = new URL(envelope.cloneUrl);
    if (protocol !== 'https:' && protocol !== 'http:') return null;
    return gitCredential(origin, fetch);
  };
  const fetchCredentials: NonNullable<RunAttemptTools['fetchCredentials']> = async (_subject, signal) => {
    last = await grants.wait(signal);
    if (last === null) throw new GroundcrewError('worker/no-grant', 'the server has not said how to fetch it');
    return credentials(last);
  };
  return {
    fetchCredentials,
    async otherCredentials(detail, signal) {
      const refused = last?.fetch ?? null;
      if (last === null || refused === null || !isFetchRefusal(detail)) return null;
      grants.refuse(last, 'fetch');
      const over = new AbortController();
      const patience = clock.after(anotherPatienceMs, () => {
        over.abort();
      });
      const other = await grants.wait(AbortSignal.any([signal, over.signal]));
      patience.cancel();
      if (other === null) {
        grants.forgoFetch();
        return null;
      }
      last = other;
      return other.fetch?.password === refused.password ? null : credentials(other);
    },
    fetchHint: (detail) => (isFetchRefusal(detail) ? (last?.fetchHint ?? null) : null),
  };
}
