import { startFakeGitHub } from '../../../src/forge/github/fake/fake-github.ts';
import type { Fault, OrderedFault } from '../../../src/forge/github/fake/faults.ts';
import type { FakeFile } from '../../../src/forge/github/fake/git-store.ts';
import type { Status } from '../../../src/forge/github/fake/records.ts';
import { answerParent } from './asked-process.ts';

// The fake GitHub as a process of its own. It is never killed: what GitHub knows, it keeps. It only gets slow, errs, and
// loses deliveries.

const hub = await startFakeGitHub({ env: process.env, mostDeliveries: 20_000 });
const { people } = hub;
const ordered: OrderedFault[] = [];

/** A watched repository with an account of ours that may write statuses in it. */
export interface NewPlace {
  readonly repo: string;
  readonly bot: string;
  readonly files: Readonly<Record<string, FakeFile>>;
  readonly hook: { readonly url: string; readonly secret: string };
}

/** A commit on a branch, which begins at `parent` or where it is. */
export interface NewPush {
  readonly repo: string;
  readonly branch: string;
  readonly files: Readonly<Record<string, FakeFile>>;
  readonly parent?: string;
}

const deeds = {
  port: (_: null): number => Number(new URL(hub.url).port),

  /** What it says of itself from now on, in links and clone addresses. */
  callItself: (url: string): void => {
    Object.assign(hub.world.urls, { api: url, web: url });
  },

  /** Returns the token of our account there, and the first commit. */
  addPlace: async ({ repo, bot, files, hook }: NewPlace): Promise<{ token: string; sha: string }> => {
    const owner = repo.split('/')[0] ?? '';
    people.createOrganisation(owner);
    people.createUser(bot);
    if (!hub.world.accounts.has('ada')) people.createUser('ada');
    const made = await people.createRepo({ name: repo, files });
    people.setCollaborator(repo, 'ada', 'push');
    people.setCollaborator(repo, bot, 'admin');
    people.createHook(repo, { ...hook, pings: false });
    return { token: people.createToken(bot), sha: made.state.branches.get('main') ?? '' };
  },

  /** A token of somebody who only looks. */
  addAuditor: (_: null): string => {
    people.createUser('auditor');
    for (const { owner, name } of hub.world.repos.values())
      people.setCollaborator(`${owner.login}/${name}`, 'auditor', 'admin');
    return people.createToken('auditor');
  },

  push: ({ repo, ...commit }: NewPush): Promise<string> => people.commit(repo, { ...commit, by: 'ada' }),
  /** Points a branch at a commit that is there, by force. */
  pushBack: (push: { repo: string; branch: string; sha: string }): Promise<void> =>
    people.push(push.repo, { branch: push.branch, sha: push.sha, by: 'ada' }),
  openPull: async ({ repo, branch }: { repo: string; branch: string }): Promise<number> =>
    (await people.openPull(repo, { branch, by: 'ada' })).number,
  setPull: async (to: { repo: string; number: number; state: 'open' | 'closed' }): Promise<void> => {
    await people.editPull(to.repo, to.number, { state: to.state, by: 'ada' });
  },

  /** Oldest first. */
  statuses: ({ repo, sha }: { repo: string; sha: string }): readonly Status[] => people.statuses(repo, sha),

  /** Returns its number, to ask for its hits. */
  goWrong: (fault: Fault): number => ordered.push(hub.faults.add(fault)) - 1,
  hits: (number: number): number => ordered[number]?.hits ?? 0,
  lift: (number: number): number => {
    ordered[number]?.lift();
    return ordered[number]?.hits ?? 0;
  },
  delivered: (_: null): Promise<void> => hub.delivered(),
  troubles: (_: null): readonly string[] => [...hub.troubles],
  close: (_: null): Promise<void> => hub.close(),
};

/** What the fake GitHub can be asked for. */
export type GitHubDeeds = typeof deeds;

answerParent(deeds);
