import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, sleep } from './clock.ts';
import { GroundcrewError, isGroundcrewError } from './errors.ts';
import type { ExecResult } from './exec.ts';
import { type Git, gitComplaint, gitFailure, localUploadPack, plain } from './git.ts';
import {
  discard,
  incomingRef,
  listPacks,
  objectFormatOf,
  type ObjectFormat,
  readPackedRefs,
  removeLeftovers,
  shaOf,
  wantedRef,
  writeEmptyRepository,
} from './git-mirror-files.ts';
import { markMirrorUsed } from './git-mirror-prune.ts';
import { tidyMirror } from './git-mirror-tidy.ts';
import { assertSafeRemote, isLocalPath, isObjectId, isRefName, shownRemote } from './git-names.ts';
import { hashOf } from './ids.ts';
import { isProcessLockHeld, type ProcessLock, tryProcessLock } from './process-lock.ts';

/** A commit to have. `refs` are full names under which the remote may show it, for servers that refuse to give by id. */
export interface MirrorWant {
  readonly sha: string;
  readonly refs: readonly string[];
}

/** A commit that the mirror has, with everything that it reaches (to the mirror's depth). */
export interface MirrorCommit {
  readonly sha: string;
  readonly treeSha: string;
  /** Committer date, seconds since 1970. */
  readonly committedAt: number;
}

/** How one fetch is made. */
export interface MirrorCall {
  readonly signal: AbortSignal;
  /** For a fetch, which may bring gigabytes. Default 30 minutes. */
  readonly timeoutMs?: number;
  /** Hears a line of progress now and then. */
  readonly progress?: (line: string) => void;
  /** Credentials as git configuration. */
  readonly config?: Readonly<Record<string, string>>;
  /** Something read from the mirror was unreadable: verify all of it first, and build it anew when it is damaged. */
  readonly isSuspect?: boolean;
}

/** What `ensure` answers: the repository and the wanted commits by id. */
export interface MirrorView {
  readonly gitDir: string;
  readonly commits: ReadonlyMap<string, MirrorCommit>;
}

/**
 * Bare copies of remote repositories, one a remote, that only ever grow by what is new. Commits are wanted by id and kept
 * under `refs/wanted/<id>`; a ref there means that the commit is complete, an object alone means nothing. Fetches into one
 * mirror are serialised over all processes of this machine; reading needs no lock. A damaged mirror is built anew.
 */
export interface GitMirrors {
  /**
   * @throws GroundcrewError `git/bad-url`, `git/bad-name`, `git/unreachable`, `git/no-commit`, `git/disk-full`,
   *   `git/timeout`, `git/aborted`, `git/failed`
   */
  ensure(remote: string, wants: readonly MirrorWant[], call: MirrorCall): Promise<MirrorView>;
}

const mostRemembered = 2000;

/** `depth` null: all history. */
export function createGitMirrors(options: {
  readonly git: Git;
  readonly cacheDir: string;
  readonly depth: number | null;
  readonly clock: Clock;
}): GitMirrors {
  return new Mirrors(options.git, options.cacheDir, options.depth, options.clock);
}

class Mirrors implements GitMirrors {
  readonly #git: Git;
  readonly #cacheDir: string;
  readonly #depth: number | null;
  readonly #clock: Clock;
  /** The last one in line for each mirror. */
  readonly #lines = new Map<string, Promise<void>>();
  /** By id; what a commit says never changes. Whether a mirror still has it, its refs say. */
  readonly #known = new Map<string, MirrorCommit>();
  #discarded = 0;

  constructor(git: Git, cacheDir: string, depth: number | null, clock: Clock) {
    this.#git = git;
    this.#cacheDir = cacheDir;
    this.#depth = depth;
    this.#clock = clock;
  }

