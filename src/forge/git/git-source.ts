import { access, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorLine, GroundcrewError, isGroundcrewError } from '../../base/errors.ts';
import { type Git, gitComplaint, gitFailure, plain } from '../../base/git.ts';
import type { GitMirrors } from '../../base/git-mirror.ts';
import { assertSafeRemote, isLocalPath, isObjectId, isRefName, shownRemote } from '../../base/git-names.ts';

/** The refs of a repository that may be places, and where its HEAD points. */
export interface RefsSeen {
  /** Full name (`refs/heads/…`, `refs/pull/…/head`) to object id. */
  readonly refs: ReadonlyMap<string, string>;
  /** The default branch as `refs/heads/…`; null when nothing tells. */
  readonly headRef: string | null;
  /** Names that we do not work with (too long, not allowed), shortened. */
  readonly ignored: readonly string[];
}

/** What a person reads of a commit; a stranger's text, without control characters. */
export interface CommitSeen {
  readonly sha: string;
  readonly title: string;
  readonly author: string;
}

/** One watched repository, local or remote. All calls fail with `forge/…` errors. */
export interface GitSource {
  readonly remote: string;
  /** The repository on this machine; null for an address. */
  localGitDir(): Promise<string | null>;
  refs(signal: AbortSignal): Promise<RefsSeen>;
  /** The commit that a full ref name points to now; null: no such ref, or what it shows is no commit. */
  at(ref: string, signal: AbortSignal): Promise<CommitSeen | null>;
  file(sha: string, path: string, signal: AbortSignal): Promise<string | null>;
}

/** Most bytes of a file that are read. */
const mostFileBytes = 64 * 1024;
const mostRefBytes = 64 * 1024 * 1024;
const places = /^refs\/(?:heads\/.+|pull\/[1-9]\d{0,8}\/head)$/;

export interface GitSourceOptions {
  readonly git: Git;
  /** Absolute path or address. */
  readonly remote: string;
  /** Small mirrors (depth 1) for what an address does not tell without fetching. */
  readonly mirrors: GitMirrors;
  /** Git configuration with credentials. */
  readonly credentials?: Readonly<Record<string, string>>;
}

export function createGitSource(options: GitSourceOptions): GitSource {
  assertSafeRemote(options.remote);
  return isLocalPath(options.remote) ? localSource(options) : remoteSource(options);
}

function localSource({ git, remote }: GitSourceOptions): GitSource {
  let known: Promise<string> | null = null;
  const gitDirOf = async (): Promise<string> => {
    known ??= findGitDir(git, remote);
    try {
      return await known;
    } catch (error) {
      // It may be there the next time.
      known = null;
      throw error;
    }
  };
  const reading = async <T>(read: (gitDir: string) => Promise<T>): Promise<T> => {
    try {
      const gitDir = await gitDirOf();
      const found = await read(gitDir);
      // One that is moved away while git reads it seems to have no branches: all its jobs would be called off.
      await access(join(gitDir, 'HEAD')).catch((cause: unknown) => {
        const message = `${remote}: the repository went away while it was read`;
        throw new GroundcrewError('forge/unreachable', message, { retry: 'later', cause });
      });
      return found;
    } catch (error) {
      known = null;
      throw forgeError(error, remote);
    }
  };
  return {
    remote,
    localGitDir: gitDirOf,
    refs: (signal) =>
      reading(async (gitDir) => {
        // Names only: one ref to a missing object must not hide all others.
        const format = '--format=%(objectname)%09%(refname)%09%(symref)';
        const listed = await git.text(['for-each-ref', format, 'refs/heads', 'refs/pull'], {
          gitDir,
          signal,
          maxOutputBytes: mostRefBytes,
        });
        const lines = listed.split('\n').filter((line) => line.endsWith('\t'));
        const seen = parseRefs(lines.map((line) => line.slice(0, -1)));
        return { ...seen, headRef: await localHead(gitDir, seen.refs) };
      }),
    at: (ref, signal) =>
      reading(async (gitDir) => {
        const format = '--format=%(refname)%09%(objectname)%09%(objecttype)%09%(authorname)%09%(contents:subject)';
        const listed = await git.text(['for-each-ref', format, ref], { gitDir, signal });
        // The pattern also matches what lies below the name.
        const line = listed.split('\n').find((text) => text.startsWith(`${ref}\t`));
        const [, sha, type, author, ...title] = line?.split('\t') ?? [];
        return sha === undefined || type !== 'commit' ? null : commitSeen(sha, title.join(' '), author);
      }),
    file: (sha, path, signal) => reading((gitDir) => readBlob(git, gitDir, { sha, path, signal })),
  };
}

