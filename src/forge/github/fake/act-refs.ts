import { createRef, pushPayload } from './json-push.ts';
import { followHead } from './act-pulls.ts';
import type { Repository } from './records.ts';
import { accountOf, change, type World } from './world.ts';

const noSha = '0'.repeat(40);

/**
 * Takes note of refs that moved in git (full name to commit; null: deleted), tells the hooks, and moves the pull requests
 * that follow these branches. Refs that did not move are left out.
 */
export async function moveRefs(
  world: World,
  repo: Repository,
  moved: ReadonlyMap<string, string | null>,
  by: string,
): Promise<void> {
  const branches = new Map(repo.state.branches);
  const tags = new Map(repo.state.tags);
  const moves: { readonly ref: string; readonly before: string | null; readonly after: string | null }[] = [];
  for (const [ref, after] of moved) {
    const [of, name] = ref.startsWith('refs/tags/') ? [tags, ref.slice(10)] : [branches, ref.slice(11)];
    const before = of.get(name) ?? null;
    if (before === after) continue;
    moves.push({ ref, before, after });
    if (after === null) of.delete(name);
    else {
      of.set(name, after);
      repo.knownShas.add(after);
    }
  }
  if (moves.length === 0) return;
  repo.pushedAt = world.clock.now();
  change(world, repo, { branches, tags });
  const sender = accountOf(world, by);
  for (const { ref, before, after } of moves) {
    const about = { repo, installation: null, sender, action: null };
    if (before === null || after === null) {
      const event = after === null ? 'delete' : 'create';
      world.announce({ ...about, event, payload: () => createRef(repo, ref, after !== null) });
    }
    const push = { ref, before: before ?? noSha, after: after ?? noSha, by };
    world.announce({ ...about, event: 'push', payload: () => pushPayload(world, repo, push) });
    if (ref.startsWith('refs/heads/')) await followHead(world, repo, { branch: ref.slice(11), sha: after, by });
  }
}

/** Compares with what git has now, after somebody pushed over HTTP. */
export async function noticePush(world: World, repo: Repository, by: string): Promise<void> {
  const refs = await world.git.refs(repo.gitDir);
  const moved = new Map<string, string | null>();
  for (const name of repo.state.branches.keys()) moved.set(`refs/heads/${name}`, null);
  for (const name of repo.state.tags.keys()) moved.set(`refs/tags/${name}`, null);
  for (const [ref, sha] of refs) if (/^refs\/(?:heads|tags)\//.test(ref)) moved.set(ref, sha);
  await moveRefs(world, repo, moved, by);
}
