import type { Clock } from '../base/clock.ts';
import type { LiveAttempt } from '../ledger/ledger.ts';

/** An attempt without a beat for so long while we listened is lost (R3). */
export const silenceMs = 60_000;

/**
 * Who has been silent while we listened (R3). Everything here is our own monotonic receive time. After a start or a
 * reconnect nobody is silent before `listening` was called, and then everybody has a fresh 60 s.
 */
export interface Silence {
  heard(nonce: string): void;
  /** We hear everything from now on. */
  listening(): void;
  /** We may miss things. */
  deaf(): void;
  isListening(): boolean;
  /** Those of the live attempts that are to be given up. Forgets who is not live any more. */
  silent(live: readonly LiveAttempt[]): readonly LiveAttempt[];
}

export function createSilence(clock: Clock): Silence {
  const heardAt = new Map<string, number>();
  let since: number | null = null;
  return {
    heard(nonce) {
      heardAt.set(nonce, clock.monotonic());
    },
    listening() {
      since = clock.monotonic();
    },
    deaf() {
      since = null;
    },
    isListening: () => since !== null,
    silent(live) {
      const nonces = new Set(live.map((attempt) => attempt.nonce));
      for (const nonce of heardAt.keys()) if (!nonces.has(nonce)) heardAt.delete(nonce);
      const from = since;
      if (from === null) return [];
      const now = clock.monotonic();
      return live.filter((attempt) => now - Math.max(from, heardAt.get(attempt.nonce) ?? from) > silenceMs);
    },
  };
}
