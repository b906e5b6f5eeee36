import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Subject } from '../core/subject.ts';
import {
  botsPulls,
  foreignContexts,
  hasPathFilters,
  planChecks,
  planOf,
  type CheckPolicy,
  type CheckSettings,
  type ProjectPolicy,
} from './plan-checks.ts';

const limits = { memoryBytes: null, pids: null, shmBytes: null, cpus: null, diskBytes: null, logBytes: null };
const fallback: CheckSettings = {
  command: null,
  container: null,
  env: { LANG: 'C.UTF-8' },
  secrets: [],
  needs: [],
  pool: 'default',
  priority: 5,
  timeoutMs: 7_200_000,
  network: 'default',
  limits,
  integration: 'merge',
  isExclusive: false,
  isManual: false,
};
const check = (context: string, over: Partial<CheckPolicy> = {}): CheckPolicy => ({
  ...fallback,
  context,
  branches: [],
  ...over,
});
const policy = (checks: readonly CheckPolicy[], branches = ['**']): ProjectPolicy => ({
  repo: 'a',
  branches,
  checks,
  fallback,
});
const sha = 'b'.repeat(40);
const branch = (name: string): Subject => ({ forge: 'git', repo: 'a', sha, pull: null, baseRef: name, branch: name });
const pull: Subject = { forge: 'git', repo: 'a', sha, pull: 7, baseRef: 'main', branch: null };

const contextsOf = (given: ProjectPolicy, subject: Subject): string[] =>
  planChecks({ policy: given, subject, commandSubjects: new Map() }).map((planned) => planned.context);

test('a project without checks has one, named test, which runs the entry point', () => {
  assert.deepEqual(planChecks({ policy: policy([]), subject: branch('main'), commandSubjects: new Map() }), [
    {
      context: 'test',
      command: null,
      container: null,
      env: { TEST_OS: 'test', COCKPIT_BOTS_REF: 'main', LANG: 'C.UTF-8', TEST_REVISION: sha, BASE_BRANCH: 'main' },
      secrets: [],
      needs: [],
      pool: 'default',
      priority: 5,
      timeoutMs: 7_200_000,
      network: 'default',
      limits,
      integration: 'merge',
      exclusive: false,
      commandSubject: null,
      isManual: false,
    },
  ]);
});

test('a context and a pull request fill the variables that Cockpit’s tests read', () => {
  const [planned] = planChecks({
    policy: policy([check('fedora-44/storage@bots#12')]),
    subject: pull,
    commandSubjects: new Map(),
  });
  assert.deepEqual(planned?.env, {
    LANG: 'C.UTF-8',
    TEST_OS: 'fedora-44',
    TEST_SCENARIO: 'storage',
    COCKPIT_BOTS_REF: 'refs/pull/12/head',
    TEST_REVISION: sha,
    BASE_BRANCH: 'main',
    TEST_PULL: '7',
  });
});

test('a check’s own variables may rename the image, but not what is tested', () => {
  const [planned] = planChecks({
    policy: policy([check('fedora-44', { env: { TEST_OS: 'rawhide', TEST_REVISION: 'forged' } })]),
    subject: pull,
    commandSubjects: new Map(),
  });
  assert.equal(planned?.env['TEST_OS'], 'rawhide');
  assert.equal(planned.env['TEST_REVISION'], sha);
});

test('checks are for the branches that they name, pull requests for the branch that they are meant for', () => {
  const given = policy([check('a', { branches: ['main'] }), check('b', { branches: ['**', '!main'] }), check('c')]);
  assert.deepEqual(contextsOf(given, branch('main')), ['a', 'c']);
  assert.deepEqual(contextsOf(given, branch('stable/3')), ['b', 'c']);
  assert.deepEqual(contextsOf(given, pull), ['a', 'c']);
});

test('a branch that is not watched has nothing to run', () => {
  assert.deepEqual(contextsOf(policy([], ['main']), branch('wip')), []);
  assert.deepEqual(contextsOf(policy([], ['**', '!wip/**']), branch('wip/x')), []);
});

test('of two checks with one context the first that fits counts', () => {
  const given = policy([check('a', { branches: ['main'], priority: 9 }), check('a', { priority: 1 })]);
  const priorities = (subject: Subject): number[] =>
    planChecks({ policy: given, subject, commandSubjects: new Map() }).map((planned) => planned.priority);
  assert.deepEqual(priorities(branch('main')), [9]);
  assert.deepEqual(priorities(branch('other')), [1]);
});

test('tests of another repository are planned only once their commit is known', () => {
  const context = 'fedora-44@cockpit-project/cockpit/main';
  const given = policy([check(context), check('plain')]);
  assert.deepEqual(foreignContexts(given, 'main'), [context]);
  assert.deepEqual(contextsOf(given, pull), ['plain']);
  const foreign: Subject = { ...branch('main'), repo: 'cockpit-project/cockpit' };
  const planned = planChecks({ policy: given, subject: pull, commandSubjects: new Map([[context, foreign]]) });
  assert.deepEqual(planned[0]?.commandSubject, foreign);
  assert.deepEqual(
    planned.map(({ integration }) => integration),
    ['none', 'merge'],
  );
});

