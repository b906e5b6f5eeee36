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
  /** Who may not see the organisation's people gets shorter lists and a plain "not found", not a refusal. */
  readonly isOrganisations?: true;
  /** Each entry of its list says by itself whether this one may write. */
  readonly isWriters?: true;
  readonly list: { readonly route: string; readonly parameters: Parameters };
  /** `saysYes` reads the answer about one person: whatever does not say yes in the words of this route is no yes. */
  readonly one: { readonly route: string; readonly parameters: Parameters; readonly saysYes: z.ZodType<boolean> };
}

/** What we keep of a group; null members: it cannot be listed (too large, or not for us), so people are asked for. */
const keptSchema = z.object({ members: z.array(z.string()).nullable(), isMissing: z.boolean().default(false) });

/** A group's list. `isMissing`: GitHub says that there is no such thing, which it also says to who may not know. */
interface Listed {
  readonly members: ReadonlySet<string> | null;
  readonly isMissing: boolean;
}

// Collaborators come with their rights; a server that does not know the filter must not make everybody a writer.
const personSchema = z.object({ login: z.string(), permissions: z.object({ push: z.boolean() }).optional() });
const membershipSchema = z.object({ state: z.string() });
/** A bare 204. */
const isSaid = z.null().transform(() => true);
const permissionSchema = z.object({ permission: z.string() });

