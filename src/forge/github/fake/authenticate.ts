import { createPublicKey, verify } from 'node:crypto';
import type { App } from './app-records.ts';
import type { Actor } from './call.ts';
import { refuse } from './refusal.ts';
import { fullName, type Repository } from './records.ts';
import type { World } from './world.ts';

/**
 * Who a request comes from, by its header `Authorization` (`Bearer`, `token`, or Basic with the token as password).
 * @throws Refusal 401 for a token that is not, or not any more, good.
 */
export function authenticate(world: World, header: string | undefined): Actor {
  if (header === undefined || header === '') return { kind: 'anonymous', key: 'anonymous' };
  const [scheme = '', value = ''] = header.split(' ', 2);
  const secret = scheme.toLowerCase() === 'basic' ? passwordOf(value) : value;
  if (!/^(?:basic|bearer|token)$/i.test(scheme)) throw badCredentials();
  if (secret.split('.').length === 3) return appOf(world, secret);
  const token = world.tokens.get(secret);
  if (token === undefined || (token.expiresAt !== null && token.expiresAt <= world.clock.now())) throw badCredentials();
  if (token.kind === 'user') {
    const { account, scopes } = token;
    return { kind: 'user', key: `user ID ${account.id}`, account, scopes };
  }
  const { installation, repos, permissions } = token;
  if (!world.installations.has(installation.id)) throw badCredentials();
  if (installation.suspendedAt !== null) throw refuse(403, 'This installation has been suspended');
  const key = `installation ID ${installation.id}`;
  return { kind: 'installation', key, account: installation.app.bot, installation, repos, permissions };
}

/** True when an installation reaches the repository. */
export function covers(
  installation: { readonly account: { readonly login: string }; readonly repos: readonly Repository[] | null },
  repo: Repository,
): boolean {
  if (installation.repos !== null) return installation.repos.includes(repo);
  return fullName(repo).toLowerCase().startsWith(`${installation.account.login.toLowerCase()}/`);
}

function passwordOf(value: string): string {
  const text = Buffer.from(value, 'base64').toString('utf8');
  const [user = '', password = ''] = text.split(':', 2);
  return password === '' || password === 'x-oauth-basic' ? user : password;
}

function badCredentials(): Error {
  return refuse(401, 'Bad credentials');
}

/** An App by its JWT: RS256, at most ten minutes long. https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app */
function appOf(world: World, jwt: string): Actor {
  const [head = '', body = '', signature = ''] = jwt.split('.');
  const header = jsonOf(head);
  const claims = jsonOf(body);
  const app = world.apps.get(Number(claims['iss']));
  if (app === undefined) throw refuse(404, 'Integration not found');
  if (header['alg'] !== 'RS256' || !isSigned(app, `${head}.${body}`, signature)) {
    throw refuse(401, 'A JSON web token could not be decoded');
  }
  const now = Math.floor(world.clock.now() / 1000);
  const [issuedAt, expiresAt] = [claims['iat'], claims['exp']];
  if (typeof expiresAt !== 'number' || expiresAt <= now) {
    throw refuse(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  }
  // A clock that is a little fast is let pass.
  if (typeof issuedAt !== 'number' || issuedAt > now + 60) {
    throw refuse(
      401,
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    );
  }
  if (expiresAt > now + 600 + 60) throw refuse(401, "'Expiration time' claim ('exp') is too far in the future");
  return { kind: 'app', key: `app ID ${app.id}`, app };
}

function isSigned(app: App, text: string, signature: string): boolean {
  return verify('RSA-SHA256', Buffer.from(text), createPublicKey(app.publicKey), Buffer.from(signature, 'base64url'));
}

function jsonOf(part: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Answered below.
  }
  throw refuse(401, 'A JSON web token could not be decoded');
}
