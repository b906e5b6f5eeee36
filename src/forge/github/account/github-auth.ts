import { z } from 'zod';
import type { Clock } from '../../../base/clock.ts';
import { errorLine, GroundcrewError, isGroundcrewError } from '../../../base/errors.ts';
import { plain } from '../../../base/git.ts';
import { hashOf } from '../../../base/ids.ts';
import type { Logger } from '../../../base/logger.ts';
import type { Account } from './account.ts';
import { appJwt } from './app-jwt.ts';
import type { GitHubClient } from '../client/github-client.ts';
import type { Governor } from '../client/governor.ts';

/** How we prove who we are. Secrets are asked for at each use, so that a new one counts at once. */
export type GitHubAuth =
  | {
      readonly kind: 'token';
      readonly token: () => string;
      /** Reads and nothing else: what workers of other machines fetch with. Absent: there is none. */
      readonly fetchToken?: () => string;
    }
  | { readonly kind: 'app'; readonly appId: string | number; readonly privateKey: () => string };

/** Who we are at which owner. */
export interface Accounts {
  /**
   * The account that works on what this owner has.
   * @throws GroundcrewError `forge/not-installed`, and whatever a request may
   */
  of(owner: string, signal: AbortSignal): Promise<Account>;
  /** The App itself, for what is about the App; null with a plain token. */
  readonly app: Account | null;
  /** The id of the account of that owner, as far as it is known without asking; null: not yet. */
  readonly knownFor: (owner: string) => string | null;
  /** Where the App is installed, asked anew; null with a plain token. */
  installations(signal: AbortSignal): Promise<readonly Installation[] | null>;
  /**
   * What the App may at this owner, read at `sinceMs` (epoch ms) or later; empty: it is not installed there. Null with a plain
   * token.
   */
  permissionsAt(owner: string, sinceMs: number, signal: AbortSignal): Promise<Installation['permissions'] | null>;
  /** The App's installation at this owner; null: none that works, or a plain token. */
  installationAt(owner: string, signal: AbortSignal): Promise<number | null>;
}

const installationSchema = z.object({
  id: z.number(),
  account: z.object({ login: z.string() }).nullable(),
  suspended_at: z.string().nullish(),
  permissions: z.record(z.string(), z.string()),
  events: z.array(z.string()),
});
/** One installation of the App. `permissions`: name to `read`, `write` or `admin`. */
export type Installation = z.output<typeof installationSchema>;

const tokenSchema = z.object({ token: z.string().min(1), expires_at: z.iso.datetime({ offset: true }) });

/** Installation tokens live an hour; ours are replaced when they have this much left. */
const renewBeforeMs = 10 * 60_000;
/** Until a token that we could not replace is not used any more. */
const graceMs = 30_000;
const installationsForMs = 10 * 60_000;
/** An owner that was not there is looked for again after this. */
const missingForMs = 30_000;
const jwtForMs = 8 * 60_000;

