import { createIssue, editIssue, isSince, setLabels } from './act-issues.ts';
import { createLabel } from './act-labels.ts';
import { bounded, namesOf, oneOf, optionalText, textOf } from './body.ts';
import { loginOf, numberParam, param, type RepoCall, repoRoute, type Route } from './call.ts';
import type { Json } from './json.ts';
import { labelJson } from './json-account.ts';
import { issueJson, labelsJson } from './json-issue.ts';
import { read, write } from './issue-access.ts';
import { pageOf } from './pages.ts';
import { invalid, notFound, refuse } from './refusal.ts';
import { fullName, type Issue } from './records.ts';
import { mayEdit } from './rest-pulls.ts';
import { isAtLeast, permissionOf } from './world.ts';

const labelWrite = { ...write, level: 'triage' } as const;

/** https://docs.github.com/en/rest/issues/issues and …/labels */
export const issueRoutes: readonly Route[] = [
  repoRoute('GET /issues', read, (call) => {
    const page = pageOf(
      call,
      ordered(
        call,
        [...call.state.issues.values()].filter((issue) => isAsked(call, issue)),
      ),
    );
    return {
      body: page.items.map((issue) => issueJson(call.world, call.repo, call.state, issue)),
      headers: page.headers,
    };
  }),
  repoRoute('POST /issues', write, (call) => {
    const by = loginOf(call.actor);
    const title = textOf(call, 'Issue', 'title', 256);
    const body = optionalText(call, 'body');
    // Somebody without triage rights may not set labels: they are dropped without a word.
    const labels = mayLabel(call, by) ? (namesOf(call, 'labels') ?? []) : [];
    if (body !== undefined) bounded('Issue', 'body', body);
    const issue = createIssue(call.world, call.repo, { title, body: body ?? null, labels, by });
    return { status: 201, body: issueJson(call.world, call.repo, call.repo.state, issue) };
  }),
  repoRoute('GET /issues/{issue_number}', read, (call) => {
    const issue = issueIn(call);
    return { body: issueJson(call.world, call.repo, call.state, issue), modifiedAt: issue.updatedAt };
  }),
  repoRoute('PATCH /issues/{issue_number}', write, (call) => {
    const issue = issueIn(call);
    mayEdit(call, issue);
    const by = loginOf(call.actor);
    const title = optionalText(call, 'title');
    if (title?.trim() === '') throw invalid('Issue', 'title', { code: 'missing_field' });
    if (title !== undefined) bounded('Issue', 'title', title, 256);
    const body = optionalText(call, 'body');
    if (body !== undefined) bounded('Issue', 'body', body);
    const labels = mayLabel(call, by) ? namesOf(call, 'labels') : undefined;
    const state = oneOf(call, 'Issue', 'state', ['open', 'closed']);
    const stateReason = oneOf(call, 'Issue', 'state_reason', ['completed', 'not_planned', 'reopened']);
    const edit = {
      ...(title === undefined ? {} : { title }),
      ...(body === undefined ? {} : { body }),
      ...(labels === undefined ? {} : { labels }),
      ...(state === undefined ? {} : { state }),
      ...(stateReason === undefined ? {} : { stateReason }),
    };
    const edited = editIssue(call.world, call.repo, issue, { edit, by });
    return { body: issueJson(call.world, call.repo, call.repo.state, edited) };
  }),
  repoRoute('PUT /issues/{issue_number}/lock', { ...write, level: 'push' }, (call) => lock(call, true)),
  repoRoute('DELETE /issues/{issue_number}/lock', { ...write, level: 'push' }, (call) => lock(call, false)),
  repoRoute('GET /issues/{issue_number}/labels', read, (call) => {
    const page = pageOf(call, labelsJson(call.world, call.repo, call.state, issueIn(call)));
    return { body: page.items, headers: page.headers };
  }),
  repoRoute('POST /issues/{issue_number}/labels', labelWrite, (call) => {
    const issue = issueIn(call);
    const names = namesOf(call, 'labels') ?? [];
    return relabel(call, [...issue.labels, ...names]);
  }),
  repoRoute('PUT /issues/{issue_number}/labels', labelWrite, (call) => relabel(call, namesOf(call, 'labels') ?? [])),
  repoRoute('DELETE /issues/{issue_number}/labels/{name}', labelWrite, (call) => {
    const name = param(call, 'name').toLowerCase();
    const { labels } = issueIn(call);
    if (!labels.some((label) => label.toLowerCase() === name)) throw refuse(404, 'Label does not exist');
    return relabel(
      call,
      labels.filter((label) => label.toLowerCase() !== name),
    );
  }),
  repoRoute('GET /labels', read, (call) => {
    const page = pageOf(call, [...call.state.labels.values()]);
    return {
      body: page.items.map((label) => labelJson(call.world, fullName(call.repo), label)),
      headers: page.headers,
    };
  }),
  repoRoute('POST /labels', { ...write, level: 'push' }, (call) => {
    const name = textOf(call, 'Label', 'name', 50);
    if (call.repo.state.labels.has(name.toLowerCase())) throw invalid('Label', 'name', { code: 'already_exists' });
    const label = createLabel(call.world, call.repo, name, optionalText(call, 'color') ?? 'ededed');
    return { status: 201, body: labelJson(call.world, fullName(call.repo), label) };
  }),
];

/** The issue or pull request in the path. */
export function issueIn(call: RepoCall): Issue {
  const issue = call.state.issues.get(numberParam(call, 'issue_number'));
  if (issue === undefined) throw notFound();
  return issue;
}

function relabel(call: RepoCall, labels: readonly string[]): { readonly body: readonly Json[] } {
  for (const name of labels) bounded('Label', 'name', name, 50);
  const issue = setLabels(call.world, call.repo, issueIn(call), { labels, by: loginOf(call.actor) });
  return { body: labelsJson(call.world, call.repo, call.repo.state, issue) };
}

function lock(call: RepoCall, isLocked: boolean): Record<string, never> {
  editIssue(call.world, call.repo, issueIn(call), { edit: { isLocked }, by: loginOf(call.actor) });
  return {};
}

function mayLabel(call: RepoCall, by: string): boolean {
  return call.actor.kind === 'installation' || isAtLeast(permissionOf(call.repo, by), 'triage');
}

function isAsked({ query }: RepoCall, issue: Issue): boolean {
  const state = query.get('state') ?? 'open';
  const labels = (query.get('labels') ?? '').split(',').filter((name) => name !== '');
  const creator = query.get('creator');
  const has = issue.labels.map((name) => name.toLowerCase());
  return (
    (state === 'all' || issue.state === state) &&
    labels.every((name) => has.includes(name.trim().toLowerCase())) &&
    (creator === null || issue.author.toLowerCase() === creator.toLowerCase()) &&
    isSince(issue.updatedAt, query.get('since'))
  );
}

function ordered({ query }: RepoCall, issues: Issue[]): Issue[] {
  const sort = query.get('sort') ?? 'created';
  const key = (issue: Issue): number => (sort === 'updated' ? issue.updatedAt : issue.createdAt);
  issues.sort((a, b) => key(a) - key(b) || a.number - b.number);
  return query.get('direction') === 'asc' ? issues : issues.reverse();
}
