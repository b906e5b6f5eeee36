import { z } from 'zod';
import { errorLine, GroundcrewError, isGroundcrewError } from '../../../base/errors.ts';
import type { Account } from '../account/account.ts';
import type { Parameters } from '../client/github-client.ts';
import { accountAt, type GitHubHub, type GitHubRepo, splitRepo } from '../hub.ts';

/** `unknown`: nobody could tell now. It lets nobody in, takes nothing away, and is asked again. */
export type Trusted = 'yes' | 'no' | 'unknown';

/** Who is trusted at a repository, by its rule and what GitHub says of people. */
export interface Trust {
  /**
   * `yesMs`: so old may a yes be. Lists of people are read rather than one person after the other, so that five hundred
   * authors cost a page or two, and an unchanged list costs no quota at all. Throws only when `signal` aborts.
   */
  of(
    repo: GitHubRepo,
    logins: Iterable<string>,
    options: { readonly yesMs: number; readonly signal: AbortSignal },
  ): Promise<ReadonlyMap<string, Trusted>>;
  /** Reads the lists that `of` will need, while something else is under way. Never throws. */
  warm(repo: GitHubRepo, options: { readonly yesMs: number; readonly signal: AbortSignal }): Promise<void>;
}

/** A no is asked again sooner than a yes: somebody who was just let in should not wait. */
export const trustAges = { yesMs: 10 * 60_000, freshYesMs: 60_000, noMs: 2 * 60_000 } as const;
const mostPages = 10;

/** People of one kind: an organisation's, a team's, or who may write to a repository. */
interface Group {
  readonly key: string;
  readonly owner: string;
  /** Each entry of its list says by itself whether this one may write. */
  readonly isWriters?: true;
  readonly list: { readonly route: string; readonly parameters: Parameters };
  /** `saysYes` reads the answer about one person: whatever does not say yes in the words of this route is no yes. */
  readonly one: { readonly route: string; readonly parameters: Parameters; readonly saysYes: z.ZodType<boolean> };
}

/** What we keep of a group; null members: it cannot be listed (too large, or not for us), so people are asked for. */
const keptSchema = z.object({ members: z.array(z.string()).nullable() });

// Collaborators come with their rights; a server that does not know the filter must not make everybody a writer.
const personSchema = z.object({ login: z.string(), permissions: z.object({ push: z.boolean() }).optional() });
const membershipSchema = z.object({ state: z.string() });
const permissionSchema = z.object({ permission: z.string() });