export function createTrust(hub: GitHubHub): Trust {
  const { client, cache, clock, logger } = hub;
  const reading = new Map<string, Promise<Listed>>();

  const readList = async (group: Group, account: Account, signal: AbortSignal): Promise<Listed> => {
    const members = new Set<string>();
    let pages = 0;
    try {
      const answers = client.pages(group.list.route, group.list.parameters, z.array(personSchema), { account, signal });
      for await (const page of answers) {
        for (const { login, permissions } of page) {
          if (!group.isWriters || permissions?.push === true) members.add(login.toLowerCase());
        }
        pages += 1;
        if (pages >= mostPages && page.length >= 100) return { members: null, isMissing: false };
      }
      return { members, isMissing: false };
    } catch (error) {
      const isMissing = isGroundcrewError(error, 'forge/not-found');
      if (!isMissing && !isGroundcrewError(error, 'forge/forbidden')) throw error;
      return { members: null, isMissing };
    }
  };

  const listOf = async (
    group: Group,
    account: Account,
    options: { readonly maxAgeMs: number; readonly signal: AbortSignal },
  ): Promise<Listed & { readonly ageMs: number }> => {
    const kept = cache.note('people', group.key);
    const ageMs = kept === null ? Number.POSITIVE_INFINITY : Math.max(0, clock.now() - kept.at);
    if (kept !== null && ageMs <= options.maxAgeMs) {
      const known = keptSchema.safeParse(safeJson(kept.value));
      if (known.success) {
        const { members, isMissing } = known.data;
        return { members: members === null ? null : new Set(members), isMissing, ageMs };
      }
    }
    const others = reading.get(group.key);
    const running = others ?? readList(group, account, options.signal);
    reading.set(group.key, running);
    try {
      const listed = await running.catch((error: unknown) => {
        // Whoever began it gave up; we have not.
        if (others === undefined || !isGroundcrewError(error, 'forge/aborted')) throw error;
        return readList(group, account, options.signal);
      });
      const { members, isMissing } = listed;
      const kept = JSON.stringify({ members: members === null ? null : [...members], isMissing });
      await cache.keepNote('people', group.key, kept);
      return { ...listed, ageMs: 0 };
    } finally {
      if (reading.get(group.key) === running) reading.delete(group.key);
    }
  };

  /** `missing`: not found, which GitHub also says to who may not know. `at`: when it was said, epoch ms. */
  const askForOne = async (
    group: Group,
    login: string,
    account: Account,
    options: { readonly yesMs: number; readonly signal: AbortSignal },
  ): Promise<{ readonly said: 'yes' | 'no' | 'missing'; readonly at: number }> => {
    const key = `${group.key} ${login}`;
    const kept = cache.note('people', key);
    const ageMs = kept === null ? Number.POSITIVE_INFINITY : Math.max(0, clock.now() - kept.at);
    if (kept?.value === 'yes' && ageMs <= options.yesMs) return { said: 'yes', at: kept.at };
    if ((kept?.value === 'no' || kept?.value === 'missing') && ageMs <= trustAges.noMs) {
      return { said: kept.value, at: kept.at };
    }
    const call = { account, signal: options.signal };
    const parameters = { ...group.one.parameters, username: login };
    const isMember = await client.getOrNull(group.one.route, parameters, group.one.saysYes, call);
    const said = isMember === null ? 'missing' : isMember ? 'yes' : 'no';
    await cache.keepNote('people', key, said);
    return { said, at: clock.now() };
  };

  /**
   * Whether GitHub's "no" about somebody in this group is one. To an App without the permission Members, and to who is not in
   * the organisation, the members who keep it to themselves are not there. Learnt after that "no", since a permission may
   * have been taken away before it.
   * https://docs.github.com/en/rest/orgs/members#list-organization-members
   * https://docs.github.com/en/rest/orgs/members#check-organization-membership-for-a-user
   */
  const maySee = async (
    group: Group,
    { isMissing, at }: { readonly isMissing: boolean; readonly at: number },
    account: Account,
    signal: AbortSignal,
  ): Promise<boolean> => {
    if (group.isOrganisations !== true) return !isMissing;
    const granted = await hub.accounts.permissionsAt(group.owner, at, signal);
    if (granted !== null) return granted['members'] !== undefined;
    // Nobody is told of a team that is hidden from them.
    if (isMissing) return false;
    const key = `sees:${account.id} ${group.owner.toLowerCase()}`;
    const kept = cache.note('people', key);
    if (kept !== null && kept.at >= at && clock.now() - kept.at <= trustAges.yesMs) return kept.value === 'yes';
    const call = { account, signal };
    const { login } = await client.get('GET /user', {}, personSchema, call);
    const parameters = { org: group.owner, username: login };
    const said = await client.getOrNull('GET /orgs/{org}/members/{username}', parameters, isSaid, call);
    await cache.keepNote('people', key, said === true ? 'yes' : 'no');
    return said === true;
  };

  const isIn = async (
    group: Group,
    login: string,
    options: { readonly yesMs: number; readonly signal: AbortSignal },
  ): Promise<Trusted> => {
    const { signal } = options;
    const account = await accountAt(hub, group.owner, signal);
    let list = await listOf(group, account, { maxAgeMs: options.yesMs, signal });
    if (list.members?.has(login) === false && list.ageMs > trustAges.noMs) {
      list = await listOf(group, account, { maxAgeMs: trustAges.noMs, signal });
    }
    let at = clock.now() - list.ageMs;
    if (list.members === null) {
      const one = await askForOne(group, login, account, options);
      if (one.said !== 'missing') return one.said;
      ({ at } = one);
    } else if (list.members.has(login)) {
      return 'yes';
    }
    return (await maySee(group, { isMissing: list.isMissing, at }, account, signal)) ? 'no' : 'unknown';
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
        const is = await isIn(group, name, options);
        if (is === 'yes') return 'yes';
        if (is === 'no') continue;
        isUnknown = true;
        logger.warn('we may not see who is in there, so nobody is said not to be', {
          forge: hub.forge,
          repo: repo.name,
          group: group.key,
        });
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
      isOrganisations: true,
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
      isOrganisations: true,
      // https://docs.github.com/en/rest/orgs/members
      list: { route: 'GET /orgs/{org}/members', parameters: { org } },
      // A member is said by a bare 204.
      one: {
        route: 'GET /orgs/{org}/members/{username}',
        parameters: { org },
        saysYes: isSaid,
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
