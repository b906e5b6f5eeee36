import { announceIssue, putIssue } from './act-announce.ts';
import { createLabel } from './act-labels.ts';
import type { Json } from './json.ts';
import { labelJson } from './json-account.ts';
import type { Issue, Repository } from './records.ts';
import { fullName } from './records.ts';
import { iso, type World } from './world.ts';

/** An issue to open. */
export interface NewIssue {
  readonly title: string;
  readonly body?: string | null;
  readonly labels?: readonly string[];
  readonly by: string;
}

export function createIssue(world: World, repo: Repository, wanted: NewIssue): Issue {
  repo.lastNumber += 1;
  const now = world.clock.now();
  for (const name of wanted.labels ?? []) knowLabel(world, repo, name);
  const issue: Issue = {
    id: world.nextId(),
    number: repo.lastNumber,
    title: wanted.title,
    body: wanted.body ?? null,
    author: wanted.by,
    state: 'open',
    stateReason: null,
    isLocked: false,
    labels: [...new Set(wanted.labels ?? [])],
    createdAt: now,
    updatedAt: now,
    closedAt: null,
    closedBy: null,
    pull: null,
  };
  putIssue(world, repo, issue);
  announceIssue(world, repo, issue, { action: 'opened' }, wanted.by);
  return issue;
}

/** What may be edited of an issue or a pull request. What is absent stays. */
export interface IssueEdit {
  readonly title?: string;
  readonly body?: string | null;
  readonly state?: 'open' | 'closed';
  readonly stateReason?: Issue['stateReason'];
  readonly labels?: readonly string[];
  readonly isLocked?: boolean;
}

/**
 * Edits an issue or a pull request; each kind of edit is an event of its own. A pull request's branches are moved by
 * `editPull`, not here.
 */
export function editIssue(
  world: World,
  repo: Repository,
  issue: Issue,
  { edit, by }: { edit: IssueEdit; by: string },
): Issue {
  let now = issue;
  const put = (to: Partial<Issue>): void => {
    now = { ...now, ...to, updatedAt: world.clock.now() };
    putIssue(world, repo, now);
  };
  const changes: Record<string, Json> = {};
  if (edit.title !== undefined && edit.title !== now.title) changes['title'] = { from: now.title };
  if (edit.body !== undefined && edit.body !== now.body) changes['body'] = { from: now.body ?? '' };
  if (Object.keys(changes).length > 0) {
    put({ title: edit.title ?? now.title, body: edit.body === undefined ? now.body : edit.body });
    announceIssue(world, repo, now, { action: 'edited', changes }, by);
  }
  if (edit.isLocked !== undefined && edit.isLocked !== now.isLocked) {
    put({ isLocked: edit.isLocked });
    announceIssue(world, repo, now, { action: edit.isLocked ? 'locked' : 'unlocked' }, by);
  }
  if (edit.labels !== undefined) now = setLabels(world, repo, now, { labels: edit.labels, by });
  if (edit.state !== undefined && edit.state !== now.state) {
    const isOpen = edit.state === 'open';
    put({
      state: edit.state,
      stateReason: now.pull === null ? (edit.stateReason ?? (isOpen ? 'reopened' : 'completed')) : null,
      closedAt: isOpen ? null : world.clock.now(),
      closedBy: isOpen ? null : by,
    });
    announceIssue(world, repo, now, { action: isOpen ? 'reopened' : 'closed' }, by);
  }
  return now;
}

/** Replaces the labels; one event for each that comes or goes. Labels that the repository has not are made. */
export function setLabels(
  world: World,
  repo: Repository,
  issue: Issue,
  { labels, by }: { labels: readonly string[]; by: string },
): Issue {
  let now = issue;
  const is = (a: string) => (b: string) => a.toLowerCase() === b.toLowerCase();
  const move = (names: readonly string[], action: 'labeled' | 'unlabeled', name: string): void => {
    now = { ...now, labels: names, updatedAt: world.clock.now() };
    putIssue(world, repo, now);
    const label = labelJson(world, fullName(repo), knowLabel(world, repo, name));
    announceIssue(world, repo, now, { action, label }, by);
  };
  for (const name of issue.labels) {
    if (!labels.some(is(name)))
      move(
        now.labels.filter((other) => !is(name)(other)),
        'unlabeled',
        name,
      );
  }
  for (const name of labels) {
    if (now.labels.some(is(name))) continue;
    knowLabel(world, repo, name);
    move([...now.labels, name], 'labeled', name);
  }
  return now;
}

function knowLabel(world: World, repo: Repository, name: string): Parameters<typeof labelJson>[2] {
  return repo.state.labels.get(name.toLowerCase()) ?? createLabel(world, repo, name);
}

/** When a list was asked with `since`: https://docs.github.com/en/rest/issues/issues#list-repository-issues */
export function isSince(at: number, since: string | null): boolean {
  return since === null || iso(at) >= since;
}
