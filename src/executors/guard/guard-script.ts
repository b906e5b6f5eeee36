import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unlinkIfThere } from '../../base/unlink-if-there.ts';
import { replaceSmallFile } from '../../base/small-file.ts';
import { writtenAt } from './guard-state.ts';

// As it was when this process began: one version of ours starts one version of it. Without the lines for people, which a shell
// would read anew for each job.
const text = readFileSync(join(import.meta.dirname, 'guard.sh'), 'utf8').replace(/^[ \t]*#(?!!).*\n/gm, '');
const name = `guard-${createHash('sha256').update(text).digest('hex').slice(0, 12)}.sh`;

/** A draft that is older belongs to a process that was killed in the middle of it. */
const deadDraftMs = 60_000;
const placing = new Map<string, Promise<void>>();
/** Those that were seen to be whole: a loss of power may leave an empty file. */
const known = new Set<string>();

/**
 * The guard's script as a file in `dir` that nobody changes any more, and its path: a shell reads its script as it goes, so one
 * in the checkout would change below a running guard by an update. Those of other versions are removed; who runs one has it open.
 */
export async function placeGuardScript(dir: string): Promise<string> {
  const path = join(dir, name);
  if (known.has(path) && existsSync(path)) return path;
  // Many jobs begin at once: one of them does it.
  const under =
    placing.get(path) ??
    place(dir).finally(() => {
      placing.delete(path);
    });
  placing.set(path, under);
  await under;
  return path;
}

async function place(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const own = join(dir, name);
  if ((await readFile(own, 'utf8').catch(() => '')) !== text) replaceSmallFile(own, text);
  known.add(own);
  for (const other of await readdir(dir)) {
    if (other === name || !other.startsWith('guard-')) continue;
    const path = join(dir, other);
    const isDraft = !other.endsWith('.sh');
    if (isDraft && Date.now() - (writtenAt(path) ?? 0) < deadDraftMs) continue;
    unlinkIfThere(path);
  }
}