const said = (given: { title?: string; labels?: readonly string[]; isDraft?: boolean }) => ({
  title: 'a change',
  labels: [],
  isDraft: false,
  ...given,
});
const rules = { noTest: { label: 'no-test', title: '[no-test]' }, testsDrafts: false };
const manualOf = (given: Partial<ProjectPolicy>, change: ReturnType<typeof said>, subject = pull) =>
  planChecks({
    policy: { ...policy([check('a'), check('b', { isManual: true })]), ...given },
    subject,
    commandSubjects: new Map(),
    change,
  }).map(({ isManual, isHeld = false, whyManual = null }) => [isManual, isHeld, whyManual]);
const onDemand = [true, false, 'it runs only when somebody asks for it'];

for (const [title, given, change, why] of [
  ['a label', rules, said({ labels: ['bug', 'No-Test'] }), 'the label no-test holds it back'],
  ['a title', rules, said({ title: 'deps: bump [no-test]' }), '[no-test] in the title holds it back'],
  ['a draft', rules, said({ isDraft: true }), 'drafts are not tested here'],
] as const) {
  test(`${title} holds back what a push would start, by the project’s rule`, () => {
    assert.deepEqual(manualOf(given, change), [[true, true, why], onDemand]);
    assert.deepEqual(manualOf({}, change), [[false, false, null], onDemand]);
    assert.deepEqual(manualOf(given, said({})), [[false, false, null], onDemand]);
    assert.deepEqual(manualOf(given, change, branch('main')), [[false, false, null], onDemand], 'a branch has none');
  });
}

test('a pull request that changes no file of a check is told so, what is unknown or a branch runs', () => {
  const given = policy([check('a', { paths: { only: ['src/'], not: [] } }), check('b')]);
  assert.equal(hasPathFilters(given, 'main'), true);
  assert.equal(hasPathFilters(policy([check('b'), check('c', { paths: null })]), 'main'), false);
  const skips = (subject: Subject, changedFiles: readonly string[] | null): unknown[] =>
    planChecks({ policy: given, subject, commandSubjects: new Map(), changedFiles }).map(({ skip = null }) => skip);
  assert.deepEqual(skips(pull, ['docs/a.md']), ['Not needed: no changed file under src/', null]);
  assert.deepEqual(skips(pull, ['docs/a.md', 'src/deep/a.c']), [null, null]);
  assert.deepEqual(skips(pull, []), ['Not needed: no changed file under src/', null]);
  assert.deepEqual(skips(pull, null), [null, null]);
  assert.deepEqual(skips(branch('main'), ['docs/a.md']), [null, null]);
});

test('a pull request of the bots is resolved to a commit, which is part of the job', () => {
  const given: ProjectPolicy = { ...policy([check('fedora-44@bots#12'), check('plain')]), botsRepo: 'x/bots' };
  assert.deepEqual(botsPulls(given, 'main'), [12]);
  const found = planOf({ policy: given, subject: pull, commandSubjects: new Map(), botsShas: new Map([[12, sha]]) });
  assert.deepEqual(found.checks[0]?.foreignShas, [sha]);
  assert.equal(found.checks[0].env['COCKPIT_BOTS_REF'], sha);
  assert.equal(found.checks[1]?.foreignShas, undefined);
  const lost = planOf({ policy: given, subject: pull, commandSubjects: new Map(), botsShas: new Map() });
  assert.deepEqual(lost.leftOut, [{ context: 'fedora-44@bots#12', why: 'pull request 12 of x/bots cannot be found' }]);
});

test('tests of another repository use the bots of the pull request that they are run for', () => {
  const context = 'fedora-44@x/cockpit/main';
  const foreign: Subject = { ...branch('main'), repo: 'x/cockpit' };
  const subject = { ...pull, repo: 'x/bots' };
  const [planned] = planChecks({
    policy: { ...policy([check(context)]), botsRepo: 'x/bots' },
    subject,
    commandSubjects: new Map([[context, foreign]]),
  });
  assert.equal(planned?.env['COCKPIT_BOTS_REF'], sha);
});

test('what is left out says why', () => {
  const given = policy([check('a@x/y'), check('b@x/y/stable-1')]);
  assert.deepEqual(planOf({ policy: given, subject: pull, commandSubjects: new Map() }).leftOut, [
    { context: 'a@x/y', why: 'its tests live on the default branch of x/y, which cannot be found' },
    { context: 'b@x/y/stable-1', why: 'its tests live on branch stable-1 of x/y, which cannot be found' },
  ]);
});

test('issues are for branches, and for the schedules that want them', () => {
  const nightly = { name: 'nightly', cron: '0 2 * * *', timezone: 'UTC', branch: 'main', contexts: ['a'] };
  const given: ProjectPolicy = {
    ...policy([check('a'), check('b')]),
    schedules: [
      { ...nightly, reportsIssue: true },
      { ...nightly, name: 'quiet', reportsIssue: false },
    ],
  };
  const issues = (from: ProjectPolicy, subject: Subject): unknown[] =>
    planChecks({ policy: from, subject, commandSubjects: new Map() }).map(({ issueFor = null }) => issueFor);
  assert.deepEqual(issues(given, branch('main')), [{ isForChange: false, schedules: ['nightly'] }, null]);
  assert.deepEqual(issues({ ...given, reportsIssues: true }, branch('main')), [
    { isForChange: true, schedules: ['nightly'] },
    { isForChange: true, schedules: [] },
  ]);
  assert.deepEqual(issues({ ...given, reportsIssues: true }, pull), [null, null]);
});
