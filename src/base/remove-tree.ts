import { lstat } from 'node:fs/promises';
import { exec, type ExecOptions } from './exec.ts';

/** Whether a directory is gone; `detail` says in one line what could not be removed. */
export type Removal = { readonly kind: 'removed' } | { readonly kind: 'left'; readonly detail: string };

/**
 * Removes a directory that a hostile job may have filled: deeper than a path can name, unreadable, full of links (never
 * followed), with mounts inside (never entered). `elevate` is put before a last try, for files of other users that
 * containers left (`podman unshare`). Missing is removed.
 */
export async function removeTree(
  dir: string,
  options: { readonly path?: string; readonly elevate?: readonly [string, ...string[]] } = {},
): Promise<Removal> {
  // coreutils walk with openat and unlinkat; node's own rm gives up where the path gets too long.
  const remove = ['rm', '-rf', '--one-file-system', '--', dir] as const;
  // Does not follow links that it finds on its way.
  const unlock = ['chmod', '-R', 'u+rwX', '--', dir] as const;
  const run = (argv: readonly [string, ...string[]]): ReturnType<typeof exec> => exec(argv, callOf(options));
  let said = (await run(remove)).stderr.toString('utf8');
  if (await isGone(dir)) return { kind: 'removed' };
  await run(unlock);
  said = (await run(remove)).stderr.toString('utf8') || said;
  if (await isGone(dir)) return { kind: 'removed' };
  if (options.elevate !== undefined) {
    await run([...options.elevate, ...unlock]);
    said = (await run([...options.elevate, ...remove])).stderr.toString('utf8') || said;
    if (await isGone(dir)) return { kind: 'removed' };
  }
  const detail = (said.split('\n', 1)[0] ?? '').replace(/\p{Cc}+/gu, ' ').slice(0, 300);
  return { kind: 'left', detail: detail === '' ? `${dir} could not be removed` : detail };
}

/**
 * The same for some directories at once, which costs about as much as for one of them. Each in its order, as soon as it is decided.
 * What is not gone after `togetherMs` gets a program for itself, so that one slow tree holds up the others no longer than that.
 */
export function removeTrees(
  dirs: readonly string[],
  options: { readonly togetherMs: number; readonly path?: string },
): readonly Promise<Removal>[] {
  if (dirs.length <= 1) return dirs.map((dir) => removeTree(dir, options));
  const call = { ...callOf(options), timeoutMs: options.togetherMs };
  const together = exec(['rm', '-rf', '--one-file-system', '--', ...dirs], call);
  return dirs.map(async (dir): Promise<Removal> => {
    await together;
    return (await isGone(dir)) ? { kind: 'removed' } : await removeTree(dir, options);
  });
}

function callOf(options: { readonly path?: string }): ExecOptions {
  const env = { PATH: options.path ?? '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' };
  return { env, cwd: '/', timeoutMs: 10 * 60_000, maxOutputBytes: 4096 };
}

async function isGone(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
