import type { Clock } from '../../../base/clock.ts';

/** One that was made because the last one was refused is given for so long, whoever says that it is refused, too (ms). */
const replacementForMs = 10_000;

/** Which tokens were just made anew because the last one was refused, by any key that names one. */
export interface Replacements {
  /** Whether who was refused gets another one made; false: one was just made, perhaps for somebody else. */
  isDue(key: string): boolean;
  made(key: string): void;
}

/** Those who were refused together with one token share its replacement, and one that is refused as well is not replaced at once. */
export function createReplacements(clock: Clock): Replacements {
  /** Epoch ms. */
  const madeAt = new Map<string, number>();
  return {
    isDue: (key) => clock.now() - (madeAt.get(key) ?? -Infinity) >= replacementForMs,
    made(key) {
      madeAt.set(key, clock.now());
    },
  };
}
