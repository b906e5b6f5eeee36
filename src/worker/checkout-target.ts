import { constants, copyFileSync, readdirSync, statfsSync } from 'node:fs';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DiskWalk } from '../base/disk-walk.ts';
import type { ExecResult } from '../base/exec.ts';
import { type Git, type GitCall, gitComplaint } from '../base/git.ts';
import { type MirrorView, readFailure } from '../base/git-mirror.ts';
import {
  listPacks,
  objectFormatOf,
  type PackedRef,
  readPackedRefs,
  writeEmptyRepository,
} from '../base/git-mirror-files.ts';
import { isBranchName, isLocalPath, shownRemote } from '../base/git-names.ts';
import { writeSmallFile } from '../base/small-file.ts';

/** A checkout that is being made: its own repository, which reads objects from the mirror until it has its own. */
export interface Target {
  readonly git: Git;
  readonly view: MirrorView;
  readonly dir: string;
  readonly gitDir: string;
  readonly signal: AbortSignal;
  /** Private memory of each git: a tree of trees of trees can name 10^10 files in 1 kB. */
  readonly memoryBytes: number;
}

/** Up to this size the whole history is copied; beyond it the checkout is shallow. Bytes of packs. */
const mostCopiedBytes = 48 * 1024 * 1024;
/** Commits of history in a shallow checkout. */
const shallowCommits = 100;
/** Bytes of packs that are copied in place: a trip through the thread pool costs more. */
const littleBytes = 512 * 1024;
/** Files beyond this are streamed rather than held in memory. */
const streamedFiles = { 'core.bigFileThreshold': '64m' };

/** Makes the empty repository of a checkout. */
export async function createTarget(options: {
  readonly git: Git;
  readonly view: MirrorView;
  readonly dir: string;
  readonly remote: string;
  readonly signal: AbortSignal;
  readonly memoryBytes: number;
}): Promise<Target> {
  const { git, view, dir, remote, signal, memoryBytes } = options;
  const gitDir = join(dir, '.git');
  // A second attempt begins from nothing.
  for (const name of readdirSync(dir)) await rm(join(dir, name), { recursive: true, force: true });
  const [sha = ''] = view.commits.keys();
  writeEmptyRepository(gitDir, { format: objectFormatOf(sha), isBare: false, extraConfig: remoteConfig(remote) });
  return { git, view, dir, gitDir, signal, memoryBytes };
}

/** git on the checkout's repository, with the mirror's objects in reach. */
export function gitIn(target: Target, args: readonly string[], extra: Partial<GitCall> = {}): Promise<ExecResult> {
  const mirrorObjects = join(target.view.gitDir, 'objects').replace(/["\\]/g, '\\$&');
  return target.git.run(args, {
    gitDir: target.gitDir,
    workTree: target.dir,
    cwd: target.dir,
    signal: target.signal,
    timeoutMs: 30 * 60_000,
    memoryBytes: target.memoryBytes,
    config: streamedFiles,
    ...extra,
    env: { GIT_ALTERNATE_OBJECT_DIRECTORIES: `"${mirrorObjects}"`, ...extra.env },
  });
}

/** Writes the files of a tree and the index. Null when done; otherwise why only the change can mend it. */
export async function writeTree(target: Target, treeSha: string): Promise<string | null> {
  const result = await gitIn(target, ['read-tree', '--reset', '-u', treeSha], {
    config: { ...streamedFiles, 'checkout.workers': '0' },
  });
  if (result.exitCode === 0) return null;
  // `.git` in disguise, or a name that no file system takes. git refused before it wrote outside.
  const complaint = gitComplaint(result);
  if (
    /invalid path|File name too long|Not a directory|Out of memory|out of memory/.test(result.stderr.toString('latin1'))
  ) {
    return `git refuses to check out this commit: ${complaint}`;
  }
  throw readFailure('read-tree', result);
}

/** The commit that is checked out, on no branch. */
export function writeHead(target: Target, sha: string): void {
  writeSmallFile(join(target.gitDir, 'HEAD'), `${sha}\n`, 0o666);
}

/**
 * Gives the checkout objects and refs of its own, so that git works in it where the mirror is not: the job may write to
 * these files, so they are copies and never hard links. All history and tags while that is cheap, else the newest commits.
 */
export async function fillTarget(
  target: Target,
  refs: { readonly testedSha: string; readonly baseSha: string | null; readonly baseRef: string },
): Promise<void> {
  const tags = [...(await readPackedRefs(target.view.gitDir))].filter(([name]) => name.startsWith('refs/tags/'));
  const isBaseThere = refs.baseSha !== null && target.view.commits.has(refs.baseSha);
  const own: [string, PackedRef][] =
    refs.baseSha !== null && isBaseThere && isBranchName(refs.baseRef)
      ? [[`refs/remotes/origin/${refs.baseRef}`, { sha: refs.baseSha, peeledSha: refs.baseSha }]]
      : [];
  const packs = listPacks(target.view.gitDir);
  const totalBytes = packs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (totalBytes <= mostCopiedBytes) {
    await copyPacks(target, packs);
    writeRefs(target, [...own, ...tags]);
    return;
  }
  const tips = [refs.testedSha, ...own.map(([, { sha }]) => sha)];
  const args = ['rev-list', '--parents', `--max-count=${shallowCommits}`, '--end-of-options', ...tips];
  const listed = await gitIn(target, args);
  if (listed.exitCode !== 0) throw readFailure('rev-list', listed);
  const lines = listed.stdout
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '');
  const inside = new Set(lines.map(firstWord));
  const edge = lines.filter((line) => line.split(' ').some((sha) => !inside.has(sha))).map(firstWord);
  const ownInside = own.filter(([, { sha }]) => inside.has(sha));
  const tagsInside = tags.filter(([, { peeledSha }]) => inside.has(peeledSha));
  const input = [
    ...edge.map((sha) => `--shallow ${sha}`),
    refs.testedSha,
    ...[...ownInside, ...tagsInside].map(([, { sha }]) => sha),
  ];
  const packed = await gitIn(target, ['pack-objects', '-q', '--revs', join(target.gitDir, 'objects/pack/pack')], {
    input: `${input.join('\n')}\n`,
  });
  if (packed.exitCode !== 0) throw readFailure('pack-objects', packed);
  if (edge.length > 0) writeSmallFile(join(target.gitDir, 'shallow'), edge.map((sha) => `${sha}\n`).join(''), 0o666);
  writeRefs(target, [...ownInside, ...tagsInside]);
}

async function copyPacks(target: Target, listed: Awaited<ReturnType<typeof listPacks>>): Promise<void> {
  const dir = join(target.gitDir, 'objects/pack');
  for (let tries = 1; ; tries += 1) {
    try {
      const packs = tries === 1 ? listed : listPacks(target.view.gitDir);
      const files = packs.flatMap(({ base }) => [`${base}.pack`, `${base}.idx`]);
      const isLittle = packs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) <= littleBytes;
      const copies = files.map((file) => [file, join(dir, basename(file)), constants.COPYFILE_FICLONE] as const);
      if (isLittle) for (const copy of copies) copyFileSync(...copy);
      else await Promise.all(copies.map((copy) => copyFile(...copy)));
      return;
    } catch (error) {
      // A neighbour tidied the mirror in between; what was copied stays valid.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === 3) throw error;
      await mkdir(dir, { recursive: true });
    }
  }
}

