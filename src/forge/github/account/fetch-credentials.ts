import { gitCredential } from '../../../base/git-credential.ts';
import type { Forge } from '../../forge.ts';
import type { GitHubHub } from '../hub.ts';
import { callAt } from '../hub.ts';
import { createReplacements } from './replacements.ts';

/**
 * Git configuration that fetches a repository as us: for this web server alone, so that another remote, and a server behind a
 * redirect, never gets the token. Of an App it is an installation token, which lives an hour, or until it is withdrawn: nobody but
 * git may learn of that, so another one is made when git was refused. A plain token is read anew each time.
 * @see https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation#about-authentication-as-a-github-app-installation
 */
export function createFetchCredentials(hub: GitHubHub, webUrl: string): NonNullable<Forge['fetchCredentials']> {
  const { origin } = new URL(webUrl);
  const replacements = createReplacements(hub.clock);
  return async (repo, signal, isRefused = false) => {
    const { account } = (await callAt(hub, repo, signal)).call;
    const isDue = isRefused && replacements.isDue(account.id);
    const authorization = await account.authorization(signal, isDue);
    if (isDue) replacements.made(account.id);
    return gitCredential(origin, { username: 'x-access-token', password: authorization.replace(/^Bearer /, '') });
  };
}
