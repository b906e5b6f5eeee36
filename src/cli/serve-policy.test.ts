import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GroundcrewError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import type { LivePolicy } from '../config/live-policy.ts';
import type { ProjectPlace } from '../config/policy-version.ts';
import type { Intake } from '../intake/intake.ts';
import { until } from '../../test/support/until.ts';
import { followPolicy } from './serve-policy.ts';

const place = (repo: string): ProjectPlace => ({ forge: 'github', repo });

/** A policy whose edits the test makes, and a server that notes what it is told to look at. */
function world(scanNow: (repo: string) => Promise<null> = async () => null): {
  readonly edit: (...repos: string[]) => void;
  readonly scanned: string[];
  readonly forgotten: () => number;
  readonly end: () => Promise<void>;
} {
  const listeners = new Set<(changed: readonly ProjectPlace[]) => void>();
  const scanned: string[] = [];
  let forgotten = 0;
  const stop = new AbortController();
  const unasked = (): never => assert.fail('not asked in this test');
  const policy: LivePolicy = {
    projects: unasked,
    settings: unasked,
    policyOf: unasked,
    state: unasked,
    reload: unasked,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    watch: async () => undefined,
  };
  const intake: Pick<Intake, 'forgetLooks'> = {
    forgetLooks: () => {
      forgotten += 1;
    },
  };
  const following = followPolicy(
    { policy, forges: new Map(), logger: silentLogger },
    {
      scanNow: async (_forge, repo) => {
        scanned.push(repo);
        return await scanNow(repo);
      },
      intake: intake as Intake,
    },
    stop.signal,
  );
  return {
    edit: (...repos) => {
      for (const tell of listeners) tell(repos.map(place));
    },
    scanned,
    forgotten: () => forgotten,
    end: async () => {
      stop.abort();
      await following;
      assert.equal(listeners.size, 0);
    },
  };
}

test('an edit has the projects that it concerns looked at, one after the other, each once', async () => {
  let release = (): void => undefined;
  const { edit, scanned, end } = world(
    async () =>
      await new Promise((resolve) => {
        release = () => {
          resolve(null);
        };
      }),
  );
  edit('a', 'b');
  await until(() => scanned.length === 1);
  // `b` is owed already; `a` is being looked at by the old edit and is owed again.
  edit('b', 'a');
  release();
  await until(() => scanned.length === 2);
  release();
  await until(() => scanned.length === 3);
  release();
  assert.deepEqual(scanned, ['a', 'b', 'a']);
  await end();
});

test('an edit after all was looked at is looked at, too', async () => {
  const { edit, scanned, end } = world();
  edit('a');
  await until(() => scanned.length === 1);
  edit('a');
  await until(() => scanned.length === 2);
  await end();
});

test('a project that cannot be looked at is not passed over by the next scan, and stops no other', async () => {
  const { edit, scanned, forgotten, end } = world(async (repo) => {
    if (repo === 'a') throw new GroundcrewError('forge/unreachable', 'away', { retry: 'later' });
    return null;
  });
  edit('a', 'b');
  await until(() => scanned.length === 2);
  assert.equal(forgotten(), 1);
  await end();
});
