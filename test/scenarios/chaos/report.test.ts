import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CampaignOrder, CampaignResult } from './campaign.ts';
import { chaosReport } from './report.ts';

const order: CampaignOrder = {
  dir: '/nowhere',
  seed: 1,
  lengthMs: 90_000,
  jobs: 10,
  perKind: 2,
  kinds: ['kill-worker', 'cut'],
  workers: 2,
  slots: 1,
  accounts: 1,
  hasDisks: false,
  restWithinMs: 1,
  awaitsTidying: false,
};
const result: CampaignResult = {
  wrong: ['event-lost: one', 'crash: another'],
  hits: [{ kind: 'cut', target: 'a line', beganAt: 1, endedAt: 2, seen: '1 connections' }],
  missed: {},
  asked: { push: 3, open: 2 },
  rest: { unrest: null, tookMs: 1_500, scansAsked: 0 },
  counts: {
    jobs: 10,
    runs: 11,
    outcomes: { passed: 10 },
    duplicates: { extra: 1, completed: 0, most: 2, why: { 'broken lost': 1 } },
  },
  recovery: [{ kind: 'cut', nextEndMs: 400, allHeardMs: null }],
  longestGapMs: 61_240,
};

test('a report says how often each fault hit, what was lost and wrong, and why what ran again', () => {
  const text = chaosReport(order, result, 'the command');
  assert.match(text, /^### 1\.5 minutes of chaos, 1 faults/);
  assert.match(text, /\| cut: [^|]+\| 1 +\| 0\.4 s, 0\.4 s +\| none +\|/);
  assert.match(text, /\| kill-worker: [^|]+\| 0 +\| none +\| none +\|/);
  for (const [what, count] of Object.entries({
    lost: '1',
    wrong: '1',
    why: 'broken lost 1',
    'runs of jobs': '11',
    'longest time without a verdict': '61.2 s',
  })) {
    assert.match(text, new RegExp(`\\| ${what} +\\| ${count} +\\|`));
  }
});
