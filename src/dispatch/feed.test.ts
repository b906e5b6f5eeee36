import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { spokenForge } from '../../test/support/intake-world.ts';
import { anOrder } from '../../test/support/ledger-world.ts';
import { silentLogger } from '../base/logger.ts';
import type { GrantObstacle } from '../core/grant.ts';
import { isSignedEnvelope, type JobEnvelope } from '../core/job-envelope.ts';
import type { Forge } from '../forge/forge.ts';
import type { FeedCandidate, FeedView, Ledger } from '../ledger/ledger.ts';
import type { Queue } from '../queue/queue.ts';
import { feedOnce, newFeedState } from './feed.ts';
import type { GrantSource } from './give-grants.ts';
import { createPresence } from './presence.ts';

const offer = { pool: 'default', capabilities: [], slots: 1, hostname: 'h', version: '1' };

/** What is published when these workers are here and this job waits. */
async function published(
  workers: readonly string[],
  given: Partial<FeedCandidate> = {},
  grants: { readonly grants?: GrantSource } = {},
  kept: (readonly GrantObstacle[])[] = [],
): Promise<readonly JobEnvelope[]> {
  const clock = createHandClock();
  const presence = createPresence(clock);
  for (const worker of workers) presence.heard(worker, { offer });
  const job = anOrder();
  const candidate: FeedCandidate = {
    job,
    generation: 1,
    baseSha: null,
    class: 'default',
    project: 'p',
    priority: 0,
    queuedAt: 0,
    traceId: 't',
    avoid: [],
    ...given,
  };
  const view: FeedView = {
    candidates: [candidate, candidate, candidate, candidate],
    underway: new Map(),
    offered: new Map(),
    nextAt: null,
  };
  const sent: JobEnvelope[] = [];
  let n = 0;
  const ledger = {
    feedView: () => Promise.resolve(view),
    keepObstacles: (obstacles: readonly GrantObstacle[]) => Promise.resolve(void kept.push(obstacles)),
    createAttempt: () => Promise.resolve((n += 1)),
  } as unknown as Ledger;
  const queue = {
    declare: () => Promise.resolve('found'),
    publish: (_name: string, { body }: { readonly body: string }) =>
      Promise.resolve(sent.push(JSON.parse(body) as JobEnvelope)),
  } as unknown as Queue;
  await feedOnce(
    {
      ledger,
      queue,
      forges: new Map([['git', spokenForge()]]),
      presence,
      clock,
      logger: silentLogger,
      signingKey: 'key',
      ...grants,
    },
    new AbortController().signal,
    newFeedState(),
  );
  return sent;
}

test('R8: nobody here, nothing published; else twice the slots that are here', async () => {
  assert.equal((await published([])).length, 0);
  assert.equal((await published(['one'])).length, 2);
  assert.equal((await published(['one', 'two'])).length, 4);
});

test('what nothing can be granted for stays here: a worker could only give it back, and so till its last try', async () => {
  const source = (canGive: boolean): GrantSource => ({
    kindsFor: () => ['store'],
    canGive: () => canGive,
    fetchGrant: () => Promise.resolve(null),
    storeGrant: () => Promise.resolve(null),
  });
  assert.equal((await published(['one'], {}, { grants: source(false) })).length, 0);
  assert.equal((await published(['one'], {}, { grants: source(true) })).length, 2);
});

test('why jobs stay here is in the ledger, for all who ask; and what an earlier life left there is gone', async () => {
  const obstacle = { of: 'fetch', forge: 'git', repo: 'demo', why: 'GitHub answers 401' } as const;
  const source: GrantSource = {
    kindsFor: () => ['fetch'],
    canGive: () => false,
    obstacles: () => [obstacle],
    fetchGrant: () => Promise.resolve(null),
    storeGrant: () => Promise.resolve(null),
  };
  const kept: (readonly GrantObstacle[])[] = [];
  await published(['one'], {}, { grants: source }, kept);
  await published(['one'], {}, {}, kept);
  assert.deepEqual(kept, [[obstacle], []]);
});

test('R10: what is published is signed', async () => {
  const [first] = await published(['one']);
  assert.ok(first);
  assert.equal(isSignedEnvelope(first, ['key']), true);
  assert.equal(isSignedEnvelope(first, ['another key']), false);
});

test('a worker that failed is avoided while another one is here, and not when it is alone', async () => {
  assert.deepEqual((await published(['one', 'two'], { avoid: ['one'] }))[0]?.avoid, ['one']);
  assert.deepEqual((await published(['one'], { avoid: ['one'] }))[0]?.avoid, []);
});

test('a worker is sent to the repository that it checks out: the change’s own, or that of the tests', async () => {
  assert.equal((await published(['one']))[0]?.cloneUrl, '/srv/demo');
  const job = anOrder();
  const commandSubject = { ...job.subject, repo: 'x/tests' };
  assert.equal((await published(['one'], { job: { ...job, commandSubject } }))[0]?.cloneUrl, '/srv/x/tests');
});

test('the base branch is read once for all its jobs, and one that cannot be read takes no room from others', async () => {
  const clock = createHandClock();
  const presence = createPresence(clock);
  presence.heard('one', { offer });
  const candidates = [1, 2, 3, 4, 5, 6].map((pull): FeedCandidate => {
    const forge = pull <= 3 ? 'away' : 'git';
    const job = anOrder({ pull, integration: 'merge' });
    const subject = { ...job.subject, forge };
    return {
      job: { ...job, subject },
      generation: 1,
      baseSha: null,
      class: 'default',
      project: 'p',
      priority: 0,
      queuedAt: pull,
      traceId: 't',
      avoid: [],
    };
  });
  const view: FeedView = { candidates, underway: new Map(), offered: new Map(), nextAt: null };
  const asked: string[] = [];
  const forgeThat = (name: string, headOf: () => Promise<string>): Forge => ({
    ...spokenForge(),
    name,
    headOf: () => {
      asked.push(name);
      return headOf();
    },
  });
  const offered: (string | null)[] = [];
  const ledger = {
    feedView: () => Promise.resolve(view),
    keepObstacles: () => Promise.resolve(),
    createAttempt: ({ baseSha }: { readonly baseSha: string | null }) => Promise.resolve(offered.push(baseSha)),
  } as unknown as Ledger;
  const pulls: (number | null)[] = [];
  const queue = {
    declare: () => Promise.resolve('found'),
    publish: (_name: string, { body }: { readonly body: string }) =>
      Promise.resolve(pulls.push((JSON.parse(body) as JobEnvelope).job.subject.pull)),
  } as unknown as Queue;
  const forges = new Map([
    ['away', forgeThat('away', () => Promise.reject(new Error('away')))],
    ['git', forgeThat('git', () => Promise.resolve('b'.repeat(40)))],
  ]);
  const deps = { ledger, queue, forges, presence, clock, logger: silentLogger, signingKey: 'key' };
  await feedOnce(deps, new AbortController().signal, newFeedState());
  assert.deepEqual(asked, ['away', 'git']);
  assert.deepEqual(pulls, [4, 5]);
  assert.deepEqual(offered, ['b'.repeat(40), 'b'.repeat(40)]);
});
