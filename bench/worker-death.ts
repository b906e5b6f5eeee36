/**
 * From a worker's death to its job running elsewhere, over RabbitMQ with the real processes: told by `bye` (SIGTERM twice hands
 * the job back), and untold (SIGKILL). A job that begins writes the time into a file; both clocks are this machine's.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openFleet } from '../test/support/fleet.ts';
import { has } from '../test/support/needs.ts';
import { until } from '../test/support/until.ts';
import { benchPart, milliseconds, type Row } from './measure.ts';

const targets = { bye: '≤ 5 s', kill: '≤ 90 s' } as const;
const names = {
  bye: 'worker leaves with `bye` → its job runs elsewhere, the slowest',
  kill: 'worker killed → its job runs elsewhere, the slowest',
} as const;

await benchPart(async (context) => {
  const ways = ['bye', 'kill'] as const;
  if (!has('rabbitmq')) {
    const measured = 'not measured: rabbitmq-server is missing';
    return ways.map((way): Row => ({
      what: names[way],
      target: targets[way],
      measured,
      baseline: '',
      isReached: null,
    }));
  }
  // The third loss of a job is its end.
  const rounds = { bye: context.isSmoke ? 1 : 5, kill: context.isSmoke ? 0 : 2 };
  const fleet = await openFleet(context);
  const notes = join(fleet.crew.root, 'notes');
  mkdirSync(notes);
  const repo = fleet.crew.repo();
  repo.commit({ 'file.txt': 'hello\n' });
  // The nonce is new for each attempt.
  const command = `date +%s%3N > ${notes}/new.$GROUNDCREW_NONCE; mv ${notes}/new.$GROUNDCREW_NONCE ${notes}/$GROUNDCREW_NONCE; sleep 600`;
  await fleet.server(`projects: [{name: demo, path: ${repo.dir}, checks: [{context: long, command: '${command}'}]}]\n`);
  const begun = (): number[] =>
    readdirSync(notes)
      .filter((name) => !name.startsWith('new.'))
      .map((name) => Number(readFileSync(join(notes, name), 'utf8')))
      .sort((a, b) => a - b);
  let next = 0;
  const start = (): ReturnType<typeof fleet.worker> =>
    fleet.worker(`worker-${String((next += 1))}`, 'worker: {executor: process, slots: 1, grace: 1s}\n');
  let holder = await start();
  await until(() => begun().length === 1, { within: 60_000, what: 'the job to run' });
  const took: Record<(typeof ways)[number], number[]> = { bye: [], kill: [] };
  for (const way of ways) {
    for (let round = 0; round < rounds[way]; round += 1) {
      const heir = await start();
      await until(() => heir.err().includes('takes jobs'), { within: 60_000, what: 'the other worker to be there' });
      const before = begun().length;
      const at = Date.now();
      if (way === 'kill') await holder.end('SIGKILL');
      else {
        // The first drains, the second hands back.
        process.kill(holder.pid, 'SIGTERM');
        await pause(200);
        process.kill(holder.pid, 'SIGTERM');
      }
      await until(() => begun().length > before, { within: 180_000, what: 'the job to run elsewhere' });
      took[way].push((begun().at(-1) ?? Number.NaN) - at);
      await holder.ended;
      holder = heir;
    }
  }
  return ways
    .filter((way) => took[way].length > 0)
    .map((way): Row => {
      const slowest = Math.max(...took[way]);
      return {
        what: names[way],
        target: targets[way],
        measured: milliseconds(slowest),
        baseline: `${String(took[way].length)} times`,
        isReached: slowest <= (way === 'bye' ? 5_000 : 90_000),
      };
    });
});
