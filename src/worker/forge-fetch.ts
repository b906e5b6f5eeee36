import { isDeepStrictEqual } from 'node:util';
import { errorLine } from '../base/errors.ts';
import { checkedOut } from '../core/job.ts';
import type { Subject } from '../core/subject.ts';
import type { Holding } from '../core/worker-message.ts';
import { isFetchRefusal } from './fetch-refusal.ts';
import type { RunAttemptTools } from './run-attempt.ts';

/**
 * Asks the forge of a subject for the git configuration to fetch it with (see `GitCall.config`); null: none is needed. `isRefused`:
 * what it gave before was not taken; it may answer the same.
 */
export type AskForge = (
  subject: Subject,
  signal: AbortSignal,
  isRefused?: boolean,
) => Promise<Readonly<Record<string, string>> | null>;

/**
 * Fetching with what the forge itself gives to this worker. What was withdrawn before its end is only known to be so when git is
 * refused: the forge is then asked once more, and the fetch goes on with other credentials where it has some.
 */
export function fetchByForge(
  { envelope }: Pick<Holding, 'envelope'>,
  askForge: AskForge,
): Required<Pick<RunAttemptTools, 'fetchCredentials' | 'otherCredentials' | 'fetchHint'>> {
  const subject = checkedOut(envelope.job);
  const mayRead = `groundcrew's App or token has to be one that may read ${subject.repo}`;
  let first: Readonly<Record<string, string>> | null = null;
  let hint: string | null = null;
  return {
    async fetchCredentials(asked, signal) {
      first = await askForge(asked, signal);
      return first;
    },
    async otherCredentials(detail, signal) {
      if (first === null || !isFetchRefusal(detail)) return null;
      try {
        const other = await askForge(subject, signal, true);
        const isOther = other !== null && !isDeepStrictEqual(other, first);
        hint = isOther
          ? `new credentials were refused as well; ${mayRead}`
          : `there are no other credentials; ${mayRead}`;
        return isOther ? other : null;
      } catch (error) {
        // As before its first credentials: the machinery's fault, and the checkout is what broke.
        hint = `there are no other credentials: ${errorLine(error)}`;
        return null;
      }
    },
    fetchHint: (detail) => (isFetchRefusal(detail) ? hint : null),
  };
}
