import type { Clock } from '../base/clock.ts';
import type { LiveAttempt } from '../ledger/ledger.ts';

/** An attempt without a beat for so long while we listened is lost (R3). */
export const silenceMs = 60_000;

/**
 * Who has been silent while we listened (R3). Everything here is our own monotonic receive time. After a start or a
 * reconnect nobody is silent before `listening` was called, and then everybody has a fresh 60 s.
 */
export interface Silence {
  /** This worker said that it has this attempt. Of what is another one's it keeps nothing alive. */
  heard(worker: string, nonce: string): void;
  /** We hear everything from now on. */
  listening(): void;
  /** We may miss things. */
  deaf(): void;
  isListening(): boolean;
  /** Those of the live attempts that are to be given up. Forgets who is not live any more. */
  silent(live: readonly LiveAttempt[]): readonly LiveAttempt[];
}

/** A holding as its owner speaks of it. */
const keyOf = ({ worker, nonce }: Pick<LiveAttempt, 'worker' | 'nonce'>): string => `${nonce} ${worker}`;

export function createSilence(clock: Clock): Silence {
  const heardAt = new Map<string, number>();
  let since: number | null = null;
  return {
    heard(worker, nonce) {
      heardAt.set(keyOf({ worker, nonce }), clock.monotonic());
    },
    listening() {
      since = clock.monotonic();
    },
    deaf() {
      since = null;
    },
    isListening: () => since !== null,
    silent(live) {
      const keys = new Set(live.map(keyOf));
      for (const key of heardAt.keys()) if (!keys.has(key)) heardAt.delete(key);
      const from = since;
      if (from === null) return [];
      const now = clock.monotonic();
      return live.filter((attempt) => now - Math.max(from, heardAt.get(keyOf(attempt)) ?? from) > silenceMs);
    },
  };
}
