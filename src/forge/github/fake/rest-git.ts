import { param, type RepoCall, repoRoute, type Route } from './call.ts';
import type { Json } from './json.ts';
import { branchShort, commitJson } from './json-commit.ts';
import { isPull } from './json-pull.ts';
import { pageOf } from './pages.ts';
import { notFound, refuse } from './refusal.ts';
import { fullName } from './records.ts';
import { nodeId } from './world.ts';

const read = { level: 'pull', app: [['contents', 'read']] } as const;

/** Branches, commits and refs: https://docs.github.com/en/rest/branches/branches, …/commits/commits, …/git/refs */
export const gitRoutes: readonly Route[] = [
  repoRoute('GET /branches', read, (call) => {
    const page = pageOf(
      call,
      [...call.state.branches].sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    return {
      body: page.items.map(([name, sha]) => ({
        ...branchShort(call.world, call.repo, name, sha),
        protection: { enabled: false },
        protection_url: protectionUrl(call, name),
      })),
      headers: page.headers,
    };
  }),
  repoRoute('GET /branches/{branch}', read, async (call) => {
    const name = param(call, 'branch');
    const sha = call.state.branches.get(name);
    if (sha === undefined) throw refuse(404, 'Branch not found');
    const url = `${call.world.urls.api}/repos/${fullName(call.repo)}/branches/${encodeURIComponent(name)}`;
    const html = `${call.world.urls.web}/${fullName(call.repo)}/tree/${encodeURIComponent(name)}`;
    const body = {
      name,
      commit: await oneCommit(call, sha),
      _links: { self: url, html },
      protected: false,
      protection: { enabled: false },
      protection_url: protectionUrl(call, name),
    };
    return { body };
  }),
  repoRoute('GET /git/ref/{ref}', read, (call) => {
    const name = `refs/${param(call, 'ref')}`;
    const sha = refsOf(call).get(name);
    if (sha === undefined) throw notFound();
    return { body: refJson(call, name, sha) };
  }),
  repoRoute('GET /git/matching-refs/{ref}', read, (call) => {
    const start = `refs/${param(call, 'ref')}`;
    const refs = [...refsOf(call)].filter(([name]) => name.startsWith(start)).sort(([a], [b]) => (a < b ? -1 : 1));
    return { body: refs.map(([name, sha]) => refJson(call, name, sha)) };
  }),
  repoRoute('GET /commits/{ref}', read, async (call) => {
    const sha = await resolveSha(call, param(call, 'ref'));
    const accept = call.headers['accept'] ?? '';
    if (/application\/vnd\.github(\.v3)?\.sha/.test(accept)) {
      return { body: sha, headers: { 'content-type': 'application/vnd.github.sha; charset=utf-8' } };
    }
    return { body: { ...(await oneCommit(call, sha)), stats: { additions: 0, deletions: 0, total: 0 }, files: [] } };
  }),
  repoRoute('GET /commits', read, async (call) => {
    const sha = await resolveSha(call, call.query.get('sha') ?? call.repo.defaultBranch);
    const page = pageOf(call, await call.world.git.log(call.repo.gitDir, sha, null, 1000));
    return { body: page.items.map((commit) => commitJson(call.world, call.repo, commit)), headers: page.headers };
  }),
];

/** A commit by its id, a branch, a tag or a full ref. @throws Refusal 404 for no branch, 422 for no commit, as GitHub. */
export async function resolveSha(call: RepoCall, ref: string): Promise<string> {
  const { repo, state, world } = call;
  const found =
    state.branches.get(ref.replace(/^(?:refs\/)?heads\//, '')) ??
    state.tags.get(ref.replace(/^(?:refs\/)?tags\//, '')) ??
    refsOf(call).get(`refs/${ref}`) ??
    refsOf(call).get(ref);
  if (found !== undefined) return found;
  const isHere =
    /^[0-9a-f]{40}$/.test(ref) && (repo.knownShas.has(ref) || (await world.git.hasCommit(repo.gitDir, ref)));
  if (!isHere) throw refuse(422, `No commit found for SHA: ${ref}`);
  repo.knownShas.add(ref);
  return ref;
}

/** Every ref that the API shows: branches, tags, heads of pull requests. */
function refsOf(call: RepoCall): ReadonlyMap<string, string> {
  const refs = new Map<string, string>();
  for (const [name, sha] of call.state.branches) refs.set(`refs/heads/${name}`, sha);
  for (const [name, sha] of call.state.tags) refs.set(`refs/tags/${name}`, sha);
  for (const issue of call.state.issues.values()) {
    if (isPull(issue)) refs.set(`refs/pull/${issue.number}/head`, issue.pull.head.sha);
  }
  return refs;
}

function refJson(call: RepoCall, ref: string, sha: string): Json {
  const url = `${call.world.urls.api}/repos/${fullName(call.repo)}/git`;
  return {
    ref,
    node_id: nodeId('Ref', `${call.repo.id}:${ref}`),
    url: `${url}/${ref.split('/').map(encodeURIComponent).join('/')}`,
    object: { sha, type: 'commit', url: `${url}/commits/${sha}` },
  };
}

async function oneCommit(call: RepoCall, sha: string): Promise<Json> {
  const [commit] = await call.world.git.log(call.repo.gitDir, sha, null, 1);
  if (commit === undefined) throw notFound();
  return commitJson(call.world, call.repo, commit);
}

function protectionUrl(call: RepoCall, branch: string): string {
  return `${call.world.urls.api}/repos/${fullName(call.repo)}/branches/${encodeURIComponent(branch)}/protection`;
}
