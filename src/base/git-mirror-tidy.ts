import type { Git } from './git.ts';
import { areRefsMany, areTagsLoose, listPacks, readPackedRefs, showIncoming, wantedRef } from './git-mirror-files.ts';

/** Each fetch adds one, and a checkout copies them all: two calls to the kernel and two new files each. */
const mostPacks = 10;
/** Commits that are kept by a ref. */
const mostWanted = 2000;

/**
 * Ends a fetch, under the lock: puts its tags into the one file that we read and then shows its commits, so that who sees a commit
 * sees the tags that came with it. Leaves few packs and files of refs, and not more old commits than are of use. Twice is harmless.
 * @throws GroundcrewError as `Git.text`
 */
export async function tidyMirror(
  git: Git,
  fetched: { readonly gitDir: string; readonly wants: readonly { readonly sha: string }[] },
  options: { readonly depth: number | null; readonly signal: AbortSignal },
): Promise<void> {
  const { gitDir, wants } = fetched;
  const call = { gitDir, signal: options.signal, timeoutMs: 30 * 60_000 };
  // Without --all only tags, and what has been packed before.
  if (areTagsLoose(gitDir)) await git.text(['pack-refs'], call);
  showIncoming(gitDir);
  const before = await readPackedRefs(gitDir);
  const keep = new Set(wants.map(({ sha }) => wantedRef(sha)));
  const wanted = [...before.keys()].filter((name) => name.startsWith('refs/wanted/') && !keep.has(name));
  if (wanted.length > mostWanted) {
    const listed = await git.text(['for-each-ref', '--sort=committerdate', '--format=%(refname)', 'refs/wanted'], {
      ...call,
      maxOutputBytes: 16 * 1024 * 1024,
    });
    const oldest = listed.split('\n').filter((name) => name !== '' && !keep.has(name));
    const drop = oldest.slice(0, oldest.length - mostWanted / 4);
    await git.text(['update-ref', '--stdin'], {
      ...call,
      input: drop.map((name) => `delete ${name}\n`).join(''),
    });
    // Younger garbage stays: a neighbour may be reading it.
    await git.run(['gc', '--quiet', '--prune=2.days.ago'], call);
  } else if (listPacks(gitDir).length > mostPacks) {
    await git.run(['repack', '-d', '-q', ...(options.depth === null ? ['--geometric=2'] : ['-a'])], call);
  }
  if (areRefsMany(gitDir)) await git.text(['pack-refs', '--all'], call);
}
