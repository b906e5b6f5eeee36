import { GroundcrewError } from './errors.ts';

/** Answers `get` alone: git also tells a helper what worked and what did not, and nothing is kept. */
const helper = '!f() { test "$1" != get || git config --get groundcrew.credential; }; f';

/**
 * Git configuration (`GitCall.config`) with which git logs in at one web server and nowhere else. git asks its helper when a
 * server wants credentials, by the address that it was led to: another server behind a redirect gets none, which a header
 * (`http.<url>.extraHeader`) would not give: git (2.39) leaves it out of the redirected request alone. The password stands in
 * the environment of git, in no argument and no file. `origin` as `URL.origin`.
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
    'groundcrew.credential': `username=${username}\npassword=${password}`,
    // A repository that was renamed: git (2.39) forgets where it was led when it had to log in first, and curl has to follow
    // each request. It gives credentials to no other host or port on the way.
    [`http.${origin}/.followRedirects`]: 'true',
  };
}
