import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckPolicy, ProjectPolicy } from '../decide/plan-checks.ts';
import { spokenForge } from '../../test/support/intake-world.ts';
import { aChange, anOrder, shaOf } from '../../test/support/ledger-world.ts';
import { GroundcrewError } from '../base/errors.ts';
import { createPolicyPlan } from './plan-from-policy.ts';

const fallback: ProjectPolicy['fallback'] = {
  command: null,
  container: null,
  env: {},
  secrets: [],
  needs: [],
  pool: 'default',
  priority: 5,
  timeoutMs: 60_000,
  network: 'default',
  limits: { memoryBytes: null, pids: null, shmBytes: null, cpus: null, diskBytes: null, logBytes: null },
  integration: 'merge',
  isExclusive: false,
  isManual: false,
};
const named = (context: string, given: Partial<CheckPolicy> = {}): CheckPolicy => ({
  ...fallback,
  context,
  branches: ['**'],
  ...given,
});

function planOf(checks: readonly CheckPolicy[], files: Readonly<Record<string, string>>, branches = ['**']) {
  const asked: string[] = [];
  const forge = spokenForge({
    fileAt: async (_repo, sha, path) => {
      assert.equal(sha, aChange().headSha);
      asked.push(path);
      return files[path] ?? null;
    },
  });
  const plan = createPolicyPlan({
    policyOf: (_forge, repo) => (repo === 'demo' ? { repo, branches, checks, fallback } : null),
    forges: new Map([['git', forge]]),
    entryPoints: ['.groundcrew/run', 'test/run'],
  });
  const { signal } = new AbortController();
  return { asked, plan: (change = aChange(), hasRun = false) => plan(change, signal, { hasRun }) };
}

test('a commit with an entry point gets one check named test', async () => {
  const { plan, asked } = planOf([], { 'test/run': '#!/bin/sh\n' });
  const found = await plan();
  assert.deepEqual(found.kind === 'checks' && found.checks.map(({ context }) => context), ['test']);
  assert.deepEqual(asked, ['.groundcrew/run', 'test/run']);
});

test('a commit with nothing to run gets a sentence that names what to commit', async () => {
  assert.deepEqual(await planOf([], {}).plan(), {
    kind: 'nothing',
    sentence: 'Nothing to run: commit an executable .groundcrew/run (or test/run)',
  });
});

test('a commit that ran before has its entry point, and the forge is not asked', async () => {
  const { plan, asked } = planOf([], { 'test/run': '#!/bin/sh\n' });
  const found = await plan(aChange(), true);
  assert.deepEqual(found.kind === 'checks' && found.checks.map(({ context }) => context), ['test']);
  assert.deepEqual(asked, []);
});

test('checks with commands of their own need no entry point, and the forge is not asked', async () => {
  const { plan, asked } = planOf([named('unit', { command: ['make'] }), named('lint', { command: ['lint'] })], {});
  const found = await plan();
  assert.deepEqual(found.kind === 'checks' && found.checks.map(({ context }) => context), ['unit', 'lint']);
  assert.deepEqual(asked, []);
});

test('a branch that is not watched, a project that is not known: no checks, and no sentence', async () => {
  assert.deepEqual(await planOf([], {}, ['release-*']).plan(), { kind: 'checks', checks: [] });
  assert.deepEqual(await planOf([], {}).plan(aChange(undefined, { repo: 'other' })), { kind: 'checks', checks: [] });
});

const foreignTests = 'fedora-44@x/cockpit/stable';
const aPull = aChange(anOrder({ pull: 7 }), { title: '[no-test] a change', labels: [] });

/** A forge whose answers about other repositories are known, and what it was asked. */
function elsewhere(given: Partial<Parameters<typeof spokenForge>[0]> = {}) {
  const asked: string[] = [];
  const forge = spokenForge({
    headOf: async (repo, ref) => {
      asked.push(`${repo} ${ref}`);
      return repo === 'x/cockpit' && ref !== 'main' ? shaOf('c') : null;
    },
    pullHeadOf: async (repo, pull) => {
      asked.push(`${repo}#${String(pull)}`);
      return pull === 5 ? shaOf('d') : null;
    },
    changedFiles: async () => {
      asked.push('files');
      return ['docs/a.md'];
    },
    ...given,
  });
  const planFor = (policy: Partial<ProjectPolicy>, change = aPull) =>
    createPolicyPlan({
      policyOf: (_forge, repo) => ({ repo, branches: ['**'], checks: [], fallback, botsRepo: 'x/bots', ...policy }),
      forges: new Map([['git', forge]]),
      entryPoints: [],
    })(change, new AbortController().signal);
  return { asked, planFor };
}

