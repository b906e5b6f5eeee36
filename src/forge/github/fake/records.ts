/** What somebody may do with a repository, weakest first. https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization */
export const permissions = ['none', 'pull', 'triage', 'push', 'maintain', 'admin'] as const;
export type Permission = (typeof permissions)[number];

/** A person, an organisation, or the account that a GitHub App acts as (`slug[bot]`). */
export interface Account {
  readonly id: number;
  readonly login: string;
  readonly type: 'User' | 'Organization' | 'Bot';
  /** Of an organisation: login in lower case to role. */
  readonly members: Map<string, 'admin' | 'member'>;
  /** Of an organisation: by slug. */
  readonly teams: Map<string, Team>;
}

export interface Team {
  readonly id: number;
  readonly slug: string;
  /** Logins in lower case; `pending` is invited only. */
  readonly members: Map<string, 'active' | 'pending'>;
  /** Full name of a repository in lower case to what the team may do there. */
  readonly repos: Map<string, Permission>;
}

export interface Label {
  readonly id: number;
  readonly name: string;
  readonly color: string;
  readonly description: string | null;
}

export interface Reaction {
  readonly id: number;
  readonly user: string;
  readonly content: ReactionContent;
  readonly createdAt: number;
}

/** https://docs.github.com/en/rest/reactions/reactions#about-reactions */
export const reactionContents = ['+1', '-1', 'laugh', 'confused', 'heart', 'hooray', 'rocket', 'eyes'] as const;
export type ReactionContent = (typeof reactionContents)[number];

/** `lastEditedAt` is null until somebody edits; `updatedAt` moves with it. Epoch ms. */
export interface Comment {
  readonly id: number;
  readonly issue: number;
  readonly author: string;
  readonly body: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly lastEditedAt: number | null;
  /** Who edited it last. */
  readonly editor: string | null;
  readonly reactions: readonly Reaction[];
}

/** The part of a pull request that an issue has not. */
export interface PullPart {
  readonly isDraft: boolean;
  readonly head: { readonly repo: string; readonly ref: string; readonly sha: string };
  readonly base: { readonly ref: string; readonly sha: string };
  readonly mergedAt: number | null;
  readonly mergedBy: string | null;
  readonly mergeCommitSha: string | null;
}

/** An issue or, with `pull`, a pull request: they share numbers, comments and labels, as on GitHub. Times in epoch ms. */
export interface Issue {
  readonly id: number;
  readonly number: number;
  readonly title: string;
  readonly body: string | null;
  readonly author: string;
  readonly state: 'open' | 'closed';
  readonly stateReason: 'completed' | 'reopened' | 'not_planned' | null;
  readonly isLocked: boolean;
  readonly labels: readonly string[];
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly closedAt: number | null;
  readonly closedBy: string | null;
  readonly pull: PullPart | null;
}

/** https://docs.github.com/en/rest/commits/statuses */
export const statusStates = ['error', 'failure', 'pending', 'success'] as const;
export type StatusState = (typeof statusStates)[number];

export interface Status {
  readonly id: number;
  readonly sha: string;
  readonly context: string;
  readonly state: StatusState;
  readonly description: string | null;
  readonly targetUrl: string | null;
  readonly creator: string;
  readonly createdAt: number;
}

/** Commit to its statuses, oldest first. */
export interface StatusBook {
  get(sha: string): readonly Status[] | undefined;
}

/** Everything of a repository that a lagging replica may show as it was. Never changed in place. */
export interface RepoState {
  readonly branches: ReadonlyMap<string, string>;
  readonly tags: ReadonlyMap<string, string>;
  readonly issues: ReadonlyMap<number, Issue>;
  /** Issue number to its comments, oldest first. */
  readonly comments: ReadonlyMap<number, readonly Comment[]>;
  readonly statuses: StatusBook;
  /** By name in lower case. */
  readonly labels: ReadonlyMap<string, Label>;
}

/** A repository. `gitDir` is a real bare repository. */
export interface Repository {
  readonly id: number;
  readonly owner: Account;
  readonly name: string;
  readonly gitDir: string;
  readonly isPrivate: boolean;
  readonly parent: Repository | null;
  readonly createdAt: number;
  defaultBranch: string;
  pushedAt: number;
  /** Login in lower case to permission. */
  readonly collaborators: Map<string, Permission>;
  /** Comment id to issue number, over all time. */
  readonly issueOfComment: Map<number, number>;
  /** Commits that are known to be here. */
  readonly knownShas: Set<string>;
  lastNumber: number;
  /** Only ever added to, so what a lagging replica shows of them is found by their times. */
  readonly statuses: Map<string, Status[]>;
  state: RepoState;
  /** Earlier states, oldest first, each with the moment (epoch ms) since when it held. Bounded. */
  readonly history: { readonly at: number; readonly state: RepoState }[];
}

/** `owner/name`, as GitHub spells it. */
export function fullName(repo: Pick<Repository, 'owner' | 'name'>): string {
  return `${repo.owner.login}/${repo.name}`;
}