function writeRefs(target: Target, refs: readonly (readonly [string, PackedRef])[]): void {
  if (refs.length === 0) return;
  const lines = refs.map(([name, { sha }]) => `${sha} ${name}\n`);
  writeSmallFile(join(target.gitDir, 'packed-refs'), lines.join(''), 0o666);
}

/** `origin` for tests that look at it; a path of this machine means nothing in a container. */
function remoteConfig(remote: string): string {
  if (isLocalPath(remote)) return '';
  const value = shownRemote(remote).replace(/["\\]/g, '\\$&');
  return `[remote "origin"]\n\turl = "${value}"\n\tfetch = +refs/heads/*:refs/remotes/origin/*`;
}

/** Why the disk guard stopped the work, if it did. */
export type DiskVerdict = 'fine' | 'too-large' | 'disk-full';

/**
 * Watches the free space while a tree is written; `signal` aborts when it falls too low or the tree grows too large.
 * `measure` says at the end what a look now and then may have missed, and aborts as well.
 */
export function guardDisk(
  dir: string,
  limits: { readonly keepFreeBytes: number; readonly maxBytes: number | null },
): { readonly signal: AbortSignal; measure(): Promise<void>; verdict(): Promise<DiskVerdict>; stop(): void } {
  const controller = new AbortController();
  let firstFree: number | null = null;
  let isLow = false;
  const look = async (): Promise<void> => {
    const { bavail, bsize } = statfsSync(dir);
    const free = bavail * bsize;
    firstFree ??= free;
    isLow = free < limits.keepFreeBytes;
    const most = limits.maxBytes ?? Infinity;
    // Others write to this disk too: only our own bytes count.
    if (isLow || (firstFree - free > most && (await sizeOf(dir)) > most)) controller.abort();
  };
  const timer = setInterval(() => {
    look().catch(() => undefined);
  }, 250);
  timer.unref();
  look().catch(() => undefined);
  return {
    signal: controller.signal,
    stop: () => {
      clearInterval(timer);
    },
    measure: async () => {
      if (limits.maxBytes !== null && (await sizeOf(dir)) > limits.maxBytes) controller.abort();
      controller.signal.throwIfAborted();
    },
    verdict: async () => {
      if (!controller.signal.aborted) return 'fine';
      const isTooLarge = limits.maxBytes !== null && (await sizeOf(dir)) > limits.maxBytes;
      return isTooLarge ? 'too-large' : isLow ? 'disk-full' : 'fine';
    },
  };
}

/** Bytes on disk below a directory, without following links. */
async function sizeOf(dir: string): Promise<number> {
  const walk = new DiskWalk([dir]);
  await walk.goOn(() => performance.now(), Number.POSITIVE_INFINITY);
  return walk.bytes;
}

function firstWord(line: string): string {
  const end = line.indexOf(' ');
  return end < 0 ? line : line.slice(0, end);
}
