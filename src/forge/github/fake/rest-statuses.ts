import { setStatus } from './act-talk.ts';
import { bounded, oneOf, optionalText } from './body.ts';
import { loginOf, param, type RepoCall, repoRoute, type Route } from './call.ts';
import { combinedStatus, latestStatuses, statusJson } from './json-commit.ts';
import { pageOf } from './pages.ts';
import { invalid, notFound, Refusal } from './refusal.ts';
import { statusStates } from './records.ts';
import { resolveSha } from './rest-git.ts';

const read = { level: 'pull', app: [['statuses', 'read']] } as const;

// https://docs.github.com/en/rest/commits/statuses#create-a-commit-status: "a limit of 1000 statuses per sha and context".
const mostOfContext = 1000;
// The API refuses a longer one; it does not cut.
const mostDescription = 140;

/** https://docs.github.com/en/rest/commits/statuses */
export const statusRoutes: readonly Route[] = [
  repoRoute('GET /commits/{ref}/status', read, async (call) => {
    const sha = await resolveSha(call, param(call, 'ref'));
    const latest = latestStatuses(call.state.statuses.get(sha) ?? []).toReversed();
    const page = pageOf(call, latest);
    return { body: combinedStatus(call.world, call.repo, sha, latest, page.items), headers: page.headers };
  }),
  repoRoute('GET /commits/{ref}/statuses', read, async (call) => {
    const sha = await resolveSha(call, param(call, 'ref'));
    const page = pageOf(call, (call.state.statuses.get(sha) ?? []).toReversed());
    return { body: page.items.map((status) => statusJson(call.world, call.repo, status)), headers: page.headers };
  }),
  repoRoute('POST /statuses/{sha}', { level: 'push', app: [['statuses', 'write']], creates: true }, async (call) => {
    const sha = param(call, 'sha');
    const state = oneOf(call, 'Status', 'state', statusStates);
    if (state === undefined) throw invalid('Status', 'state', { code: 'missing_field' });
    const context = optionalText(call, 'context') ?? 'default';
    const description = optionalText(call, 'description') ?? null;
    const targetUrl = optionalText(call, 'target_url') ?? null;
    if (context.trim() === '') throw invalid('Status', 'context', { code: 'missing_field' });
    bounded('Status', 'context', context, 255);
    if (description !== null) bounded('Status', 'description', description, mostDescription);
    if (targetUrl !== null && targetUrl !== '' && !/^https?:\/\//.test(targetUrl)) {
      throw invalid('Status', 'target_url', { message: 'target_url must use http(s) scheme' });
    }
    await mustBeHere(call, sha);
    const before = (call.repo.state.statuses.get(sha) ?? []).filter((status) => status.context === context);
    if (before.length >= mostOfContext) {
      throw invalid('Status', 'context', {
        message: 'This SHA and context has reached the maximum number of statuses.',
      });
    }
    const by = loginOf(call.actor);
    const status = setStatus(call.world, call.repo, sha, { context, state, description, targetUrl, by });
    return { status: 201, body: statusJson(call.world, call.repo, status) };
  }),
];

async function mustBeHere(call: RepoCall, sha: string): Promise<void> {
  const { repo, world } = call;
  if (!/^[0-9a-f]{40}$/.test(sha)) throw notFound();
  if (repo.knownShas.has(sha)) return;
  if (!(await world.git.hasCommit(repo.gitDir, sha))) {
    throw new Refusal(422, {
      message: `No commit found for SHA: ${sha}`,
      documentation_url: 'https://docs.github.com/rest/commits/statuses#create-a-commit-status',
      status: '422',
    });
  }
  repo.knownShas.add(sha);
}
