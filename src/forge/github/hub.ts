import { GroundcrewError, isGroundcrewError } from '../../base/errors.ts';
import { plain } from '../../base/git.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { TrustRule } from '../../core/trust-rule.ts';
import type { Account } from './account/account.ts';
import type { GitHubCache } from './client/github-cache.ts';
import type { GitHubClient } from './client/github-client.ts';
import { type Accounts, isNotInstalled } from './account/github-auth.ts';

/** A repository to watch. */
export interface GitHubRepo {
  /** `owner/name`. */
  readonly name: string;
  /** See `createBranchFilter`; empty: all. */
  readonly branches: readonly string[];
  readonly trust: TrustRule;
}

/** How our statuses are told from others': as they are, with a prefix beside the present CI, or not at all. */
export type StatusMode =
  { readonly kind: 'post' } | { readonly kind: 'prefix'; readonly prefix: string } | { readonly kind: 'none' };

/** What every part of the adapter works with. */
export interface GitHubHub {
  readonly forge: string;
  readonly client: GitHubClient;
  readonly accounts: Accounts;
  readonly cache: GitHubCache;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly statuses: StatusMode;
  repos(): readonly GitHubRepo[];
}

/** Where a call goes and as whom; `at` completes the route's `{owner}` and `{repo}`. */
export interface RepoCall {
  readonly at: { readonly owner: string; readonly repo: string };
  readonly call: { readonly account: Account; readonly signal: AbortSignal };
}

/** Splits `owner/name` as GitHub allows them; null for anything else. */
export function splitRepo(repo: string): { readonly owner: string; readonly repo: string } | null {
  // `..` would be another path of the API.
  const match = /^([A-Za-z0-9][A-Za-z0-9_-]{0,99})\/((?!\.{1,2}$)[\w.-]{1,100})$/.exec(repo);
  return match === null ? null : { owner: match[1] ?? '', repo: match[2] ?? '' };
}

/** The settings of a watched repository. @throws GroundcrewError `forge/unknown-repo` */
export function watchedRepo(hub: GitHubHub, repo: string): GitHubRepo {
  const found = hub.repos().find(({ name }) => name.toLowerCase() === repo.toLowerCase());
  if (found === undefined || splitRepo(found.name) === null) {
    throw new GroundcrewError('forge/unknown-repo', `${plain(repo).slice(0, 200)}: not watched by ${hub.forge}`);
  }
  return found;
}

/**
 * The account for any repository that we may read. An App that is not installed at its owner reads it, if it is public, as
 * installed at one of the owners that we watch.
 */
export async function callAt(hub: GitHubHub, repo: string, signal: AbortSignal): Promise<RepoCall> {
  const at = splitRepo(repo);
  if (at === null) {
    throw new GroundcrewError('forge/unknown-repo', `${plain(repo).slice(0, 200)}: not a name of a repository`);
  }
  return { at, call: { account: await accountAt(hub, at.owner, signal), signal } };
}

/** The account for an owner, as `callAt` finds it. */
export async function accountAt(hub: GitHubHub, owner: string, signal: AbortSignal): Promise<Account> {
  try {
    return await hub.accounts.of(owner, signal);
  } catch (error) {
    if (!isNotInstalled(error)) throw error;
    const owners = new Set(hub.repos().flatMap(({ name }) => splitRepo(name)?.owner.toLowerCase() ?? []));
    if (owners.has(owner.toLowerCase())) throw error;
    for (const other of owners) {
      try {
        return await hub.accounts.of(other, signal);
      } catch (again) {
        if (!isNotInstalled(again)) throw again;
      }
    }
    throw error;
  }
}

/** A watched repository that is not there is trouble to come back from: renamed, hidden, or our right is gone. */
export function unreadable(error: unknown, repo: string): unknown {
  if (!isGroundcrewError(error, 'forge/not-found')) return error;
  const message = `${repo} cannot be read: it is gone, or this account may not see it`;
  return new GroundcrewError('forge/unreachable', message, { retry: 'later', cause: error });
}