export function createAccounts(options: {
  readonly auth: GitHubAuth;
  readonly client: GitHubClient;
  /** One for each account, made when it is first used. */
  readonly governorOf: (accountId: string) => Governor;
  readonly clock: Clock;
  readonly logger: Logger;
}): Accounts {
  const { auth, client, governorOf, clock, logger } = options;
  const governors = new Map<string, Governor>();
  const governed = (id: string): Governor => {
    const governor = governors.get(id) ?? governorOf(id);
    governors.set(id, governor);
    return governor;
  };
  if (auth.kind === 'token') {
    // The last one: an edit of the token counts when it is next used, and what cannot be read now is no account.
    let last: string | null = null;
    return {
      app: null,
      installations: () => Promise.resolve(null),
      installationAt: () => Promise.resolve(null),
      permissionsAt: () => Promise.resolve(null),
      knownFor: () => last,
      async of() {
        const token = auth.token();
        const id = `token-${hashOf([token], 16)}`;
        last = id;
        return { id, governor: governed(id), authorization: () => Promise.resolve(`Bearer ${token}`) };
      },
    };
  }

  const appId = `app-${String(auth.appId)}`;
  let jwt: { readonly text: string; readonly until: number; readonly key: string } | null = null;
  const app: Account = {
    id: appId,
    governor: governed(appId),
    authorization: async (_signal, isRefused = false) => {
      const key = auth.privateKey();
      if (jwt === null || isRefused || jwt.until <= clock.now() || jwt.key !== key) {
        jwt = { text: appJwt(auth.appId, key, clock.now()), until: clock.now() + jwtForMs, key };
      }
      return `Bearer ${jwt.text}`;
    },
  };

  let known: { readonly at: number; readonly list: readonly Installation[] } | null = null;
  const installations = async (signal: AbortSignal): Promise<readonly Installation[]> => {
    const list: Installation[] = [];
    // Before it is asked: what changes meanwhile may be missing in the answer.
    const at = clock.now();
    const pages = client.pages('GET /app/installations', {}, z.array(installationSchema), { account: app, signal });
    for await (const page of pages) list.push(...page);
    known = { at, list };
    return list;
  };
  const ofOwner = (owner: string, list: readonly Installation[] | undefined): Installation | undefined =>
    list?.find(({ account }) => account?.login.toLowerCase() === owner.toLowerCase());
  const installationOf = async (owner: string, signal: AbortSignal): Promise<Installation> => {
    const age = known === null ? Number.POSITIVE_INFINITY : clock.now() - known.at;
    let found = age < installationsForMs ? ofOwner(owner, known?.list) : undefined;
    if (found === undefined && age >= missingForMs) found = ofOwner(owner, await installations(signal));
    if (found === undefined || (found.suspended_at ?? null) !== null) {
      const what = found === undefined ? 'not installed' : 'suspended';
      throw new GroundcrewError('forge/not-installed', `the GitHub App is ${what} at ${plain(owner)}`, {
        retry: 'later',
      });
    }
    return found;
  };

  const accounts = new Map<number, Account>();
  const makeAccount = (installationId: number): Account => {
    const id = `${appId}-${installationId}`;
    let held: { readonly token: string; readonly expiresAt: number } | null = null;
    let renewing: Promise<void> | null = null;
    const renew = async (): Promise<void> => {
      // Its own end, not the first caller's: others wait for the same token.
      const signal = AbortSignal.timeout(60_000);
      const route = 'POST /app/installations/{installation_id}/access_tokens';
      const call = { account: app, signal, isContent: false };
      const told = await client.write(route, { installation_id: installationId }, tokenSchema, call);
      held = { token: told.token, expiresAt: Date.parse(told.expires_at) };
      logger.debug('a token for a GitHub installation was made', { installation: installationId });
    };
    return {
      id,
      governor: governed(id),
      async authorization(signal, isRefused = false) {
        const leftMs = isRefused || held === null ? 0 : held.expiresAt - clock.now();
        if (leftMs < renewBeforeMs) {
          renewing ??= renew().finally(() => {
            renewing = null;
          });
          try {
            await raced(renewing, signal);
          } catch (error) {
            if (leftMs < graceMs || signal.aborted) throw error;
            logger.warn('a token for GitHub could not be renewed yet', { why: errorLine(error) });
          }
        }
        if (held === null) throw new GroundcrewError('forge/unauthorized', 'no token for this GitHub installation');
        return `Bearer ${held.token}`;
      },
    };
  };

  return {
    app,
    installations,
    async permissionsAt(owner, sinceMs, signal) {
      const list = known !== null && known.at >= sinceMs ? known.list : await installations(signal);
      const found = ofOwner(owner, list);
      return (found?.suspended_at ?? null) === null ? (found?.permissions ?? {}) : {};
    },
    async installationAt(owner, signal) {
      try {
        return (await installationOf(owner, signal)).id;
      } catch (error) {
        if (isNotInstalled(error)) return null;
        throw error;
      }
    },
    knownFor(owner) {
      const found = ofOwner(owner, known?.list);
      return found === undefined ? null : `${appId}-${found.id}`;
    },
    async of(owner, signal) {
      const { id } = await installationOf(owner, signal);
      const account = accounts.get(id) ?? makeAccount(id);
      accounts.set(id, account);
      return account;
    },
  };
}

/** The promise, unless the signal is faster. */
async function raced<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => {
      reject(new GroundcrewError('forge/aborted', 'whoever asked GitHub gave up', { retry: 'later' }));
    };
  });
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Whether an error means that this owner has nothing to do with our App. */
export function isNotInstalled(error: unknown): boolean {
  return isGroundcrewError(error, 'forge/not-installed');
}