function remoteSource({ git, remote, mirrors, credentials }: GitSourceOptions): GitSource {
  const config = credentials === undefined ? {} : { config: credentials };
  const refOf = new Map<string, string>();
  const mirrored = async (sha: string, signal: AbortSignal): Promise<string> => {
    const ref = refOf.get(sha);
    const view = await mirrors.ensure(remote, [{ sha, refs: ref === undefined ? [] : [ref] }], { signal, ...config });
    return view.gitDir;
  };
  const reading = async <T>(read: () => Promise<T>): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      throw forgeError(error, remote);
    }
  };
  return {
    remote,
    localGitDir: () => Promise.resolve(null),
    refs: (signal) =>
      reading(async () => {
        const args = ['ls-remote', '--symref', '--end-of-options', remote, 'HEAD', 'refs/heads/*', 'refs/pull/*/head'];
        const result = await git.run(args, { signal, maxOutputBytes: mostRefBytes, ...config });
        if (result.exitCode !== 0) throw gitFailure('ls-remote', result);
        if (result.isTruncated) throw new GroundcrewError('git/too-much-output', 'the remote shows too many refs');
        const lines = result.stdout
          .toString('utf8')
          .split('\n')
          .filter((line) => line !== '');
        const head = lines.find((line) => /^ref: \S+\tHEAD$/.test(line));
        const headRef = head?.slice('ref: '.length, -'\tHEAD'.length) ?? null;
        return { ...parseRefs(lines), headRef };
      }),
    at: (ref, signal) =>
      reading(async () => {
        const listed = await git.run(['ls-remote', '--end-of-options', remote, ref], { signal, ...config });
        if (listed.exitCode !== 0) throw gitFailure('ls-remote', listed);
        // The pattern also matches at the end of longer names.
        const sha = parseRefs(listed.stdout.toString('utf8').split('\n')).refs.get(ref);
        if (sha === undefined) return null;
        if (refOf.size > 10_000) refOf.clear();
        refOf.set(sha, ref);
        return readCommit(git, await mirrored(sha, signal), { sha, signal });
      }),
    file: (sha, path, signal) => reading(async () => readBlob(git, await mirrored(sha, signal), { sha, path, signal })),
  };
}

/** The common directory of a repository at exactly this path, bare, with a work tree, or a linked work tree. */
export async function findGitDir(git: Git, path: string): Promise<string> {
  const real = await realpath(path).catch((cause: unknown) => {
    throw new GroundcrewError('forge/unreachable', `${path}: there is no such repository`, { retry: 'later', cause });
  });
  const result = await git.run(['rev-parse', '--path-format=absolute', '--git-common-dir'], {
    cwd: real,
    // Not the repository that a plain directory happens to lie in.
    env: { GIT_CEILING_DIRECTORIES: dirname(real) },
  });
  if (result.exitCode !== 0) {
    throw new GroundcrewError('forge/unreachable', `${path} is no git repository: ${gitComplaint(result)}`, {
      retry: 'later',
    });
  }
  return realpath(result.stdout.toString('utf8').replace(/\n$/, ''));
}

