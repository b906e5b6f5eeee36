import { announceIssue, putIssue } from './act-announce.ts';
import { moveRefs } from './act-refs.ts';
import type { Pull } from './json-pull.ts';
import { fullName, type Repository } from './records.ts';
import type { World } from './world.ts';

/** Merges a pull request into its base, which is pushed. @throws Error when they conflict. */
export async function mergePull(world: World, repo: Repository, pull: Pull, by: string): Promise<Pull> {
  const { base, head } = pull.pull;
  const now = world.clock.now();
  const tip = repo.state.branches.get(base.ref) ?? base.sha;
  const email = `${by}@users.noreply.github.com`;
  const sha = await world.git.merge(repo.gitDir, tip, head.sha, { name: by, email, at: now });
  if (sha === null) throw new Error(`#${pull.number} of the fake's ${fullName(repo)} conflicts with ${base.ref}`);
  const merged: Pull = {
    ...pull,
    state: 'closed',
    updatedAt: now,
    closedAt: now,
    closedBy: by,
    pull: { ...pull.pull, mergedAt: now, mergedBy: by, mergeCommitSha: sha },
  };
  await world.git.setRefs(repo.gitDir, { [`refs/heads/${base.ref}`]: sha });
  putIssue(world, repo, merged);
  announceIssue(world, repo, merged, { action: 'closed' }, by);
  await moveRefs(world, repo, new Map([[`refs/heads/${base.ref}`, sha]]), by);
  return merged;
}
