import {
  createAccount,
  createApp,
  createToken,
  giveTeam,
  installApp,
  type NewApp,
  type NewToken,
  revokeToken,
  setCollaborator,
  setMember,
  setTeamMember,
} from './act-accounts.ts';
import {
  announceInstallation,
  announceRepo,
  createHook,
  type NewHook,
  setInstallation,
  setInstallationRepos,
} from './act-hooks.ts';
import { createIssue, editIssue, type IssueEdit, type NewIssue } from './act-issues.ts';
import { mergePull } from './act-merge.ts';
import { editPull, type NewPull, openPulls, type PullEdit, pullOf, setPullState } from './act-pulls.ts';
import {
  type BranchCommit,
  commitMany,
  createRepo,
  deleteRepo,
  forkRepo,
  type NewRepo,
  pushBranch,
} from './act-repos.ts';
import { commentOf, createComment, deleteComment, editComment, type NewStatus, react, setStatus } from './act-talk.ts';
import type { App, Hook, Installation } from './app-records.ts';
import type { Deliverer } from './deliveries.ts';
import type { Pull } from './json-pull.ts';
import type { Account, Comment, Issue, Permission, ReactionContent, Repository, Status } from './records.ts';
import { repoOf, type World } from './world.ts';

/**
 * What people do on GitHub. A repository is named `owner/name`, a person by login; `by` is who does it, the owner where it
 * may be left out. Nothing here counts against a limit or asks for permission; all of it tells the hooks. What cannot be
 * (no such branch, a number that is taken) throws an Error: a fault of the test.
 */
export interface People {
  createUser(login: string): Account;
  createOrganisation(login: string): Account;
  setMember(org: string, login: string, role: 'admin' | 'member' | null): void;
  setTeamMember(org: string, team: string, login: string, state?: 'active' | 'pending' | null): void;
  giveTeam(org: string, team: string, to: { readonly repo: string; readonly permission: Permission }): void;
  setCollaborator(repo: string, login: string, permission: Permission): void;
  createToken(login: string, token?: NewToken): string;
  revokeToken(token: string): void;
  createApp(app: NewApp): App;
  /** On these repositories of the account, or on all of them. */
  installApp(app: App, on: { readonly account: string; readonly repos?: readonly string[] }): Installation;
  setInstallation(installation: Installation, to: 'deleted' | 'suspended' | 'active'): void;
  setInstallationRepos(installation: Installation, repos: readonly string[]): void;
  /** A webhook of a repository or of an App. */
  createHook(of: string | App, hook: NewHook): Hook;

  createRepo(repo: NewRepo): Promise<Repository>;
  fork(repo: string, to: string): Promise<Repository>;
  deleteRepo(repo: string): void;
  /** Returns the new commit. */
  commit(repo: string, commit: BranchCommit): Promise<string>;
  /** One commit on each branch, in one go of git: for hundreds of branches. */
  commitMany(repo: string, commits: readonly BranchCommit[]): Promise<readonly string[]>;
  /** Points a branch at a commit of this repository, or of `from`, by force. */
  push(
    repo: string,
    push: { readonly branch: string; readonly sha: string; readonly by?: string; readonly from?: string },
  ): Promise<void>;
  deleteBranch(repo: string, branch: string, by?: string): Promise<void>;

  openPull(repo: string, pull: NewPull): Promise<Pull>;
  openPulls(repo: string, pulls: readonly NewPull[]): Promise<readonly Pull[]>;
  /** Edits a pull request: title, body, labels (all of them), base, draft; closes it, opens it again. */
  editPull(repo: string, number: number, edit: IssueEdit & PullEdit & { readonly by?: string }): Promise<Pull>;
  label(repo: string, number: number, label: string, by?: string): void;
  unlabel(repo: string, number: number, label: string, by?: string): void;
  mergePull(repo: string, number: number, by?: string): Promise<Pull>;
  pull(repo: string, number: number): Pull;

  createIssue(repo: string, issue: NewIssue): Issue;
  editIssue(repo: string, number: number, edit: IssueEdit & { readonly by?: string }): Issue;
  comment(repo: string, number: number, comment: { readonly body: string; readonly by: string }): Comment;
  editComment(repo: string, id: number, to: { readonly body: string; readonly by?: string }): Comment;
  deleteComment(repo: string, id: number, by?: string): void;
  react(repo: string, commentId: number, content: ReactionContent, by: string): void;
  comments(repo: string, number: number): readonly Comment[];

  setStatus(repo: string, sha: string, status: NewStatus & { readonly by: string }): Status;
  /** Oldest first, all of them. */
  statuses(repo: string, sha: string): readonly Status[];
}

