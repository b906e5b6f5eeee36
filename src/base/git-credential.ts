import { GroundcrewError } from './errors.ts';

/** Where the credentials stand in what `gitCredential` makes; no key of git, which never sees it. */
export const credentialKey = 'groundcrew.credential';

/**
 * Answers `get` alone: git also tells a helper what worked and what did not, and nothing is kept. A fetch may ask more than
 * once, from processes that know nothing of each other. The answer ends with an empty line.
 */
const helper =
  '!f() { test "$1" = get || return 0; echo >&3; while IFS= read -r line <&3 && test -n "$line"; do printf "%s\\n" "$line"; done; }; f';

/**
 * Git configuration (`GitCall.config`) with which git logs in at one web server and nowhere else. git asks its helper when a
 * server wants credentials, by the address that it was led to: another server behind a redirect gets none, which a header
 * (`http.<url>.extraHeader`) would not give: git (2.39) leaves it out of the redirected request alone. The password
 * goes to the helper through a socket that only git and what it starts have: it stands in no argument, no environment (both of which
 * /proc shows to every process of our user, jobs without a container among them) and no file. `origin` as `URL.origin`.
 * @see https://git-scm.com/docs/gitcredentials#_custom_helpers
 * @throws GroundcrewError `git/bad-credential`
 */
export function gitCredential(
  origin: string,
  { username, password }: { readonly username: string; readonly password: string },
): Readonly<Record<string, string>> {
  if (!URL.canParse(origin) || new URL(origin).origin !== origin || !/^https?:/.test(origin)) {
    throw new GroundcrewError('git/bad-credential', 'credentials for git need the origin of a web server');
  }
  if (/\p{Cc}/u.test(username + password)) {
    throw new GroundcrewError('git/bad-credential', `the credentials for ${origin} have control characters in them`);
  }
  return {
    [`credential.${origin}.helper`]: helper,
    [credentialKey]: `username=${username}\npassword=${password}\n\n`,
    // A repository that was renamed: git (2.39) forgets where it was led when it had to log in first, and curl has to follow
    // each request. It gives credentials to no other host or port on the way.
    [`http.${origin}/.followRedirects`]: 'true',
  };
}
