import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { GroundcrewError } from '../../base/errors.ts';
import type { Git } from '../../base/git.ts';
import { createGitMirrors } from '../../base/git-mirror.ts';
import { isBranchName, isRefName } from '../../base/git-names.ts';
import type { Logger } from '../../base/logger.ts';
import { changeKey } from '../../core/subject.ts';
import { createBranchFilter } from '../../decide/branch-pattern.ts';
import type { Change } from '../../core/change.ts';
import type { Forge, PlaceSeen, PlaceView } from '../forge.ts';
import { createGitSource, type GitSource, type RefsSeen } from './git-source.ts';
import { createLookCounter } from './look-counter.ts';
import { watchRepos } from './watch-repos.ts';

/** A repository to watch. */
export interface GitForgeRepo {
  /** As people write it: `owner/name` or a plain name; no `|`. */
  readonly name: string;
  /** Absolute path, URL, or user@host:path. */
  readonly remote: string;
  /** See `createBranchFilter`; empty: all. */
  readonly branches: readonly string[];
  /** The branch that pull requests are for; absent: HEAD's. */
  readonly mainBranch?: string;
  /** Strangers' pull requests are tested without approval. */
  readonly trustPulls: boolean;
  /** Default 10 s for a path, 60 s for an address. */
  readonly pollMs?: number;
  /** Git configuration with credentials (`gitCredential`). */
  readonly credentials?: Readonly<Record<string, string>>;
}

