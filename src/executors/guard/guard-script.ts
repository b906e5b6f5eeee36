import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from './guard-state.ts';

let read: { readonly text: string; readonly name: string } | null = null;

/** As it was when this process first started a run: one version of ours starts one version of it. */
function script(): { readonly text: string; readonly name: string } {
  if (read === null) {
    const text = readFileSync(join(import.meta.dirname, 'guard.sh'), 'utf8');
    const hash = createHash('sha256').update(text).digest('hex').slice(0, 12);
    read = { text, name: `guard-${hash}.sh` };
  }
  return read;
}

/**
 * The guard's script as a file in `dir` that nobody changes any more, and its path: a shell reads its script as it goes, so one
 * in the checkout would change below a running guard by an update. Those of other versions are removed; who runs one has it open.
 */
export async function placeGuardScript(dir: string): Promise<string> {
  const { name, text } = script();
  const path = join(dir, name);
  if (existsSync(path)) return path;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await writeWhole(path, text);
  for (const other of await readdir(dir)) {
    if (other.startsWith('guard-') && other !== name) await unlink(join(dir, other)).catch(() => undefined);
  }
  return path;
}
