import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Subject } from '../core/subject.ts';
import {
  foreignContexts,
  planChecks,
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
});
