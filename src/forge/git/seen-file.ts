import { readFile, rename, writeFile } from 'node:fs/promises';

/** What was last seen of a repository: place to commit. Losing it only means that everything is told again. */
export interface SeenFile {
  /** The same map each time; change it, then `write`. */
  read(): Promise<Map<string, string>>;
  write(seen: ReadonlyMap<string, string>): Promise<void>;
}

export function createSeenFile(path: string): SeenFile {
  let known: Map<string, string> | null = null;
  return {
    async read() {
      known ??= parse(await readFile(path, 'utf8').catch(() => ''));
      return known;
    },
    async write(seen) {
      try {
        await writeFile(`${path}.part`, JSON.stringify([...seen]));
        await rename(`${path}.part`, path);
      } catch {
        // A full disk: after a restart the movements since then are told again, which is harmless.
      }
    },
  };
}

function parse(text: string): Map<string, string> {
  try {
    const value: unknown = JSON.parse(text);
    const isPair = (entry: unknown): entry is [string, string] =>
      Array.isArray(entry) && entry.length === 2 && entry.every((part) => typeof part === 'string');
    return new Map(Array.isArray(value) ? value.filter(isPair) : []);
  } catch {
    return new Map();
  }
}
