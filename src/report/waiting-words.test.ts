import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunSummary, WorkerSeen } from '../ledger/ledger-reader.ts';
import { whyWaiting } from './waiting-words.ts';

const now = 1_800_000_000_000;
const worker = (given: Partial<WorkerSeen> = {}): WorkerSeen => ({
  worker: 'w1',
  pool: 'default',
  capabilities: ['kvm'],
  slots: 2,
  hostname: 'host',
  version: '1',
  lastHeardAt: now - 1_000,
  hasLeft: false,
  running: 0,
  since: now - 60_000,
  runs: [],
  standing: { takesJobs: true, isPaused: false, why: null },
  wish: 'work',
  wishBy: null,
  ...given,
});
// Only what the sentence looks at.
const run = (given: Partial<Pick<RunSummary, 'notBefore' | 'pool' | 'needs' | 'obstacle'>> = {}): RunSummary =>
  ({ notBefore: 0, pool: 'default', needs: [], obstacle: null, ...given }) as unknown as RunSummary;

const table: readonly [string, string, RunSummary, number, readonly WorkerSeen[]][] = [
  ['a retry that is due later', 'next try in 5 s', run({ notBefore: now + 5_000 }), 0, [worker()]],
  [
    'the only one that could is paused',
    'no worker takes jobs now: w1 is paused',
    run(),
    0,
    [worker({ standing: { takesJobs: false, isPaused: true, why: 'paused' } })],
  ],
  [
    'its repository cannot be fetched',
    'no token to fetch acme/app can be had: GitHub answers 502',
    run({ obstacle: { of: 'fetch', forge: 'github', repo: 'acme/app', why: 'GitHub answers 502' } }),
    0,
    [worker()],
  ],
  [
    'the store is away, whose address is nobody’s business',
    'the store of logs is away',
    run({ obstacle: { of: 'store', why: 'http://10.0.0.7:9000 does not answer' } }),
    0,
    [worker()],
  ],
  ['nobody has ever come', 'no worker is here', run(), 0, []],
  [
    'all have left or are silent',
    'no worker is here',
    run(),
    0,
    [worker({ hasLeft: true }), worker({ lastHeardAt: now - 80_000 })],
  ],
  ['workers of another pool', 'no worker of the pool big is here', run({ pool: 'big' }), 0, [worker()]],
  ['none can do it', 'no worker here offers kvm + arch:arm64', run({ needs: ['kvm', 'arch:arm64'] }), 0, [worker()]],
  ['one is free', 'starting', run(), 0, [worker()]],
  ['one is free, others go first', '3 before it', run(), 3, [worker()]],
  ['the only one is busy', 'the worker is busy; the next to start', run(), 0, [worker({ running: 2 })]],
  [
    'all are busy',
    'all 2 workers are busy; 4 before it',
    run({ needs: ['kvm'] }),
    4,
    [worker({ running: 2 }), worker({ running: 3 })],
  ],
  [
    'those who cannot do it do not count',
    'the worker is busy; 1 before it',
    run({ needs: ['kvm'] }),
    1,
    [worker({ running: 2 }), worker({ capabilities: [] })],
  ],
];

for (const [title, sentence, about, position, workers] of table) {
  test(`${title}: “${sentence}”`, () => {
    assert.equal(whyWaiting(about, position, workers, now), sentence);
  });
}
