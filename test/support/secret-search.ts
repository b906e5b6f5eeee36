import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Every text in which a secret that is sent as a password of HTTP may stand somewhere. */
export function formsOfPassword(username: string, password: string): readonly string[] {
  const pair = `${username}:${password}`;
  return [password, ...['base64', 'base64url', 'hex'].map((code) => Buffer.from(pair).toString(code as 'base64'))];
}

/** The files below `dir` in which one of these texts stands; links are not followed. */
export function filesWith(texts: readonly string[], dir: string): readonly string[] {
  return filesBelow(dir).filter((file) => {
    try {
      const bytes = readFileSync(file);
      return texts.some((text) => bytes.includes(text));
    } catch {
      // It has gone meanwhile.
      return false;
    }
  });
}

/** What was to be seen of every process of this machine, while it was looked at. */
export interface ProcessWatch {
  /** Arguments and environments that were seen, each once. */
  readonly seen: ReadonlySet<string>;
  /** One more look, now. */
  look(): void;
  stop(): void;
}

const everyMs = 5;

/** Looks at all processes again and again, but at this one. */
export function watchProcesses(): ProcessWatch {
  const seen = new Set<string>();
  const look = (): void => {
    for (const pid of readdirSync('/proc')) {
      if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
      for (const file of ['cmdline', 'environ']) {
        try {
          seen.add(`${file} ${readFileSync(`/proc/${pid}/${file}`, 'latin1').replaceAll('\0', '\n')}`);
        } catch {
          // It has ended.
        }
      }
    }
  };
  const timer = setInterval(look, everyMs);
  return {
    seen,
    look,
    stop() {
      clearInterval(timer);
    },
  };
}

function filesBelow(dir: string): readonly string[] {
  let entries: readonly Dirent[];
  try {
    entries = readdirSync(dir, { withFileTypes: true });
  } catch {
    return [];
  }
  return entries.flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}
