import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { GroundcrewError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import type { Forge } from '../forge.ts';
import { createLookCounter } from '../git/look-counter.ts';
import { checkGitHub } from './check/check.ts';
import { deliveryLogs } from './read/delivery-log.ts';
import type { GitHubFinding } from './check/finding.ts';
import { createFetchCredentials } from './account/fetch-credentials.ts';
import { createFetchGrants, fetchHintOf } from './account/fetch-grant.ts';
import { createFiles } from './read/files.ts';
import { type Accounts, createAccounts, type GitHubAuth } from './account/github-auth.ts';
import { openGitHubCache } from './client/github-cache.ts';
import { createGitHubClient } from './client/github-client.ts';
import { type GitHubMeter, silentMeter } from './github-meter.ts';
import { createGovernor, type Governor } from './client/governor.ts';
import { accountAt, type GitHubHub, type GitHubRepo, splitRepo, type StatusMode, watchedRepo } from './hub.ts';
import { createIssues } from './tell/issues.ts';
import { createLooker, placeAsked, placesPerQuery } from './read/look.ts';
import { createPlaces } from './read/places.ts';
import { createTell } from './tell/tell.ts';
import { createTransport } from './client/transport.ts';
import { createTrust } from './read/trust.ts';
import { createWriteBudget } from './client/write-budget.ts';

export type { GitHubAuth, GitHubFinding, GitHubMeter, GitHubRepo, StatusMode };

/** What the adapter needs. What is a function is asked at each use, so that an edited configuration counts at once. */
export interface GitHubForgeOptions {
  readonly name: string;
  /** `https://api.github.com`, or `https://HOST/api/v3`. */
  readonly apiUrl: string;
  /** `https://github.com`, or `https://HOST`: where workers clone from. */
  readonly webUrl: string;
  readonly repos: () => readonly GitHubRepo[];
  readonly auth: GitHubAuth;
  readonly statuses: StatusMode;
  /** SQLite; may be deleted at any time. `<file>-looks` beside it numbers our looks at branches. */
  readonly cacheFile: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: GitHubMeter;
  /** Where GitHub sends its events to us; null or absent: any address whose path begins with `/webhook`. */
  readonly webhookUrl?: () => string | null;
}

/** GitHub as a forge, with what only the adapter has. */
export type GitHubForge = Forge & {
  /** Everything that a maintainer could have set up wrong, looked at once; for `groundcrew doctor`. */
  check(signal: AbortSignal): Promise<readonly GitHubFinding[]>;
  /** Our own login (`name`, or `slug[bot]` of an App): what it does is no news. */
  ownLogin(signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
};

/** Well below GitHub's 100, which all users of the account share. */
const concurrentReads = 16;
const hourMs = 3_600_000;

/**
 * Opens GitHub as a forge. Nothing is sent before the first call.
 * @throws GroundcrewError `forge/bad-repo`: a name that is not `owner/name`, or two the same
 */
export function createGitHubForge(options: GitHubForgeOptions): GitHubForge {
  const { name, clock, random, logger, metrics: meter = silentMeter } = options;
  refuseBadNames(options.repos());
  const apiUrl = options.apiUrl.replace(/\/+$/, '');
  const webUrl = options.webUrl.replace(/\/+$/, '');
  const cache = openGitHubCache({ path: options.cacheFile, clock, logger });
  const transport = createTransport({ forge: name, cache, clock, random, logger, meter });
  const client = createGitHubClient({ transport, apiUrl, log: logger });
  const governors = new Map<string, Governor>();
  const governorOf = (account: string): Governor => {
    const governor = createGovernor({
      forge: name,
      clock,
      random,
      logger,
      meter,
      budget: createWriteBudget(cache.writesSince(account, clock.now() - hourMs)),
      onWrite: (at) => void cache.keepWrite(account, at),
      concurrentReads,
    });
    governors.set(account, governor);
    return governor;
  };
  const accounts: Accounts = createAccounts({ auth: options.auth, client, governorOf, clock, logger });
  const repos = (): readonly GitHubRepo[] => options.repos().filter((repo) => splitRepo(repo.name) !== null);
  const hub: GitHubHub = { forge: name, client, accounts, cache, clock, logger, statuses: options.statuses, repos };
  const trust = createTrust(hub);
  const looker = createLooker(hub, trust, createLookCounter(`${options.cacheFile}-looks`, clock));
  const places = createPlaces(hub, trust, looker.sawVersion);
  const files = createFiles(hub);
  const tell = createTell(hub);
  let login: string | null = null;
  const ownLogin = async (signal: AbortSignal): Promise<string> => {
    login ??= looker.me ?? (await askLogin(hub, signal));
    return login;
  };
  const issues = createIssues(hub, ownLogin);
  const { auth } = options;
  const fetchGrant = createFetchGrants(hub, auth.kind === 'token' ? (auth.fetchToken ?? null) : null);
  // What is written goes to what is configured, whatever a caller was told to ask for.
  const ours = (repo: string): string => watchedRepo(hub, repo).name;
  const isOurHook = (url: string): boolean => isHookOfOurs(url, options.webhookUrl?.() ?? null);

  return {
    name,
    // In the dark GitHub keeps nothing for us, and the ledger alone remembers.
    remembersStatuses: options.statuses.kind !== 'none',
    placesPerRequest: placesPerQuery,
    repos: () => repos().map((repo) => repo.name),
    places: async (repo, signal) => places.list(watchedRepo(hub, repo), signal),
    async view(repo, changeKey, signal) {
      const watched = watchedRepo(hub, repo);
      if (placeAsked(name, watched.name, changeKey) === null) return null;
      return looker.one(watched, changeKey, signal);
    },
    async *views(repo, changeKeys, signal) {
      yield* looker.many(watchedRepo(hub, repo), changeKeys, signal);
    },
    fileAt: (repo, sha, path, signal) => files.at(repo, sha, path, signal),
    headOf: (repo, ref, signal) => places.headOf(repo, ref, signal),
    pullHeadOf: (repo, pull, signal) => places.pullHeadOf(repo, pull, signal),
    changedFiles: (repo, change, signal) => files.changed(repo, change, signal),
    cloneUrl: (repo) => `${webUrl}/${repo}.git`,
    fetchCredentials: createFetchCredentials(hub, webUrl),
    ...(fetchGrant === null ? {} : { fetchGrant, fetchHint: (repo: string) => fetchHintOf(hub, repo) }),
    setStatus: async (status, signal) => tell.status({ ...status, repo: ours(status.repo) }, signal),
    rememberApproval: async (repo, sha, by, signal) => tell.approval(ours(repo), sha, by, signal),
    markRequestDone: async (repo, requestId, signal, answer = 'done') =>
      tell.requestDone(ours(repo), requestId, answer, signal),
    comment: async (comment, signal) => tell.comment({ ...comment, repo: ours(comment.repo) }, signal),
    keepIssue: async (issue, signal) => issues.keep({ ...issue, repo: ours(issue.repo) }, signal),
    writeAllowance(repo) {
      const all = [...governors]
        .filter(([account]) => isAccountFor(hub, account, repo))
        .map(([, one]) => one.allowance());
      return {
        readyAt: Math.max(clock.now(), ...all.map(({ readyAt }) => readyAt)),
        leftThisHour: Math.min(500, ...all.map(({ leftThisHour }) => leftThisHour)),
      };
    },
    deliveryLogs: (signal) => deliveryLogs(hub, isOurHook, signal),
    // GitHub tells by webhook, and what is lost there is found by scans: there is nothing to watch.
    watch: (_hear, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', () => resolve(), { once: true });
      }),
    check: (signal) => checkGitHub(hub, { isOurHook, ourHook: options.webhookUrl?.() ?? null, signal }),
    ownLogin,
    close: () => cache.close(),
  };
}

/** Whether an account may be the one for a repository; without a repository each is meant. */
function isAccountFor(hub: GitHubHub, accountId: string, repo: string | undefined): boolean {
  const owner = repo === undefined ? null : (splitRepo(repo)?.owner ?? null);
  const known = owner === null ? null : hub.accounts.knownFor(owner);
  return known === null || known === accountId;
}

async function askLogin(hub: GitHubHub, signal: AbortSignal): Promise<string> {
  const owner = hub.repos().map((repo) => splitRepo(repo.name)?.owner ?? '')[0];
  if (owner === undefined) throw new GroundcrewError('forge/unknown-repo', `${hub.forge} watches no repository`);
  const account = await accountAt(hub, owner, signal);
  const schema = z.object({ viewer: z.object({ login: z.string() }) });
  const answer = await hub.client.graphql({ query: 'query { viewer { login } }', variables: {} }, schema, {
    account,
    signal,
  });
  return answer.viewer.login;
}

function isHookOfOurs(url: string, ours: string | null): boolean {
  if (ours !== null) return url === ours;
  return URL.canParse(url) && /^(?:\/.*)?\/webhook(?:\/|$)/.test(new URL(url).pathname);
}

function refuseBadNames(repos: readonly GitHubRepo[]): void {
  const seen = new Set<string>();
  for (const { name } of repos) {
    if (splitRepo(name) === null || seen.has(name.toLowerCase())) {
      throw new GroundcrewError('forge/bad-repo', `${JSON.stringify(name)}: not owner/name, or there twice`);
    }
    seen.add(name.toLowerCase());
  }
}