/** With a work tree, HEAD is what somebody happens to work on; then the clone's origin and usual names know better. */
async function localHead(gitDir: string, refs: ReadonlyMap<string, string>): Promise<string | null> {
  const text = await readFile(join(gitDir, 'HEAD'), 'utf8').catch(() => '');
  const head = /^ref: (refs\/heads\/.+)\n?$/.exec(text)?.[1] ?? null;
  if (basename(gitDir) !== '.git') return head;
  const origin = await readFile(join(gitDir, 'refs/remotes/origin/HEAD'), 'utf8').catch(() => '');
  const branch = /^ref: refs\/remotes\/origin\/(.+)\n?$/.exec(origin)?.[1];
  const better = [`refs/heads/${branch ?? ''}`, 'refs/heads/main', 'refs/heads/master'].find((ref) => refs.has(ref));
  return better ?? head;
}

/** Lines of `<id> TAB <ref>`. */
function parseRefs(lines: readonly string[]): Pick<RefsSeen, 'refs' | 'ignored'> {
  const refs = new Map<string, string>();
  const ignored: string[] = [];
  for (const line of lines) {
    const tab = line.indexOf('\t');
    const sha = line.slice(0, tab);
    const name = line.slice(tab + 1);
    if (!isObjectId(sha) || !places.test(name)) continue;
    if (isRefName(name)) refs.set(name, sha);
    else if (ignored.length < 10) ignored.push(plain(name).slice(0, 80));
  }
  return { refs, ignored };
}

interface AtCommit {
  readonly sha: string;
  readonly signal: AbortSignal;
}

async function readCommit(git: Git, gitDir: string, { sha, signal }: AtCommit): Promise<CommitSeen | null> {
  const args = ['rev-list', '--no-walk', '--no-commit-header', '--format=%H%n%s%n%an', '--end-of-options', sha];
  const result = await git.run(args, { gitDir, signal });
  if (result.exitCode !== 0) {
    const type = await git.run(['cat-file', '-t', sha], { gitDir, signal });
    if (type.exitCode === 0 && type.stdout.toString('latin1') !== 'commit\n') return null;
    throw gitFailure('rev-list', result);
  }
  const [found, title = '', author = ''] = result.stdout.toString('utf8').split('\n');
  // Another id: what the ref shows is a tag.
  if (found !== sha) return null;
  return commitSeen(sha, title, author);
}

function commitSeen(sha: string, title: string, author = ''): CommitSeen {
  return { sha, title: plain(title).slice(0, 300), author: plain(author).slice(0, 100) };
}

async function readBlob(
  git: Git,
  gitDir: string,
  { sha, path, signal }: AtCommit & { readonly path: string },
): Promise<string | null> {
  const isPlainPath =
    path !== '' && !/[\n\0]/.test(path) && path.split('/').every((part) => !['', '.', '..'].includes(part));
  if (!isObjectId(sha) || !isPlainPath) return null;
  const result = await git.run(['cat-file', '--batch', '--follow-symlinks'], {
    gitDir,
    signal,
    input: `${sha}:${path}\n`,
    maxOutputBytes: mostFileBytes + 200,
  });
  if (result.exitCode !== 0) throw gitFailure('cat-file', result);
  const end = result.stdout.indexOf('\n');
  const size = /^[0-9a-f]{40,64} blob (\d+)$/.exec(result.stdout.subarray(0, end).toString('latin1'))?.[1];
  if (size === undefined) return null;
  return result.stdout.subarray(end + 1, end + 1 + Math.min(Number(size), mostFileBytes)).toString('utf8');
}

/** Trouble with git as trouble with this forge; whoever stopped us hears that. */
function forgeError(error: unknown, remote: string): unknown {
  if (!isGroundcrewError(error) || error.code.startsWith('forge/')) return error;
  const retry = error.code === 'git/aborted' || error.code === 'git/bad-url' ? 'never' : 'later';
  const shown = plain(shownRemote(remote));
  return new GroundcrewError('forge/unreachable', `${shown}: ${errorLine(error)}`, { retry, cause: error });
}