/** Binds the deeds to a world. */
export function createPeople(world: World, deliverer: Deliverer): People {
  const at = (name: string): Repository => repoOf(world, name);
  const issueOf = (repo: string, number: number): Issue => {
    const issue = at(repo).state.issues.get(number);
    if (issue === undefined) throw new Error(`the fake's ${repo} has no #${number}`);
    return issue;
  };
  const comment = (repo: string, id: number): Comment => {
    const found = commentOf(at(repo), id);
    if (found === null) throw new Error(`the fake's ${repo} has no comment ${id}`);
    return found;
  };
  const relabel = (
    repo: string,
    number: number,
    by: string | undefined,
    to: (now: readonly string[]) => readonly string[],
  ): void => {
    const issue = issueOf(repo, number);
    editIssue(world, at(repo), issue, { edit: { labels: to(issue.labels) }, by: by ?? at(repo).owner.login });
  };
  return {
    createUser: (login) => createAccount(world, login),
    createOrganisation: (login) => createAccount(world, login, 'Organization'),
    setMember: (org, login, role) => {
      setMember(world, org, login, role);
    },
    setTeamMember: (org, team, login, state = 'active') => {
      setTeamMember(world, org, team, { login, state });
    },
    giveTeam: (org, team, to) => {
      giveTeam(world, org, team, to);
    },
    setCollaborator: (repo, login, permission) => {
      setCollaborator(world, repo, login, permission);
    },
    createToken: (login, token) => createToken(world, login, token),
    revokeToken: (token) => {
      revokeToken(world, token);
    },
    createApp: (app) => createApp(world, app),
    installApp: (app, on) => {
      const installation = installApp(world, app, on);
      announceInstallation(world, installation, 'created');
      return installation;
    },
    setInstallation: (installation, to) => {
      setInstallation(world, installation, to);
    },
    setInstallationRepos: (installation, repos) => {
      setInstallationRepos(world, installation, repos);
    },
    createHook: (of, hook) => createHook(world, deliverer, of, hook),

    createRepo: async (wanted) => {
      const repo = await createRepo(world, wanted);
      announceRepo(world, repo, 'created');
      return repo;
    },
    fork: (repo, to) => forkRepo(world, repo, to),
    deleteRepo: (name) => {
      const repo = at(name);
      announceRepo(world, repo, 'deleted');
      deleteRepo(world, name);
    },
    commit: async (repo, commit) => (await commitMany(world, at(repo), [commit]))[0] ?? '',
    commitMany: (repo, commits) => commitMany(world, at(repo), commits),
    push: (repo, push) => pushBranch(world, at(repo), push),
    deleteBranch: (repo, branch, by) =>
      pushBranch(world, at(repo), { branch, sha: null, ...(by === undefined ? {} : { by }) }),

    openPull: async (repo, pull) => {
      const [opened] = await openPulls(world, at(repo), [pull]);
      if (opened === undefined) throw new Error('no pull request was opened');
      return opened;
    },
    openPulls: (repo, pulls) => openPulls(world, at(repo), pulls),
    editPull: async (repo, number, { by, base, isDraft, state, ...edit }) => {
      const who = by ?? at(repo).owner.login;
      editIssue(world, at(repo), pullOf(at(repo), number), { edit, by: who });
      const more = { ...(base === undefined ? {} : { base }), ...(isDraft === undefined ? {} : { isDraft }) };
      editPull(world, at(repo), pullOf(at(repo), number), { edit: more, by: who });
      if (state !== undefined) await setPullState(world, at(repo), pullOf(at(repo), number), { state, by: who });
      return pullOf(at(repo), number);
    },
    label: (repo, number, label, by) => {
      relabel(repo, number, by, (now) => [...now, label]);
    },
    unlabel: (repo, number, label, by) => {
      relabel(repo, number, by, (now) => now.filter((other) => other.toLowerCase() !== label.toLowerCase()));
    },
    mergePull: (repo, number, by) => mergePull(world, at(repo), pullOf(at(repo), number), by ?? at(repo).owner.login),
    pull: (repo, number) => pullOf(at(repo), number),

    createIssue: (repo, issue) => createIssue(world, at(repo), issue),
    editIssue: (repo, number, { by, ...edit }) =>
      editIssue(world, at(repo), issueOf(repo, number), { edit, by: by ?? at(repo).owner.login }),
    comment: (repo, number, { body, by }) =>
      createComment(world, at(repo), { issue: issueOf(repo, number).number, body, by }),
    editComment: (repo, id, { body, by }) => {
      const before = comment(repo, id);
      return editComment(world, at(repo), before, { body, by: by ?? before.author });
    },
    deleteComment: (repo, id, by) => {
      const before = comment(repo, id);
      deleteComment(world, at(repo), before, by ?? before.author);
    },
    react: (repo, id, content, by) => {
      react(world, at(repo), comment(repo, id), { content, by });
    },
    comments: (repo, number) => at(repo).state.comments.get(number) ?? [],

    setStatus: (repo, sha, status) => setStatus(world, at(repo), sha, status),
    statuses: (repo, sha) => [...(at(repo).statuses.get(sha) ?? [])],
  };
}
