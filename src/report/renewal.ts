import type { Clock } from '../base/clock.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { WaitingShown } from '../ledger/report-due.ts';
import type { AskWaiting } from './ask-waiting.ts';

/** A tenth of the 500 writes that GitHub takes in an hour (design §1.7). */
const mostInAnHour = 50;
const hourMs = 3_600_000;
/** What was said so lately (ms) is not said anew: workers come and go. */
const freshMs = 10 * 60_000;
/** So many are looked at in one go, and the next ones after this pause (ms). */
const batch = 50;
const lookEveryMs = 60_000;

/** A status to be said anew, because what its job waits for has become something else. */
export interface Renewal {
  readonly shown: WaitingShown;
  readonly why: string;
}

/** Looks for waiting jobs of a forge whose status tells an old reason. */
export interface Renewer {
  /** The next one, or null for now. */
  next(): Promise<Renewal | null>;
  /** It was said. */
  count(): void;
}

/**
 * The second and last word before the verdict may go to a reason that people can do something about: no worker comes. That
 * its turn in the queue comes nearer is on the page; the word is kept for the start of the tests.
 */
export function createRenewer(
  forge: string,
  deps: { readonly ledger: Ledger; readonly clock: Clock; readonly askWaiting: AskWaiting },
): Renewer {
  const { ledger, clock, askWaiting } = deps;
  let said: readonly number[] = [];
  let after = 0;
  let lookAt = clock.monotonic() + lookEveryMs;
  return {
    async next() {
      const now = clock.monotonic();
      said = said.filter((at) => at > now - hourMs);
      if (now < lookAt || said.length >= mostInAnHour) return null;
      const found = await ledger.shownWaiting(forge, clock.now() - freshMs, after, batch);
      for (const shown of found) {
        const reason = shown.about.kind === 'job' ? await askWaiting(shown.about.standing.jobId) : null;
        if (
          reason?.isBlocked === true &&
          !withoutNumbers(shown.said.sentence).includes(withoutNumbers(reason.sentence))
        )
          return { shown, why: reason.sentence };
        after = shown.postedAt;
      }
      if (found.length < batch) after = 0;
      lookAt = now + lookEveryMs;
      return null;
    },
    count() {
      said = [...said, clock.monotonic()];
    },
  };
}

function withoutNumbers(sentence: string): string {
  return sentence.replace(/\d+/g, '');
}