test('tests that live elsewhere are resolved once for each branch, the default branch by trying', async () => {
  const { asked, planFor } = elsewhere();
  const plan = await planFor({
    checks: [foreignTests, 'debian@x/cockpit/stable', 'debian@x/cockpit', 'debian@x/gone'].map((context) =>
      named(context),
    ),
  });
  assert.ok(plan.kind === 'checks');
  assert.deepEqual(
    plan.checks.map(({ context, commandSubject }) => [context, commandSubject?.sha, commandSubject?.branch]),
    [
      [foreignTests, shaOf('c'), 'stable'],
      ['debian@x/cockpit/stable', shaOf('c'), 'stable'],
      ['debian@x/cockpit', shaOf('c'), 'master'],
    ],
  );
  assert.deepEqual(
    plan.leftOut?.map(({ context }) => context),
    ['debian@x/gone'],
  );
  assert.deepEqual(asked.toSorted(), [
    'x/cockpit main',
    'x/cockpit master',
    'x/cockpit stable',
    'x/gone main',
    'x/gone master',
  ]);
});

test('a context of a forge that nobody configured, or of a pull request that is not there, is left out', async () => {
  const { planFor } = elsewhere();
  const plan = await planFor({
    checks: ['a@codeberg:x/y/main', 'a@bots#5', 'a@bots#6'].map((context) => named(context, { command: ['x'] })),
  });
  assert.ok(plan.kind === 'checks');
  assert.deepEqual(
    plan.checks.map(({ context, foreignShas }) => [context, foreignShas]),
    [['a@bots#5', [shaOf('d')]]],
  );
  assert.deepEqual(
    plan.leftOut?.map(({ context }) => context),
    ['a@codeberg:x/y/main', 'a@bots#6'],
  );
});

test('a repository that we may not read is left out, a forge that is away is waited for', async () => {
  const failing = (retry: 'never' | 'later') =>
    elsewhere({ headOf: () => Promise.reject(new GroundcrewError('forge/trouble', 'no', { retry })) });
  const plan = await failing('never').planFor({ checks: [named(foreignTests)] });
  assert.equal(plan.kind === 'checks' && plan.leftOut?.length, 1);
  await assert.rejects(failing('later').planFor({ checks: [named(foreignTests)] }), { code: 'forge/trouble' });
});

test('which files changed is asked only of a pull request with a check that depends on it', async () => {
  const { asked, planFor } = elsewhere();
  const command = ['make'];
  const filtered = named('a', { command, paths: { only: ['src/**'], not: [] } });
  await planFor({ checks: [named('a', { command })] });
  await planFor({ checks: [filtered] }, aChange());
  assert.deepEqual(asked, []);
  const plan = await planFor({ checks: [filtered] });
  assert.deepEqual(asked, ['files']);
  assert.equal(plan.kind === 'checks' && plan.checks[0]?.skip, 'Not needed: no changed file under src/**');
});

test('what the pull request says of itself holds its checks back', async () => {
  const { planFor } = elsewhere();
  const plan = await planFor({
    checks: [named('a', { command: ['make'] })],
    noTest: { label: 'no-test', title: '[no-test]' },
  });
  assert.equal(plan.kind === 'checks' && plan.checks[0]?.isHeld, true);
});

test('a plan says of which version of the policy it is, though that changes while it is made', async () => {
  let version = 'one';
  const forge = spokenForge({
    fileAt: async () => {
      version = 'two';
      return '#!/bin/sh';
    },
  });
  const plan = createPolicyPlan({
    policyOf: (_forge, repo) => ({ repo, branches: ['**'], checks: [], fallback }),
    version: () => version,
    forges: new Map([['git', forge]]),
    entryPoints: ['test/run'],
  });
  const signal = new AbortController().signal;
  const versions: (string | undefined)[] = [];
  for (let look = 0; look < 2; look += 1) {
    const made = await plan(aPull, signal);
    versions.push(made.kind === 'checks' ? made.policyVersion : undefined);
  }
  assert.deepEqual(versions, ['one', 'two']);
});
