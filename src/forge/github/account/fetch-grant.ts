import { z } from 'zod';
import { isGroundcrewError } from '../../../base/errors.ts';
import type { FetchGrant } from '../../../core/grant.ts';
import { splitRepo, type GitHubHub } from '../hub.ts';
import { createReplacements } from './replacements.ts';

/** https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#authenticating-with-the-command-line */
const username = 'x-access-token';
/** One token serves all attempts of its repository while it is good for the longest checkout (ms). */
const leastLeftMs = 20 * 60_000;

const tokenSchema = z.object({ token: z.string().min(1), expires_at: z.iso.datetime({ offset: true }) });

interface Kept {
  readonly grant: FetchGrant;
  readonly expiresAt: number;
}

/** GitHub has said no, and will say it again. */
const isDefinite = (error: unknown): boolean => definite.some((code) => isGroundcrewError(error, code));
const definite = ['forge/refused', 'forge/not-found', 'forge/forbidden'] as const;

/** Null in the promise: nothing to grant there, whoever may read the repository may fetch it. */
export type GiveFetchGrant = (repo: string, signal: AbortSignal, isRefused?: boolean) => Promise<FetchGrant | null>;

/**
 * What to do where a private repository has nothing to grant.
 * @see https://docs.github.com/en/apps/using-github-apps/reviewing-and-modifying-installed-github-apps
 */
export function fetchHintOf(hub: Pick<GitHubHub, 'accounts'>, repo: string): string {
  if (hub.accounts.app === null) return `the token of fetchToken has to be one that may read ${repo}`;
  const owner = splitRepo(repo)?.owner ?? repo;
  return `the server had no token for it: the GitHub App has to be installed for ${repo}, and not suspended (Settings of ${owner} on GitHub, Applications or GitHub Apps, Configure)`;
}

/**
 * What a worker on another machine fetches with. Of an App: an installation token for the one repository, which may read its
 * contents and nothing else, and lives an hour. Of a plain token: the token that the operator set apart for it (`fetchToken`);
 * our own, which may write, goes nowhere. Null: there is none.
 * @see https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
 */
export function createFetchGrants(hub: GitHubHub, fetchToken: (() => string) | null): GiveFetchGrant | null {
  const { app } = hub.accounts;
  if (app === null) return fetchToken === null ? null : () => Promise.resolve({ username, password: fetchToken() });
  const kept = new Map<string, Kept>();
  const asked = new Map<string, Promise<Kept | null>>();
  const replacements = createReplacements(hub.clock);

  const make = async (repo: string, signal: AbortSignal): Promise<Kept | null> => {
    const at = splitRepo(repo);
    const installation = at === null ? null : await hub.accounts.installationAt(at.owner, signal);
    if (at === null || installation === null) return null;
    try {
      const told = await hub.client.write(
        'POST /app/installations/{installation_id}/access_tokens',
        { installation_id: installation, repositories: [at.repo], permissions: { contents: 'read' } },
        tokenSchema,
        { account: app, signal, isContent: false },
      );
      return { grant: { username, password: told.token }, expiresAt: Date.parse(told.expires_at) };
    } catch (error) {
      // 422: the App is installed there, but not for this repository, which then has to be a public one. 404: it was taken away
      // since we listed where it is; 403: suspended. Waiting mends none of them: the checkout says what is wrong, and it counts.
      if (isDefinite(error)) return null;
      throw error;
    }
  };

  return async (repo, _signal, isRefused = false) => {
    const key = repo.toLowerCase();
    const found = kept.get(key);
    const isTaken = !isRefused || !replacements.isDue(key);
    if (found !== undefined && isTaken && found.expiresAt - hub.clock.now() > leastLeftMs) return found.grant;
    // Its own end, not the first caller's: others wait for the same token.
    const asking = asked.get(key) ?? make(repo, AbortSignal.timeout(60_000)).finally(() => asked.delete(key));
    asked.set(key, asking);
    const made = await asking;
    if (made === null) kept.delete(key);
    else kept.set(key, made);
    if (isRefused) replacements.made(key);
    return made?.grant ?? null;
  };
}