export interface GitForgeOptions {
  readonly name: string;
  readonly repos: readonly GitForgeRepo[];
  /** Where hooks leave their files; made when missing. */
  readonly spoolDir: string;
  /** Ours alone: what was seen, small mirrors. All of it can be lost. */
  readonly stateDir: string;
  readonly git: Git;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A watched repository with all that reading it needs. */
export interface WatchedRepo {
  readonly name: string;
  readonly source: GitSource;
  readonly pollMs: number;
  placesOf(seen: RefsSeen): readonly PlaceSeen[];
}

/**
 * Any git repository as a forge: branches and `refs/pull/N/head` are the places. Statuses, approvals and finished requests
 * live in the ledger alone. Opens nothing before `watch`, so nothing needs closing.
 * @throws GroundcrewError `git/bad-url`, `forge/bad-repo`
 */
export function createGitForge(options: GitForgeOptions): Forge {
  const { git, clock } = options;
  const mirrors = createGitMirrors({ git, clock, depth: 1, cacheDir: join(options.stateDir, 'mirrors') });
  const looks = createLookCounter(join(options.stateDir, 'looks'), clock);
  const repos = new Map<string, KnownRepo>();
  for (const settings of options.repos) {
    if (!/^[^|\p{Cc}]{1,200}$/u.test(settings.name) || repos.has(settings.name)) {
      throw new GroundcrewError('forge/bad-repo', `${JSON.stringify(settings.name)}: not a name, or there twice`);
    }
    const { remote, credentials } = settings;
    const source = createGitSource({ git, remote, mirrors, ...(credentials === undefined ? {} : { credentials }) });
    const isWatched = createBranchFilter(settings.branches);
    const placesOf = (seen: RefsSeen): readonly PlaceSeen[] =>
      [...seen.refs].flatMap(([ref, headSha]) => {
        const place = placeOf(ref);
        if (place === null || (place.branch !== null && !isWatched(place.branch))) return [];
        return [{ changeKey: keyOf(options.name, settings.name, place), headSha }];
      });
    const pollMs = settings.pollMs ?? (remote.startsWith('/') ? 10_000 : 60_000);
    repos.set(settings.name, { settings, isWatched, watched: { name: settings.name, source, pollMs, placesOf } });
  }
  const find = (name: string): KnownRepo => {
    const repo = repos.get(name);
    if (repo === undefined) throw new GroundcrewError('forge/unknown-repo', `${name}: not watched by ${options.name}`);
    return repo;
  };

  return {
    name: options.name,
    remembersStatuses: false,
    repos: () => [...repos.keys()],
    async places(repo, signal) {
      const { watched } = find(repo);
      return watched.placesOf(await watched.source.refs(signal));
    },
    async view(repo, key, signal): Promise<PlaceView | null> {
      const { settings, watched, isWatched } = find(repo);
      // Numbered before looking: of two overlapping looks the later begun must not lose.
      const version = looks.next();
      const place = placeOfKey(options.name, repo, key);
      if (place === null || (place.branch !== null && !isWatched(place.branch))) return null;
      const commit = await watched.source.at(refOf(place), signal);
      if (commit === null) return null;
      const baseRef = place.branch ?? settings.mainBranch ?? defaultBranch(await watched.source.refs(signal));
      const change: Change = {
        key,
        forge: options.name,
        repo,
        pull: place.pull,
        branch: place.branch,
        headSha: commit.sha,
        baseRef,
        title: commit.title,
        author: commit.author,
        labels: [],
        isDraft: false,
        isOpen: true,
        trust: place.branch !== null || settings.trustPulls ? 'trusted' : 'untrusted',
        version,
      };
      return { change, statuses: [], requests: [], approvedShas: [] };
    },
    fileAt: async (repo, sha, path, signal) => find(repo).watched.source.file(sha, path, signal),
    async headOf(repo, ref, signal) {
      const { source } = find(repo).watched;
      if (!isBranchName(ref)) return null;
      return (await source.refs(signal)).refs.get(`refs/heads/${ref}`) ?? null;
    },
    changedFiles: () => Promise.resolve(null),
    cloneUrl: (repo) => find(repo).settings.remote,
    setStatus: () => Promise.resolve(),
    rememberApproval: () => Promise.resolve(),
    markRequestDone: () => Promise.resolve(),
    watch: (hear, signal) =>
      watchRepos({ ...options, looks, repos: [...repos.values()].map(({ watched }) => watched) }, hear, signal),
  };
}

interface KnownRepo {
  readonly settings: GitForgeRepo;
  readonly watched: WatchedRepo;
  readonly isWatched: (branch: string) => boolean;
}

/** A branch or a pull request. */
type Place = { readonly branch: string; readonly pull: null } | { readonly branch: null; readonly pull: number };

function placeOf(ref: string): Place | null {
  if (!isRefName(ref)) return null;
  if (ref.startsWith('refs/heads/')) return { branch: ref.slice('refs/heads/'.length), pull: null };
  const pull = /^refs\/pull\/([1-9]\d{0,8})\/head$/.exec(ref)?.[1];
  return pull === undefined ? null : { branch: null, pull: Number(pull) };
}

function refOf(place: Place): string {
  return place.branch === null ? `refs/pull/${place.pull}/head` : `refs/heads/${place.branch}`;
}

function keyOf(forge: string, repo: string, { pull, branch }: Place): string {
  return changeKey({ forge, repo, pull, branch, baseRef: branch ?? '' });
}

function placeOfKey(forge: string, repo: string, key: string): Place | null {
  const prefix = `${forge}|${repo}|`;
  if (!key.startsWith(prefix)) return null;
  const rest = key.slice(prefix.length);
  if (rest.startsWith('branch/')) return placeOf(`refs/heads/${rest.slice('branch/'.length)}`);
  return placeOf(`refs/${rest}/head`);
}

/** The branch that pull requests are for: HEAD's, else a usual name. */
function defaultBranch({ refs, headRef }: RefsSeen): string {
  const usual = [headRef, 'refs/heads/main', 'refs/heads/master'].find((ref) => ref !== null && refs.has(ref));
  const any = usual ?? [...refs.keys()].find((ref) => ref.startsWith('refs/heads/')) ?? 'refs/heads/main';
  return any.slice('refs/heads/'.length);
}