  async ensure(remote: string, wants: readonly MirrorWant[], call: MirrorCall): Promise<MirrorView> {
    assertSafeRemote(remote);
    const bad = wants.find(({ sha, refs }) => !isObjectId(sha) || !refs.every(isRefName));
    if (bad !== undefined) {
      throw new GroundcrewError(
        'git/bad-name',
        `not a commit or ref: ${plain(`${bad.sha} ${bad.refs.join(' ')}`).slice(0, 200)}`,
      );
    }
    const format = objectFormatOf(wants[0]?.sha ?? '');
    const gitDir = join(this.#cacheDir, `${hashOf([remote, format])}.git`);
    markMirrorUsed(gitDir, this.#clock.now());
    if (call.isSuspect !== true) {
      const view = await this.#look(gitDir, wants, call);
      if (view !== null) return view;
    }
    await mkdir(this.#cacheDir, { recursive: true, mode: 0o700 });
    return this.#inLine(gitDir, call.signal, async () => {
      if (call.isSuspect === true && !(await this.#isSound(gitDir, call.signal))) await this.#discard(gitDir);
      // Somebody ahead in line may have brought it.
      const view = await this.#look(gitDir, wants, call);
      if (view !== null) return view;
      await this.#bring({ gitDir, remote, format, wants, call });
      const brought = await this.#look(gitDir, wants, call);
      if (brought !== null) return brought;
      throw new GroundcrewError('git/failed', `${gitDir} does not show what was just fetched`, { retry: 'now' });
    });
  }

  /** The wanted commits if the mirror has all of them, without asking anybody. */
  async #look(
    gitDir: string,
    wants: readonly MirrorWant[],
    { signal, isSuspect = false }: MirrorCall,
  ): Promise<MirrorView | null> {
    const refs = await readPackedRefs(gitDir);
    const shas = [...new Set(wants.map(({ sha }) => sha))];
    if (!shas.every((sha) => shaOf(gitDir, refs, wantedRef(sha)) === sha)) return null;
    const known = isSuspect ? [] : shas.flatMap((sha) => this.#known.get(sha) ?? []);
    if (known.length === shas.length) return { gitDir, commits: new Map(known.map((commit) => [commit.sha, commit])) };
    const args = ['rev-list', '--no-walk=unsorted', '--format=%H %T %ct', '--end-of-options', ...shas];
    const result = await this.#git.run(args, { gitDir, signal });
    if (result.exitCode !== 0) return null;
    const commits = new Map<string, MirrorCommit>();
    for (const line of result.stdout.toString('latin1').split('\n')) {
      const match = /^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) (\d+)$/.exec(line);
      const [, sha, treeSha, seconds] = match ?? [];
      if (sha !== undefined && treeSha !== undefined) commits.set(sha, { sha, treeSha, committedAt: Number(seconds) });
    }
    if (!shas.every((sha) => commits.has(sha))) return null;
    this.#remember(commits.values());
    return { gitDir, commits };
  }

  #remember(commits: Iterable<MirrorCommit>): void {
    for (const commit of commits) this.#known.set(commit.sha, commit);
    for (const sha of this.#known.keys()) {
      if (this.#known.size <= mostRemembered) break;
      this.#known.delete(sha);
    }
  }

  /** Fetches until every wanted commit is there, mending the mirror on the way; holds the lock. */
  async #bring(order: Order): Promise<void> {
    const { gitDir, remote, call } = order;
    for (let isRebuilt = false; ; isRebuilt = true) {
      await this.#create(gitDir, order.format);
      const refusal = await this.#fetch(
        order,
        order.wants.map(({ sha }) => `+${sha}:${incomingRef(sha)}`),
      );
      if (refusal === null) break;
      // We hold the lock, so any lock file in there is of somebody dead.
      const hadLeftovers = await removeLeftovers(gitDir);
      const shown = await this.#askRemote(order, refusal);
      const named = await this.#fetchByName(order, shown);
      if (named === 'found') break;
      // Fetching works, so the commit is what is missing; otherwise the mirror is under suspicion.
      const isSuspect = named === 'failed' && (hadLeftovers || !(await this.#isSound(gitDir, call.signal)));
      if (!isRebuilt && isSuspect) {
        call.progress?.('the cached copy of the repository is damaged: fetching it anew');
        await this.#discard(gitDir);
        continue;
      }
      const said = gitComplaint(refusal);
      throw new GroundcrewError('git/no-commit', `${shownRemote(remote)} does not give the wanted commit: ${said}`, {
        retry: 'later',
      });
    }
    const tidy = (): Promise<void> => tidyMirror(this.#git, order, { depth: this.#depth, signal: call.signal });
    try {
      await tidy();
    } catch (error) {
      // A fetch does not mind a `packed-refs.lock` of somebody dead, packing refs does; for ever, if nobody removed it.
      if (!isGroundcrewError(error, 'git/failed') || !(await removeLeftovers(gitDir))) throw error;
      await tidy();
    }
  }

  /** Null when it worked; otherwise what git said. */
  async #fetch(order: Order, refspecs: readonly string[]): Promise<ExecResult | null> {
    const { gitDir, remote, call } = order;
    const args = [
      'fetch',
      '--no-write-fetch-head',
      '--no-recurse-submodules',
      ...(call.progress === undefined ? ['--quiet'] : ['--progress']),
      ...(this.#depth === null ? [] : [`--depth=${this.#depth}`, '--no-tags']),
      ...(isLocalPath(remote) ? [`--upload-pack=${localUploadPack}`] : []),
      '--end-of-options',
      remote,
      ...refspecs,
    ];
    const result = await this.#git.run(args, {
      gitDir,
      signal: call.signal,
      timeoutMs: call.timeoutMs ?? 30 * 60_000,
      ...(call.config === undefined ? {} : { config: call.config }),
      ...(call.progress === undefined ? {} : { onStderr: progressLines(this.#clock, call.progress) }),
    });
    if (/No space left on device|Disk quota exceeded/.test(result.stderr.toString('latin1'))) {
      throw new GroundcrewError('git/disk-full', `no space left while fetching into ${gitDir}`, { retry: 'later' });
    }
    return result.exitCode === 0 ? null : result;
  }

  /** Which of the candidate refs the remote shows. An answer also proves that it is there: the trouble is then elsewhere. */
  async #askRemote(order: Order, refusal: ExecResult): Promise<ReadonlySet<string>> {
    const { remote, call } = order;
    const upload = isLocalPath(remote) ? [`--upload-pack=${localUploadPack}`] : [];
    const names = order.wants.flatMap(({ refs }) => refs);
    const result = await this.#git.run(['ls-remote', ...upload, '--end-of-options', remote, 'HEAD', ...names], {
      signal: call.signal,
      ...(call.config === undefined ? {} : { config: call.config }),
    });
    if (result.exitCode !== 0) {
      const said = gitComplaint(result) || gitComplaint(refusal);
      throw new GroundcrewError('git/unreachable', `cannot fetch from ${shownRemote(remote)}: ${said}`, {
        retry: 'later',
      });
    }
    return new Set(
      result.stdout
        .toString('utf8')
        .split('\n')
        .map((line) => line.slice(line.indexOf('\t') + 1)),
    );
  }

  /** For servers that give only what has a name: the wanted commit must then be in that name's history. */
  async #fetchByName(order: Order, shown: ReadonlySet<string>): Promise<'found' | 'absent' | 'failed'> {
    const { gitDir, call } = order;
    let absence: 'absent' | 'failed' = 'failed';
    for (const { sha, refs } of order.wants) {
      let isThere = false;
      for (const name of refs) {
        if (isThere || !shown.has(name)) continue;
        const local = `refs/named/${hashOf([name])}`;
        if ((await this.#fetch(order, [`+${name}:${local}`])) !== null) continue;
        absence = 'absent';
        const inside = await this.#git.run(['merge-base', '--is-ancestor', sha, local], {
          gitDir,
          signal: call.signal,
        });
        if (inside.exitCode !== 0) continue;
        await this.#git.text(['update-ref', incomingRef(sha), sha], { gitDir, signal: call.signal });
        isThere = true;
      }
      if (!isThere) return absence;
    }
    return 'found';
  }

