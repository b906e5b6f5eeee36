const powers = ['', 'K', 'M', 'G', 'T', 'P'];

/** What a size looks like, for messages. */
export const sizeExample = 'a size such as 512M, 64MiB or 2G';

/**
 * Reads a size in bytes. `K M G T P`, with or without `iB`, count in 1024 (as podman and systemd do); `kB MB GB TB PB` in 1000;
 * a bare number, or `B`, is bytes. Null when the text is none, or beyond what a number holds exactly.
 */
export function parseSize(text: string): number | null {
  const match = /^(\d+)(?:B|([KMGTP])(iB|B)?|(kB))?$/i.exec(text);
  if (match?.[1] === undefined) return null;
  const power = match[4] !== undefined ? 1 : powers.indexOf((match[2] ?? '').toUpperCase());
  const suffix = (match[3] ?? (match[4] !== undefined ? 'B' : 'iB')).toLowerCase();
  const sizeBytes = Number(match[1]) * (suffix === 'b' ? 1000 : 1024) ** power;
  return Number.isSafeInteger(sizeBytes) ? sizeBytes : null;
}

/** The shortest exact text in units of 1024 that `parseSize` reads as `sizeBytes` (a whole number, not negative). */
export function formatSize(sizeBytes: number): string {
  let count = sizeBytes;
  let power = 0;
  while (count > 0 && count % 1024 === 0 && power < powers.length - 1) {
    count /= 1024;
    power += 1;
  }
  return power === 0 ? String(count) : `${String(count)}${powers[power] ?? ''}iB`;
}
