import type { GitHubHub } from '../hub.ts';
import { callAt } from '../hub.ts';

/**
 * Git configuration that fetches a repository as us: a header for addresses of this web server alone, so that another remote
 * never gets it. A redirect of this server's does: git (2.39) leaves the header out of the redirected request and sends it with the
 * next one, to wherever it was led. Repositories that were renamed need redirects, so the server is trusted there. Of an App it holds an installation token, which lives an hour.
 * @see https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation#about-authentication-as-a-github-app-installation
 */
export async function fetchCredentials(
  hub: GitHubHub,
  webUrl: string,
  { repo, signal }: { readonly repo: string; readonly signal: AbortSignal },
): Promise<Readonly<Record<string, string>>> {
  const { call } = await callAt(hub, repo, signal);
  const token = (await call.account.authorization(signal)).replace(/^Bearer /, '');
  const header = `Authorization: Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`;
  return { [`http.${webUrl.replace(/\/+$/, '')}/.extraHeader`]: header };
}