  async #create(gitDir: string, format: ObjectFormat): Promise<void> {
    if (existsSync(join(gitDir, 'HEAD'))) return;
    await this.#discard(gitDir);
    const part = `${gitDir}.part`;
    await rm(part, { recursive: true, force: true });
    writeEmptyRepository(part, { format, isBare: true });
    // Appears whole or not at all.
    await rename(part, gitDir);
  }

  async #isSound(gitDir: string, signal: AbortSignal): Promise<boolean> {
    if (!existsSync(join(gitDir, 'HEAD'))) return false;
    const call = { gitDir, signal, timeoutMs: 15 * 60_000 };
    const args = ['fsck', '--connectivity-only', '--no-dangling', '--no-progress'];
    if ((await this.#git.run(args, call)).exitCode !== 0) return false;
    // Connectivity looks at what objects name, not at their bytes; packs know their own sums.
    const packs = listPacks(gitDir).map(({ base }) => `${base}.idx`);
    return packs.length === 0 || (await this.#git.run(['verify-pack', ...packs], call)).exitCode === 0;
  }

  async #discard(gitDir: string): Promise<void> {
    this.#discarded += 1;
    await discard(gitDir, `${process.pid}-${this.#discarded}`);
    const name = `${gitDir.slice(gitDir.lastIndexOf('/') + 1)}.trash-`;
    for (const entry of await readdir(this.#cacheDir)) {
      if (entry.startsWith(name)) await rm(join(this.#cacheDir, entry), { recursive: true, force: true });
    }
  }

  /** Runs `work` alone among the calls of this process and, by a lock file that dies with us, of all others. */
  async #inLine<T>(gitDir: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const ahead = this.#lines.get(gitDir) ?? Promise.resolve();
    const turn = Promise.withResolvers<undefined>();
    const mine = ahead.then(() => turn.promise);
    this.#lines.set(gitDir, mine);
    let lock: ProcessLock | null = null;
    try {
      await Promise.race([ahead, aborted(signal)]);
      const path = `${gitDir}.lock`;
      while (lock === null) {
        if (signal.aborted) throw stopped();
        // The quick look first: taking the lock would block this thread for a moment.
        lock = isProcessLockHeld(path) ? null : tryProcessLock(path);
        if (lock === null) await sleep(this.#clock, 100, signal);
      }
      return await work();
    } finally {
      await lock?.release();
      turn.resolve(undefined);
      if (this.#lines.get(gitDir) === mine) this.#lines.delete(gitDir);
    }
  }
}

interface Order {
  readonly gitDir: string;
  readonly remote: string;
  readonly format: ObjectFormat;
  readonly wants: readonly MirrorWant[];
  readonly call: MirrorCall;
}

/** True when the mirror, not the remote or the disk, may be to blame for a failed read: try again with `isSuspect`. */
export function mayBeDamage(error: unknown): boolean {
  return isGroundcrewError(error, 'git/failed');
}

/** A failed command on a mirror's objects as an error, told apart by whose fault it is. */
export function readFailure(command: string, result: ExecResult): GroundcrewError {
  if (/No space left on device|Disk quota exceeded/.test(result.stderr.toString('latin1'))) {
    return new GroundcrewError('git/disk-full', `no space left on the disk (git ${command})`, { retry: 'later' });
  }
  return gitFailure(command, result, 'now');
}

function stopped(): GroundcrewError {
  return new GroundcrewError('git/aborted', 'stopped while waiting for the repository cache');
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** At most one line every two seconds, and the lines that end a step. */
function progressLines(clock: Clock, progress: (line: string) => void): (bytes: Uint8Array) => void {
  let heardAt = -Infinity;
  return (bytes) => {
    const line = Buffer.from(bytes)
      .toString('utf8')
      .split(/[\r\n]+/)
      .findLast((part) => part.trim() !== '');
    if (line === undefined || clock.monotonic() - heardAt < 2000) return;
    heardAt = clock.monotonic();
    progress(plain(line).slice(0, 200));
  };
}
