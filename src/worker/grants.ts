import { sleep, type Clock } from '../base/clock.ts';
import type { Grant, GrantKind } from '../core/grant.ts';
import type { JobEnvelope } from '../core/job-envelope.ts';

/** Asked for so often until it is there, and when it runs out (ms). */
const askEveryMs = 15_000;

/** What the server gave to one attempt, for those who use it. In memory only: never on a disk, in a log or in a container. */
export interface AttemptGrants {
  /** The one in force; null: none yet, or it has run out. */
  now(): Grant | null;
  /** The one in force, as soon as there is one; null: the signal aborted first. */
  wait(signal: AbortSignal): Promise<Grant | null>;
  /** What this one is for, the store or (`of`) the forge, refuses it: another one is asked for at once. */
  refuse(grant: Grant, of?: GrantKind): void;
  /** There will be no fetch any more: nobody who is over is answered while it asks for one, and its log would wait for ever. */
  forgoFetch(): void;
}

/** Holds the grant of one attempt and sees to its renewal. */
export interface GrantKeeper extends AttemptGrants {
  /** The answer can be heard from now on: asks for what is missing. */
  listened(): void;
  take(grant: Grant): void;
  /** Nothing more is needed. Twice is harmless. */
  end(): void;
}

/**
 * Asks until there is a grant, and anew when a quarter of its time is left. The claim itself is the first question; for who is
 * resumed (`isResumed`) it is asked as soon as somebody listens. What is for the checkout alone (`fetch`) is not renewed.
 */
export function createGrantKeeper(deps: {
  readonly envelope: JobEnvelope;
  readonly isResumed: boolean;
  readonly ask: (wants: readonly GrantKind[], isFetchRefused: boolean) => void;
  readonly clock: Clock;
  readonly life: AbortSignal;
}): GrantKeeper {
  const { envelope, clock, life } = deps;
  const kinds = envelope.grants ?? [];
  const isRenewed = kinds.includes('store');
  /** The checkout is begun with the first one. */
  let isBegun = deps.isResumed;
  let isFetchRefused = false;
  const ask = (): void => {
    deps.ask(isBegun ? ['store'] : kinds, isFetchRefused);
  };
  const over = new AbortController();
  const signal = AbortSignal.any([life, over.signal]);
  const waiting = new Set<(grant: Grant) => void>();
  let held: { readonly grant: Grant; readonly until: number } | null = null;
  const leftMs = (): number => (held === null ? 0 : held.until - clock.monotonic());
  const now = (): Grant | null => (held !== null && leftMs() > 0 ? held.grant : null);
  const isWanted = (): boolean => held === null || (isRenewed && leftMs() < held.grant.validMs / 4);
  const askIfWanted = (): void => {
    if (!signal.aborted && isWanted()) ask();
  };

  void (async () => {
    while (!signal.aborted) {
      await sleep(clock, askEveryMs, signal);
      askIfWanted();
    }
  })();

  return {
    listened: askIfWanted,
    now,
    wait(stop) {
      const found = now();
      if (found !== null || stop.aborted) return Promise.resolve(found);
      return new Promise((resolve) => {
        const done = (grant: Grant | null): void => {
          waiting.delete(done);
          stop.removeEventListener('abort', onStop);
          resolve(grant);
        };
        const onStop = (): void => {
          done(null);
        };
        waiting.add(done);
        stop.addEventListener('abort', onStop, { once: true });
      });
    },
    refuse(grant, of = 'store') {
      if (held?.grant !== grant || signal.aborted) return;
      held = null;
      if (of === 'fetch') {
        isBegun = false;
        isFetchRefused = true;
      }
      ask();
    },
    forgoFetch() {
      isBegun = true;
      isFetchRefused = false;
    },
    take(grant) {
      isBegun = true;
      isFetchRefused = false;
      held = { grant, until: clock.monotonic() + grant.validMs };
      for (const tell of [...waiting]) tell(grant);
    },
    end() {
      over.abort();
      held = null;
    },
  };
}
