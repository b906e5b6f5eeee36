import { editIssue } from './act-issues.ts';
import { editPull, setPullState } from './act-pulls.ts';
import { type Answer, loginOf, numberParam, type RepoCall, repoRoute, type Route } from './call.ts';
import { oneOf, optionalText } from './body.ts';
import { changedFiles, fullPull, isPull, type Pull, simplePull } from './json-pull.ts';
import { pageOf } from './pages.ts';
import { invalid, notFound, refuse } from './refusal.ts';
import { fullName, type Issue } from './records.ts';
import { isAtLeast, permissionOf } from './world.ts';

const read = { level: 'pull', app: [['pull_requests', 'read']] } as const;

/** https://docs.github.com/en/rest/pulls/pulls */
export const pullRoutes: readonly Route[] = [
  repoRoute('GET /pulls', read, (call) => {
    const pulls = ordered(
      call,
      [...call.state.issues.values()].filter(isPull).filter((pull) => isAsked(call, pull)),
    );
    const page = pageOf(call, pulls);
    return {
      body: page.items.map((pull) => simplePull(call.world, call.repo, call.state, pull)),
      headers: page.headers,
    };
  }),
  repoRoute('GET /pulls/{pull_number}', read, (call) => answerPull(call, pullIn(call))),
  repoRoute('GET /pulls/{pull_number}/files', read, async (call) => {
    const { base, head } = pullIn(call).pull;
    const files = await changedFiles(call.world, call.repo, base.sha, head.sha);
    // https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files: at most 3000.
    const page = pageOf(call, files.slice(0, 3000));
    const url = `${call.world.urls.api}/repos/${fullName(call.repo)}`;
    const html = `${call.world.urls.web}/${fullName(call.repo)}`;
    const body = page.items.map((file) => {
      const path = file.path.split('/').map(encodeURIComponent).join('/');
      return {
        sha: file.sha,
        filename: file.path,
        status: file.status,
        additions: file.additions,
        deletions: file.deletions,
        changes: file.additions + file.deletions,
        blob_url: `${html}/blob/${head.sha}/${path}`,
        raw_url: `${html}/raw/${head.sha}/${path}`,
        contents_url: `${url}/contents/${path}?ref=${head.sha}`,
        ...(file.previousPath === null ? {} : { previous_filename: file.previousPath }),
      };
    });
    return { body, headers: page.headers };
  }),
  repoRoute(
    'PATCH /pulls/{pull_number}',
    { level: 'pull', app: [['pull_requests', 'write']], creates: true },
    async (call) => {
      const pull = pullIn(call);
      const by = loginOf(call.actor);
      mayEdit(call, pull);
      const title = optionalText(call, 'title');
      if (title === '') throw invalid('PullRequest', 'title', { code: 'missing_field' });
      const body = optionalText(call, 'body');
      const base = optionalText(call, 'base');
      if (base !== undefined && !call.repo.state.branches.has(base))
        throw invalid('PullRequest', 'base', { code: 'invalid' });
      const state = oneOf(call, 'PullRequest', 'state', ['open', 'closed']);
      if (state === 'open' && pull.pull.mergedAt !== null) {
        throw invalid('PullRequest', 'state', { message: 'state cannot be changed. The pull request is merged.' });
      }
      const edit = { ...(title === undefined ? {} : { title }), ...(body === undefined ? {} : { body }) };
      const edited = editIssue(call.world, call.repo, pull, { edit, by });
      if (isPull(edited) && base !== undefined) editPull(call.world, call.repo, edited, { edit: { base }, by });
      if (state !== undefined) await setPullState(call.world, call.repo, pullNow(call), { state, by });
      return answerPull(call, pullNow(call));
    },
  ),
  repoRoute('GET /commits/{commit_sha}/pulls', read, (call) => {
    const sha = call.params['commit_sha'];
    const pulls = [...call.state.issues.values()].filter(isPull).filter(({ pull }) => pull.head.sha === sha);
    const page = pageOf(call, pulls);
    return {
      body: page.items.map((pull) => simplePull(call.world, call.repo, call.state, pull)),
      headers: page.headers,
    };
  }),
];

/** Whoever wrote it, or may triage. */
export function mayEdit(call: RepoCall, issue: Issue): void {
  const by = loginOf(call.actor);
  if (call.actor.kind === 'installation' || issue.author === by) return;
  if (!isAtLeast(permissionOf(call.repo, by), 'triage')) throw refuse(403, 'Must have admin rights to Repository.');
}

async function answerPull(call: RepoCall, pull: Pull): Promise<Answer> {
  const state = call.state.issues.get(pull.number) === pull ? call.state : call.repo.state;
  return { body: await fullPull(call.world, call.repo, state, pull), modifiedAt: pull.updatedAt };
}

function pullIn(call: RepoCall): Pull {
  const pull = call.state.issues.get(numberParam(call, 'pull_number'));
  if (!isPull(pull)) throw notFound();
  return pull;
}

function pullNow(call: RepoCall): Pull {
  return pullIn({ ...call, state: call.repo.state });
}

function isAsked({ query }: RepoCall, pull: Pull): boolean {
  const state = query.get('state') ?? 'open';
  const [base, head] = [query.get('base'), query.get('head')];
  if (state !== 'all' && pull.state !== state) return false;
  if (base !== null && pull.pull.base.ref !== base) return false;
  if (head === null) return true;
  const [owner = ''] = pull.pull.head.repo.split('/');
  return `${owner}:${pull.pull.head.ref}` === head;
}

function ordered({ query }: RepoCall, pulls: Pull[]): Pull[] {
  const sort = query.get('sort') ?? 'created';
  const isDown = (query.get('direction') ?? (sort === 'created' ? 'desc' : 'asc')) === 'desc';
  const key = (pull: Pull): number => (sort === 'updated' ? pull.updatedAt : pull.createdAt);
  pulls.sort((a, b) => key(a) - key(b) || a.number - b.number);
  return isDown ? pulls.reverse() : pulls;
}
