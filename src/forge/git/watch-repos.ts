import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, sleep } from '../../base/clock.ts';
import { errorLine } from '../../base/errors.ts';
import { hashOf } from '../../base/ids.ts';
import type { Logger } from '../../base/logger.ts';
import type { Forge, PlaceSeen } from '../forge.ts';
import type { GitSource, RefsSeen } from './git-source.ts';
import { hookId, openHookSpool } from './hook-spool.ts';
import type { LookCounter } from './look-counter.ts';
import { openRefWatcher } from './ref-watcher.ts';
import { createSeenFile, type SeenFile } from './seen-file.ts';

type Hear = Parameters<Forge['watch']>[0];

/** What is watched, and with what. */
export interface WatchOptions {
  readonly name: string;
  readonly repos: readonly {
    readonly name: string;
    readonly source: GitSource;
    readonly pollMs: number;
    placesOf(seen: RefsSeen): readonly PlaceSeen[];
  }[];
  readonly looks: LookCounter;
  readonly spoolDir: string;
  readonly stateDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const retryMs = 1000;
/** Changes of refs that come close together are one look. */
const settleMs = 5;
/** Movements told at once, so that they can share a commit of the ledger. */
const mostAtOnce = 64;

/**
 * Watches until `signal` aborts. Hooks, file watching and polls are all but a hint to look: what moved is found by
 * comparing with what was seen (on disk), so one movement is told once whoever noticed it, and what moved while we were
 * away is told at start. A movement counts as seen when `hear` has resolved; dying before tells it again.
 */
export async function watchRepos(options: WatchOptions, hear: Hear, signal: AbortSignal): Promise<void> {
  await mkdir(options.spoolDir, { recursive: true });
  await mkdir(join(options.stateDir, 'seen'), { recursive: true });
  const lookers = options.repos.map((repo) => new Looker(repo, options, hear, signal));
  const find = async (id: string): Promise<Looker | null> => {
    for (const looker of lookers) if ((await looker.hookId()) === id) return looker;
    return null;
  };
  await using spool = await openHookSpool(options.spoolDir, options.clock, async (id) => {
    const looker = await find(id);
    if (looker === null) options.logger.warn('a hook told of a repository that is not watched', { id });
    else await looker.look();
  });
  await Promise.all([...lookers.map((looker) => looker.run()), spool.run(signal)]);
}

/** Looks at one repository: never twice at once; a hint during a look means another one after it. */
class Looker {
  readonly #repo: WatchOptions['repos'][number];
  readonly #options: WatchOptions;
  readonly #hear: Hear;
  readonly #signal: AbortSignal;
  readonly #seen: SeenFile;
  #current: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;
  #id: string | null = null;
  #isInTrouble = false;
  readonly #ignored = new Set<string>();

  constructor(repo: WatchOptions['repos'][number], options: WatchOptions, hear: Hear, signal: AbortSignal) {
    this.#repo = repo;
    this.#options = options;
    this.#hear = hear;
    this.#signal = signal;
    this.#seen = createSeenFile(join(options.stateDir, 'seen', `${hashOf([repo.name, repo.source.remote])}.json`));
  }

  /** The id that a hook of this repository has in its file; null while the repository is not there, or is an address. */
  async hookId(): Promise<string | null> {
    const gitDir = await this.#repo.source.localGitDir().catch(() => null);
    if (gitDir !== null) this.#id = hookId(gitDir);
    return this.#id;
  }

  async run(): Promise<void> {
    const { clock } = this.#options;
    await using watcher = openRefWatcher(clock, settleMs, () => void this.#tryLook());
    while (!this.#signal.aborted) {
      // Watching before looking: what moves in between is noticed by one of the two.
      const gitDir = await this.#repo.source.localGitDir().catch(() => null);
      if (gitDir !== null) await watcher.follow(gitDir);
      const isFine = await this.#tryLook();
      await sleep(clock, isFine ? this.#repo.pollMs : Math.min(retryMs, this.#repo.pollMs), this.#signal);
    }
    await this.#next?.catch(() => undefined);
    await this.#current.catch(() => undefined);
  }

  /** A look that begins after this call. Rejects when it could not be made or told. */
  look(): Promise<void> {
    if (this.#next !== null) return this.#next;
    const next = this.#current
      .catch(() => undefined)
      .then(() => {
        this.#next = null;
        this.#current = this.#lookNow();
        return this.#current;
      });
    this.#next = next;
    return next;
  }

  async #tryLook(): Promise<boolean> {
    const { logger } = this.#options;
    const repo = this.#repo.name;
    try {
      await this.look();
      if (this.#isInTrouble) logger.info('the repository can be read again', { repo });
      this.#isInTrouble = false;
      return true;
    } catch (error) {
      if (this.#signal.aborted) return true;
      // Once a trouble, not once a poll.
      if (!this.#isInTrouble) logger.warn('cannot look for new commits', { repo, error: errorLine(error) });
      this.#isInTrouble = true;
      return false;
    }
  }

  async #lookNow(): Promise<void> {
    if (this.#signal.aborted) return;
    const { name, looks, logger } = this.#options;
    const repo = this.#repo.name;
    const refs = await this.#repo.source.refs(this.#signal);
    for (const ref of refs.ignored) {
      if (this.#ignored.has(ref) || this.#ignored.size > 1000) continue;
      this.#ignored.add(ref);
      logger.warn('a branch with a name that is not usable is ignored', { repo, ref });
    }
    const now = new Map(this.#repo.placesOf(refs).map(({ changeKey, headSha }) => [changeKey, headSha]));
    const known = await this.#seen.read();
    const moved: { changeKey: string; sha: string | null }[] = [];
    for (const [changeKey, sha] of now) if (known.get(changeKey) !== sha) moved.push({ changeKey, sha });
    for (const changeKey of known.keys()) if (!now.has(changeKey)) moved.push({ changeKey, sha: null });
    if (moved.length === 0) return;
    const look = String(looks.next());
    const tell = async ({ changeKey, sha }: { changeKey: string; sha: string | null }): Promise<void> => {
      const old = known.get(changeKey) ?? '';
      // The number of the look makes A → B → A three movements; old and new make it readable as what it is.
      const deliveryId = `git-${hashOf([name, changeKey, old, sha ?? '', look])}`;
      await this.#hear({ repo, changeKey, sha, deliveryId });
      if (sha === null) known.delete(changeKey);
      else known.set(changeKey, sha);
    };
    try {
      for (let from = 0; from < moved.length; from += mostAtOnce) {
        const results = await Promise.allSettled(moved.slice(from, from + mostAtOnce).map(tell));
        const failed = results.find((result) => result.status === 'rejected');
        if (failed !== undefined) throw failed.reason;
      }
    } finally {
      await this.#seen.write(known);
    }
  }
}
