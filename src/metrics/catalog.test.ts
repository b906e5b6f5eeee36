import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from './catalog.ts';

const counts = {
  waiting: 1,
  offered: 2,
  running: 3,
  ended: 4,
  deliveries: 50,
  deliveriesPending: 6,
  deliveriesParked: 7,
  reportsDue: 8,
  reportsRefused: 9,
  messagesParked: 10,
  messagesDropped: 11,
  grantObstacles: 12,
};

const deliveries = {
  bySource: [
    { forge: 'github', source: 'event', n: 50 },
    { forge: 'github', source: 'sweep', n: 2 },
  ],
  missed: [{ forge: 'github', n: 1 }],
  oldestPendingMs: 1500,
};

test('the exposition has the counts of the moment, each with help and type', async () => {
  const metrics = createMetrics('1.2.3');
  await metrics.expose({ ...counts, ended: 1 }, { ...deliveries, oldestPendingMs: 0 });
  metrics.webhookAnswered('github', 202);
  metrics.webhookAnswered('github', 202);
  const text = await metrics.expose(counts, deliveries);
  for (const line of [
    'groundcrew_info{version="1.2.3"} 1',
    'groundcrew_jobs{state="waiting"} 1',
    'groundcrew_jobs{state="offered"} 2',
    'groundcrew_jobs{state="running"} 3',
    'groundcrew_jobs{state="ended"} 4',
    'groundcrew_deliveries_total{forge="github",source="event"} 50',
    'groundcrew_deliveries_total{forge="github",source="sweep"} 2',
    'groundcrew_deliveries_missed_total{forge="github"} 1',
    'groundcrew_deliveries_oldest_pending_seconds 1.5',
    'groundcrew_webhook_answers_total{forge="github",status="202"} 2',
    'groundcrew_deliveries_pending 6',
    'groundcrew_deliveries_parked 7',
    'groundcrew_reports_due 8',
    'groundcrew_reports_refused 9',
    'groundcrew_messages_parked 10',
    'groundcrew_messages_dropped_total 11',
  ]) {
    assert.ok(text.includes(`\n${line}\n`) || text.startsWith(`${line}\n`), line);
  }
  const names = [...text.matchAll(/^([a-z_]+)[{ ]/gm)].map(([, name]) => name ?? '');
  for (const name of names) assert.match(name, /^(groundcrew|process|nodejs)_/);
  for (const name of new Set(names.filter((one) => one.startsWith('groundcrew_')))) {
    assert.match(text, new RegExp(`^# HELP ${name} .+\\.$`, 'm'));
    assert.match(text, new RegExp(`^# TYPE ${name} (gauge|counter)$`, 'm'));
  }
});

test('two catalogs do not share their numbers', async () => {
  const [one, other] = [createMetrics('1'), createMetrics('2')];
  await one.expose(counts, deliveries);
  assert.doesNotMatch(await other.expose({ ...counts, ended: 0 }, deliveries), /state="ended"\} 4/);
});

test('a wrong configuration shows as policy_valid 0, beside the version that stays in force', async () => {
  const metrics = createMetrics('1');
  assert.match(await metrics.expose(counts, deliveries), /^groundcrew_policy_valid 1$/m);
  metrics.policyIs('0123456789ab', true);
  metrics.policyIs('ba9876543210', false);
  const text = await metrics.expose(counts, deliveries);
  assert.match(text, /^groundcrew_policy_valid 0$/m);
  assert.deepEqual(text.match(/^groundcrew_policy_info.*$/gm), ['groundcrew_policy_info{version="ba9876543210"} 1']);
});

test('what a client of a forge did is counted by forge', async () => {
  const metrics = createMetrics('1');
  const { forges } = metrics;
  forges.requested({ forge: 'github', kind: 'read', status: 200, ms: 40 });
  forges.requested({ forge: 'github', kind: 'read', status: 0, ms: 9000 });
  forges.saved({ forge: 'github', by: 'not-modified' });
  forges.waited({ forge: 'github', why: 'spacing', ms: 1500 });
  forges.quota({ forge: 'github', resource: 'core', limit: 5000, left: 4321, resetAt: 1_800_000_000_000 });
  const text = await metrics.expose(counts, deliveries);
  for (const line of [
    'groundcrew_forge_requests_total{forge="github",kind="read",status="200"} 1',
    'groundcrew_forge_requests_total{forge="github",kind="read",status="0"} 1',
    'groundcrew_forge_request_seconds_count{forge="github",kind="read"} 2',
    'groundcrew_forge_requests_saved_total{forge="github",by="not-modified"} 1',
    'groundcrew_forge_wait_seconds_total{forge="github",why="spacing"} 1.5',
    'groundcrew_forge_quota_left{forge="github",resource="core"} 4321',
    'groundcrew_forge_quota_limit{forge="github",resource="core"} 5000',
    'groundcrew_forge_quota_reset_timestamp_seconds{forge="github",resource="core"} 1800000000',
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line}\n${text}`);
  }
});
