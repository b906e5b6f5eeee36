import { findInTree } from './tree-file.ts';

/** What a repository runs when nobody configured it; the first that is there counts. */
export const entryPoints = ['.groundcrew/run', '.cockpit-ci/run', 'test/run'] as const;

/** What to run. `none` and `bad` are the change's failure `nothing-to-run`; `detail` is one line that says what to do. */
export type EntryPoint =
  | { readonly kind: 'command'; readonly command: readonly [string] }
  | { readonly kind: 'none'; readonly detail: string }
  | { readonly kind: 'bad'; readonly detail: string };

/** Finds the entry point of a fresh checkout. The command's path is relative to the checkout. */
export async function findEntryPoint(treeDir: string): Promise<EntryPoint> {
  for (const name of entryPoints) {
    const found = await findInTree(treeDir, name);
    if (found.kind === 'missing') continue;
    if (found.kind === 'unusable') return { kind: 'bad', detail: `${name} is ${found.why}` };
    if (!found.isExecutable) {
      return { kind: 'bad', detail: `${name} is not executable: run "git update-index --chmod=+x ${name}" and commit` };
    }
    return { kind: 'command', command: [`./${name}`] };
  }
  const [first, ...others] = entryPoints;
  return { kind: 'none', detail: `commit an executable ${first} (or ${others.join(', ')})` };
}
