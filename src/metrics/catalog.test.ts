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
