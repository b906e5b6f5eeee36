import assert from 'node:assert/strict';
import { type FakeGitHub, type FakeGitHubOptions, startFakeGitHub } from '../../src/forge/github/fake/fake-github.ts';
import { githubInspector } from './github-schema.ts';
import type { CleansUp } from './temp-dir.ts';

/**
 * A fake GitHub of the test's own. Everything that it answers and sends is held against GitHub's published description;
 * what breaks it fails the test at its end.
 */
export async function openFakeGitHub(context: CleansUp, options: FakeGitHubOptions = {}): Promise<FakeGitHub> {
  const github = await startFakeGitHub({ env: process.env, ...githubInspector(), ...options });
  context.after(async () => {
    await github.close();
    assert.deepEqual(github.troubles, [], 'the fake GitHub answers as the real one is described to');
  });
  return github;
}
