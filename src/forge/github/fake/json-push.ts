import { pushedCommit } from './json-commit.ts';
import type { Json } from './json.ts';
import { repoJson } from './json-repo.ts';
import { fullName, type Repository } from './records.ts';
import type { World } from './world.ts';

const noSha = '0'.repeat(40);
// GitHub lists up to 2048. https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
const mostCommits = 20;

/** Payload of `create` and `delete`, without its ends. */
export function createRef(repo: Repository, ref: string, isNew: boolean): Json {
  const isTag = ref.startsWith('refs/tags/');
  return {
    ref: ref.slice(isTag ? 10 : 11),
    ref_type: isTag ? 'tag' : 'branch',
    ...(isNew ? { master_branch: repo.defaultBranch, description: null } : {}),
    pusher_type: 'user',
  };
}

/** Payload of `push`, without its ends. */
export async function pushPayload(
  world: World,
  repo: Repository,
  push: { readonly ref: string; readonly before: string; readonly after: string; readonly by: string },
): Promise<Json> {
  const { ref, before, after, by } = push;
  const isNew = before === noSha;
  const commits =
    after === noSha ? [] : await world.git.log(repo.gitDir, after, isNew ? null : before, isNew ? 1 : mostCommits);
  const [newest] = commits;
  const isForced = !isNew && after !== noSha && !(await isAncestor(world, repo, before, after));
  return {
    ref,
    before,
    after,
    created: isNew,
    deleted: after === noSha,
    forced: isForced,
    base_ref: null,
    compare: `${world.urls.web}/${fullName(repo)}/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`,
    commits: commits.toReversed().map((commit) => pushedCommit(world, repo, commit)),
    head_commit: newest === undefined ? null : pushedCommit(world, repo, newest),
    pusher: { name: by, email: `${by}@users.noreply.github.com` },
    // Here alone the repository has its times in seconds.
    repository: {
      ...repoJson(world, repo),
      created_at: Math.floor(repo.createdAt / 1000),
      pushed_at: Math.floor(repo.pushedAt / 1000),
      stargazers: 0,
      master_branch: repo.defaultBranch,
    },
  };
}

async function isAncestor(world: World, repo: Repository, before: string, after: string): Promise<boolean> {
  // Nothing is in the old one that the new one has not.
  return (await world.git.log(repo.gitDir, before, after, 1)).length === 0;
}
