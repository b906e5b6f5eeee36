import { makeLabel } from './act-labels.ts';
import type { FakeFile, NewCommit } from './git-store.ts';
import { moveRefs } from './act-refs.ts';
import { fullName, type Account, type Repository, type Status } from './records.ts';
import { accountOf, change, repoOf, type World } from './world.ts';

/** A repository to make. It begins with one commit on its default branch. */
export interface NewRepo {
  /** `owner/name`; the owner exists. */
  readonly name: string;
  readonly isPrivate?: boolean;
  readonly defaultBranch?: string;
  readonly files?: Readonly<Record<string, FakeFile>>;
}

/** A commit to make on a branch. A branch that is not there begins where the default branch is. */
export interface BranchCommit {
  readonly branch: string;
  readonly files: Readonly<Record<string, FakeFile>>;
  readonly message?: string;
  /** Login; default: the owner of the repository. */
  readonly by?: string;
  /** Commit to begin from instead of the branch: the branch is moved there by force. */
  readonly parent?: string;
}

const firstLabels = [
  ['bug', 'd73a4a'],
  ['enhancement', 'a2eeef'],
  ['question', 'd876e3'],
] as const;

export async function createRepo(world: World, wanted: NewRepo): Promise<Repository> {
  const [owner = '', name = ''] = wanted.name.split('/');
  const repo = register(world, accountOf(world, owner), {
    name,
    isPrivate: wanted.isPrivate ?? false,
    parent: null,
    gitDir: await world.git.init(`${world.nextId()}`),
    defaultBranch: wanted.defaultBranch ?? 'main',
  });
  await world.git.setHead(repo.gitDir, repo.defaultBranch);
  const files = wanted.files ?? { 'README.md': `# ${name}\n` };
  await commitMany(world, repo, [{ branch: repo.defaultBranch, files, message: 'Initial commit' }]);
  return repo;
}

/** Copies a repository to another account, or gives the copy that is there. */
export async function forkRepo(world: World, of: string, to: string): Promise<Repository> {
  const parent = repoOf(world, of);
  const existing = world.repos.get(`${to}/${parent.name}`.toLowerCase());
  if (existing !== undefined) return existing;
  const fork = register(world, accountOf(world, to), {
    name: parent.name,
    isPrivate: parent.isPrivate,
    parent,
    gitDir: await world.git.clone(parent.gitDir, `${world.nextId()}`),
    defaultBranch: parent.defaultBranch,
  });
  for (const sha of parent.knownShas) fork.knownShas.add(sha);
  // `clone --bare` copies branches and tags, and not refs/pull.
  change(world, fork, { branches: parent.state.branches, tags: parent.state.tags });
  return fork;
}

function register(
  world: World,
  owner: Account,
  made: Pick<Repository, 'name' | 'isPrivate' | 'parent' | 'gitDir' | 'defaultBranch'>,
): Repository {
  const now = world.clock.now();
  const statuses = new Map<string, Status[]>();
  const repo: Repository = {
    id: world.nextId(),
    owner,
    ...made,
    createdAt: now,
    pushedAt: now,
    collaborators: new Map(),
    issueOfComment: new Map(),
    knownShas: new Set(),
    lastNumber: 0,
    statuses,
    state: {
      branches: new Map(),
      tags: new Map(),
      issues: new Map(),
      comments: new Map(),
      statuses,
      labels: new Map(firstLabels.map(([name, color]) => [name, makeLabel(world, name, color)])),
    },
    history: [],
  };
  const key = fullName(repo).toLowerCase();
  if (world.repos.has(key)) throw new Error(`the fake GitHub has a repository ${fullName(repo)} already`);
  world.repos.set(key, repo);
  return repo;
}

/** Takes the repository away: from now on 404. The files on disk stay until the fake closes. */
export function deleteRepo(world: World, name: string): void {
  world.repos.delete(fullName(repoOf(world, name)).toLowerCase());
}

/**
 * Makes one commit on each of these branches in one go of git, and pushes them. Two commits of one call must not be on the
 * same branch.
 */
export async function commitMany(
  world: World,
  repo: Repository,
  commits: readonly BranchCommit[],
): Promise<readonly string[]> {
  const start = repo.state.branches.get(repo.defaultBranch) ?? null;
  const shas = await world.git.commit(
    repo.gitDir,
    commits.map(({ branch, files, message, by, parent }): NewCommit => {
      const login = by ?? repo.owner.login;
      return {
        ref: `refs/heads/${branch}`,
        parent: parent ?? repo.state.branches.get(branch) ?? start,
        message: message ?? 'Change something',
        author: { name: login, email: `${login}@users.noreply.github.com`, at: world.clock.now() },
        files,
      };
    }),
  );
  const by = commits[0]?.by ?? repo.owner.login;
  await moveRefs(world, repo, new Map(commits.map(({ branch }, at) => [`refs/heads/${branch}`, shas[at] ?? null])), by);
  return shas;
}

/** Points a branch at a commit that is in this repository or in `from`; null deletes the branch. By force. */
export async function pushBranch(
  world: World,
  repo: Repository,
  push: { readonly branch: string; readonly sha: string | null; readonly by?: string; readonly from?: string },
): Promise<void> {
  const ref = `refs/heads/${push.branch}`;
  if (push.from !== undefined && push.sha !== null) {
    await world.git.fetch(repoOf(world, push.from).gitDir, repo.gitDir, [`+${push.sha}:${ref}`]);
  } else {
    await world.git.setRefs(repo.gitDir, { [ref]: push.sha });
  }
  await moveRefs(world, repo, new Map([[ref, push.sha]]), push.by ?? repo.owner.login);
}
