/**
 * RabbitMQ stops and starts again under 100 running jobs (the real server, five real workers with twenty slots each): who was
 * started anew, who was lost, and how long after the broker's return the server had heard a beat of every attempt.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openDatabase } from '../src/base/sqlite.ts';
import { openFleet } from '../test/support/fleet.ts';
import { has } from '../test/support/needs.ts';
import { until } from '../test/support/until.ts';
import { benchPart, eventually, type Row } from './measure.ts';

interface Attempts {
  readonly all: number;
  readonly live: number;
  /** Of the live attempts, the one that was heard longest ago (epoch ms, the server's clock, which is ours). */
  readonly longestUnheardAt: number;
}

await benchPart(async (context) => {
  const [workers, slots] = context.isSmoke ? [2, 2] : [5, 20];
  const jobs = workers * slots;
  const what = `broker restarts under ${String(jobs)} running jobs`;
  const row = (measured: string, isReached: boolean | null): Row => ({
    what,
    target: '0 restarted, 0 lost, all beating ≤ 30 s after it is back',
    measured,
    baseline: '',
    isReached,
  });
  if (!has('rabbitmq')) return [row('not measured: rabbitmq-server is missing', null)];
  const fleet = await openFleet(context);
  const repo = fleet.crew.repo();
  repo.commit({ 'file.txt': 'hello\n' });
  const done = join(fleet.crew.root, 'done');
  const command = `until [ -e ${done} ]; do sleep 1; done`;
  const checks = Array.from({ length: jobs }, (_, at) => `{context: long-${String(at)}, command: '${command}'}`);
  await fleet.server(`projects: [{name: demo, path: ${repo.dir}, checks: [${checks.join(', ')}]}]\n`);
  const database = openDatabase({ path: join(fleet.crew.stateDir, 'ledger.sqlite'), isReadOnly: true });
  context.after(() => database.close());
  const look = (): Attempts =>
    database.read((sql) =>
      sql.get<Attempts>(
        `SELECT COUNT(*) AS "all", COUNT(*) FILTER (WHERE state = 'live') AS live,
           COALESCE(MIN(last_beat_at) FILTER (WHERE state = 'live'), 0) AS longestUnheardAt
         FROM attempts WHERE nonce <> ''`,
      ),
    ) ?? { all: 0, live: 0, longestUnheardAt: 0 };
  for (let at = 0; at < workers; at += 1)
    await fleet.worker(`worker-${String(at)}`, `worker: {executor: process, slots: ${String(slots)}}\n`);
  const isRunning = (): boolean =>
    (database.read((sql) => sql.get<{ n: number }>(`SELECT COUNT(*) AS n FROM attempts WHERE phase = 'running'`))?.n ??
      0) === jobs;
  await until(isRunning, { within: 300_000, what: 'all jobs to run' });
  await fleet.broker.stop();
  // Longer than two beats, and than a silence of 60 s in the long run.
  await pause(context.isSmoke ? 1_000 : 40_000);
  await fleet.broker.start();
  const backAt = Date.now();
  const heardAt = await eventually(100, async () => {
    const now = look();
    return now.live < jobs || now.longestUnheardAt >= backAt || Date.now() - backAt > 120_000 ? Date.now() : null;
  });
  const seconds = (heardAt - backAt) / 1000;
  // Silence would be noticed by then.
  await pause(context.isSmoke ? 0 : 75_000);
  const { all, live } = look();
  const [restarted, lost] = [all - jobs, jobs - live];
  const measured = `${String(restarted)} restarted, ${String(lost)} lost, all beating after ${seconds.toFixed(1)} s`;
  return [row(measured, restarted === 0 && lost === 0 && seconds <= 30)];
});
