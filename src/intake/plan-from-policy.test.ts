import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckPolicy, ProjectPolicy } from '../decide/plan-checks.ts';
import { spokenForge } from '../../test/support/intake-world.ts';
import { aChange } from '../../test/support/ledger-world.ts';
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
  return { asked, plan: (change = aChange()) => plan(change, new AbortController().signal) };
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