export function createTrust(hub: GitHubHub): Trust {
  const { client, cache, clock, logger } = hub;
  const reading = new Map<string, Promise<ReadonlySet<string> | null>>();

  const readList = async (group: Group, account: Account, signal: AbortSignal): Promise<ReadonlySet<string> | null> => {
    const members = new Set<string>();
    let pages = 0;
    try {
      const answers = client.pages(group.list.route, group.list.parameters, z.array(personSchema), { account, signal });
      for await (const page of answers) {
        for (const { login, permissions } of page) {
          if (!group.isWriters || permissions?.push === true) members.add(login.toLowerCase());
        }
        pages += 1;
        if (pages >= mostPages && page.length >= 100) return null;
      }
      return members;
    } catch (error) {
      const isNotForUs = isGroundcrewError(error, 'forge/forbidden') || isGroundcrewError(error, 'forge/not-found');
      if (!isNotForUs) throw error;
      return null;
    }
  };

  const listOf = async (
    group: Group,
    account: Account,
    options: { readonly maxAgeMs: number; readonly signal: AbortSignal },
  ): Promise<{ readonly members: ReadonlySet<string> | null; readonly ageMs: number }> => {
    const kept = cache.note('people', group.key);
    const ageMs = kept === null ? Number.POSITIVE_INFINITY : Math.max(0, clock.now() - kept.at);
    if (kept !== null && ageMs <= options.maxAgeMs) {
      const known = keptSchema.safeParse(safeJson(kept.value));
      if (known.success) return { members: known.data.members === null ? null : new Set(known.data.members), ageMs };
    }
    const others = reading.get(group.key);
    const running = others ?? readList(group, account, options.signal);
    reading.set(group.key, running);
    try {
      const members = await running.catch((error: unknown) => {
        // Whoever began it gave up; we have not.
        if (others === undefined || !isGroundcrewError(error, 'forge/aborted')) throw error;
        return readList(group, account, options.signal);
      });
      await cache.keepNote('people', group.key, JSON.stringify({ members: members === null ? null : [...members] }));
      return { members, ageMs: 0 };
    } finally {
      if (reading.get(group.key) === running) reading.delete(group.key);
    }
  };

  const askForOne = async (
    group: Group,
    login: string,
    account: Account,
    options: { readonly yesMs: number; readonly signal: AbortSignal },
  ): Promise<boolean> => {
    const key = `${group.key} ${login}`;
    const kept = cache.note('people', key);
    const ageMs = kept === null ? Number.POSITIVE_INFINITY : Math.max(0, clock.now() - kept.at);
    if (kept?.value === 'yes' && ageMs <= options.yesMs) return true;
    if (kept?.value === 'no' && ageMs <= trustAges.noMs) return false;
    const call = { account, signal: options.signal };
    const parameters = { ...group.one.parameters, username: login };
    const isMember = await client.getOrNull(group.one.route, parameters, group.one.saysYes, call);
    await cache.keepNote('people', key, isMember === true ? 'yes' : 'no');
    return isMember === true;
  };

  const isIn = async (
    group: Group,
    login: string,
    options: { readonly yesMs: number; readonly signal: AbortSignal },
  ): Promise<boolean> => {
    const account = await accountAt(hub, group.owner, options.signal);
    let list = await listOf(group, account, { maxAgeMs: options.yesMs, signal: options.signal });
    if (list.members === null) return askForOne(group, login, account, options);
    if (list.members.has(login)) return true;
    if (list.ageMs <= trustAges.noMs) return false;
    list = await listOf(group, account, { maxAgeMs: trustAges.noMs, signal: options.signal });
    return list.members?.has(login) ?? askForOne(group, login, account, options);
  };

  const judge = async (
    repo: GitHubRepo,
    login: string,
    options: { readonly yesMs: number; readonly signal: AbortSignal },
  ): Promise<Trusted> => {
    const name = login.toLowerCase();
    if (repo.trust.users.some((user) => user.toLowerCase() === name)) return 'yes';
    // No list has Apps; asking for each would only cost.
    if (name.endsWith('[bot]') || !/^[a-z0-9][a-z0-9_-]{0,99}$/.test(name)) return 'no';
    let isUnknown = false;
    for (const group of groupsOf(repo)) {
      try {
        if (await isIn(group, name, options)) return 'yes';
      } catch (error) {
        if (options.signal.aborted) throw error;
        isUnknown = true;
        logger.warn('whether somebody is trusted could not be looked up; for now it is left open', {
          forge: hub.forge,
          repo: repo.name,
          group: group.key,
          why: errorLine(error),
        });
      }
    }
    return isUnknown ? 'unknown' : 'no';
  };

  return {
    async warm(repo, { yesMs, signal }) {
      await Promise.allSettled(
        groupsOf(repo).map(async (group) => {
          const account = await accountAt(hub, group.owner, signal);
          await listOf(group, account, { maxAgeMs: yesMs, signal });
        }),
      );
    },
    async of(repo, logins, options) {
      const unique = [...new Set([...logins].map((login) => login.toLowerCase()))];
      const judged = await Promise.all(
        unique.map(async (login) => [login, await judge(repo, login, options)] as const),
      );
      if (options.signal.aborted)
        throw new GroundcrewError('forge/aborted', 'whoever asked gave up', { retry: 'later' });
      return new Map(judged);
    },
  };
}

function groupsOf({ name, trust }: GitHubRepo): readonly Group[] {
  const groups: Group[] = [];
  const at = splitRepo(name);
  if (trust.permission === 'write' && at !== null) {
    groups.push({
      key: `writers:${name.toLowerCase()}`,
      owner: at.owner,
      isWriters: true,
      // https://docs.github.com/en/rest/collaborators/collaborators
      list: { route: 'GET /repos/{owner}/{repo}/collaborators', parameters: { ...at, permission: 'push' } },
      one: {
        route: 'GET /repos/{owner}/{repo}/collaborators/{username}/permission',
        parameters: at,
        saysYes: permissionSchema.transform(({ permission }) => permission === 'write' || permission === 'admin'),
      },
    });
  }
  for (const team of trust.teams) {
    const [org = '', slug = ''] = team.split('/');
    const parameters = { org, team_slug: slug };
    groups.push({
      key: `team:${team.toLowerCase()}`,
      owner: org,
      // https://docs.github.com/en/rest/teams/members
      list: { route: 'GET /orgs/{org}/teams/{team_slug}/members', parameters },
      one: {
        route: 'GET /orgs/{org}/teams/{team_slug}/memberships/{username}',
        parameters,
        saysYes: membershipSchema.transform(({ state }) => state === 'active'),
      },
    });
  }
  for (const org of trust.organisations) {
    groups.push({
      key: `organisation:${org.toLowerCase()}`,
      owner: org,
      // https://docs.github.com/en/rest/orgs/members
      list: { route: 'GET /orgs/{org}/members', parameters: { org } },
      // A member is said by a bare 204.
      one: {
        route: 'GET /orgs/{org}/members/{username}',
        parameters: { org },
        saysYes: z.null().transform(() => true),
      },
    });
  }
  return groups;
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
