import { randomBytes } from 'node:crypto';

/** Randomness as an argument, so that a seed can repeat a whole run. */
export interface Random {
  /** `byteCount` random bytes as lower-case hex. */
  hex(byteCount: number): string;
  /** Uniform in [0, 1). */
  fraction(): number;
}

/** The operating system's randomness. */
export const systemRandom: Random = {
  hex: (byteCount) => randomBytes(byteCount).toString('hex'),
  fraction: () => randomBytes(4).readUInt32BE() / 2 ** 32,
};
