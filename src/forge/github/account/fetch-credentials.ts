import { gitCredential } from '../../../base/git-credential.ts';
import type { GitHubHub } from '../hub.ts';
import { callAt } from '../hub.ts';

/**
 * Git configuration that fetches a repository as us: for this web server alone, so that another remote, and a server behind a
 * redirect, never gets the token. Of an App it is an installation token, which lives an hour.
 * @see https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation#about-authentication-as-a-github-app-installation
 */
export async function fetchCredentials(
  hub: GitHubHub,
  webUrl: string,
  { repo, signal }: { readonly repo: string; readonly signal: AbortSignal },
): Promise<Readonly<Record<string, string>>> {
  const { call } = await callAt(hub, repo, signal);
  const token = (await call.account.authorization(signal)).replace(/^Bearer /, '');
  return gitCredential(new URL(webUrl).origin, { username: 'x-access-token', password: token });
}
