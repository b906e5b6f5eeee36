import type { Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';

/** Pauses between tries that fail (ms): the first, doubled up to the last. */
const [firstPauseMs, mostPauseMs] = [2_000, 30_000];
/** Nobody has asked for so long (ms): there is no job of it any more, and nothing to say of it. */
const forgetMs = 120_000;
/** Characters of a reason, which stands in lists and in statuses. */
const mostWhy = 200;

interface State {
  isTrying: boolean;
  /** Monotonic; null: it never worked, or failed since. */
  okAt: number | null;
  why: string | null;
  failures: number;
  nextAt: number;
  askedAt: number;
}

/** What can be had now, of things that are tried in the background. A key names a thing. */
export interface GrantTrials {
  /** Waits for nothing: true when it worked lately. Begins a try where one is due, so the first answer is mostly false. */
  canGive(key: string): boolean;
  /** It was used in earnest, with this end; null: it worked. */
  ended(key: string, error: unknown): void;
  /** What failed last, of what somebody asked for lately. */
  failing(): readonly { readonly key: string; readonly why: string }[];
}

/**
 * Keeps in mind whether something can be granted, so that no job leaves that would have to come back. What worked is tried again after
 * `freshMs`, and believed for twice as long; what fails after pauses that grow.
 * `onTurn` hears when something works (again), fails, or fails in another way.
 */
export function createGrantTrials(deps: {
  readonly trial: (key: string) => Promise<unknown>;
  readonly freshMs: number;
  readonly clock: Clock;
  readonly onTurn: (key: string, why: string | null) => void;
}): GrantTrials {
  const { trial, freshMs, clock, onTurn } = deps;
  const states = new Map<string, State>();

  const stateOf = (key: string): State => {
    const known = states.get(key);
    if (known !== undefined) return known;
    const made: State = { isTrying: false, okAt: null, why: null, failures: 0, nextAt: 0, askedAt: clock.monotonic() };
    states.set(key, made);
    return made;
  };
  const ended = (key: string, error: unknown): void => {
    const state = stateOf(key);
    const now = clock.monotonic();
    const before = { isOk: state.okAt !== null, why: state.why };
    if (error === null) {
      Object.assign(state, { okAt: now, why: null, failures: 0, nextAt: now + freshMs });
      if (!before.isOk) onTurn(key, null);
      return;
    }
    const why = errorLine(error).slice(0, mostWhy);
    const pauseMs = Math.min(mostPauseMs, firstPauseMs * 2 ** Math.min(state.failures, 10));
    Object.assign(state, { okAt: null, why, failures: state.failures + 1, nextAt: now + pauseMs });
    if (before.why !== why) onTurn(key, why);
  };
  return {
    canGive(key) {
      const state = stateOf(key);
      const now = clock.monotonic();
      state.askedAt = now;
      if (!state.isTrying && (now >= state.nextAt || (state.okAt === null && state.why === null))) {
        state.isTrying = true;
        trial(key)
          .then(
            () => {
              ended(key, null);
            },
            (error: unknown) => {
              ended(key, error);
            },
          )
          .finally(() => {
            state.isTrying = false;
          });
      }
      return state.okAt !== null && now - state.okAt < 2 * freshMs;
    },
    ended,
    failing() {
      const now = clock.monotonic();
      for (const [key, { askedAt, isTrying }] of states) {
        if (!isTrying && now - askedAt >= forgetMs) states.delete(key);
      }
      return [...states].flatMap(([key, { why }]) => (why === null ? [] : [{ key, why }]));
    },
  };
}
