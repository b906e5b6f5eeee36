/**
 * No-op jobs through everything: the real `groundcrew server`, RabbitMQ, and eight `groundcrew worker` processes with the
 * process executor and one slot each; the jobs wait before the workers come. Beside it a bare loop of `git worktree add`,
 * `sh`, `git worktree remove`, one after the other. Without checkout: the same workers, but an empty directory is put in the
 * place of each checkout (`without-checkout.ts`), and no git runs.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { openDatabase, type Database } from '../src/base/sqlite.ts';
import { openFleet, type Fleet } from '../test/support/fleet.ts';
import type { TestRepo } from '../test/support/git-repo.ts';
import { has } from '../test/support/needs.ts';
import { openTempDir, removeTempDir } from '../test/support/temp-dir.ts';
import { until } from '../test/support/until.ts';
import { openCpuGroup, type CpuGroup } from './cpu-group.ts';
import { benchPart, eventually, type BenchContext, type Row } from './measure.ts';

const workers = 8;
const [withCheckout, without] = [
  `no-op jobs through server, RabbitMQ and ${String(workers)} process workers`,
  `the same without checkout`,
];
const [targetWith, targetWithout] = ['≥ 0.25 × a bare loop', '≥ 40/s'];

/** How fast, and what each took of the processors (ms); null: cannot be said here. */
interface Pace {
  readonly perSecond: number;
  readonly cpuMs: number | null;
}

await benchPart(async (context) => {
  if (!has('rabbitmq')) {
    const measured = 'not measured: rabbitmq-server is missing';
    return [
      { what: withCheckout, target: targetWith, measured, baseline: '', isReached: null },
      { what: without, target: targetWithout, measured, baseline: '', isReached: null },
    ] satisfies Row[];
  }
  const group = openCpuGroup(`groundcrew-bench-${String(process.pid)}`);
  context.after(() => group?.close());
  const ours = await throughEverything(context, group, false);
  const bare = await bareLoop(context, group);
  const empty = await throughEverything(context, group, true);
  const ratio = ours.perSecond / bare.perSecond;
  return [
    {
      what: withCheckout,
      target: targetWith,
      measured: `${ratio.toFixed(2)} × (${words(ours)})`,
      baseline: `${words(bare)}: worktree add, sh, worktree remove, one at a time`,
      isReached: ratio >= 0.25,
    },
    {
      what: without,
      target: targetWithout,
      measured: words(empty),
      baseline: '',
      isReached: empty.perSecond >= 40,
    },
  ];
});

function words({ perSecond, cpuMs }: Pace): string {
  return `${perSecond.toFixed(1)}/s${cpuMs === null ? '' : `, ${cpuMs.toFixed(0)} ms CPU each`}`;
}

async function throughEverything(context: BenchContext, group: CpuGroup | null, isEmpty: boolean): Promise<Pace> {
  const [branches, contexts] = context.isSmoke ? [3, 10] : [20, 50];
  const most = branches * contexts;
  const fleet = await openFleet(context);
  const repo = fleet.crew.repo();
  repo.commit({ 'file.txt': 'hello\n' });
  for (let at = 1; at < branches; at += 1) {
    repo.git('checkout', '-q', '-b', `branch-${String(at)}`);
    repo.commit({ 'file.txt': `${String(at)}\n` });
  }
  const checks = Array.from({ length: contexts }, (_, at) => `{context: check-${String(at)}, command: 'true'}`);
  await fleet.server(`projects: [{name: demo, path: ${repo.dir}, checks: [${checks.join(', ')}]}]\n`);
  const database = openDatabase({ path: join(fleet.crew.stateDir, 'ledger.sqlite'), isReadOnly: true });
  context.after(() => database.close());
  await until(() => jobs(database, '1') === most, { within: 120_000, what: 'all jobs to wait' });
  const programs = await startWorkers(fleet, isEmpty);
  const passed = (): number => jobs(database, `state = 'ended' AND outcome ->> '$.kind' = 'passed'`);
  // By then each of them has its mirror, and all its code is loaded.
  const warm = Math.floor(most / 5);
  const seen = async (): Promise<{ jobs: number; at: number; cpuMs: number }> => {
    const odd = jobs(database, `state = 'ended' AND outcome ->> '$.kind' <> 'passed'`);
    if (odd > 0) throw new Error(`${String(odd)} no-op jobs did not pass`);
    return { jobs: passed(), at: performance.now(), cpuMs: group?.usedMs() ?? 0 };
  };
  const reached = (count: number): ReturnType<typeof seen> =>
    eventually(50, async () => {
      const now = await seen();
      return now.jobs >= count ? now : null;
    });
  const began = await reached(warm);
  // The last ones are not shared by all.
  const ended = await reached(most - workers);
  await Promise.all(programs.map((program) => program.end()));
  const done = ended.jobs - began.jobs;
  return {
    perSecond: (1000 * done) / (ended.at - began.at),
    cpuMs: group === null ? null : (ended.cpuMs - began.cpuMs) / done,
  };
}

function startWorkers(fleet: Fleet, isEmpty: boolean): Promise<readonly Awaited<ReturnType<Fleet['worker']>>[]> {
  if (isEmpty)
    Object.assign(fleet.crew.env, { NODE_OPTIONS: `--import ${join(import.meta.dirname, 'without-checkout.ts')}` });
  return Promise.all(
    Array.from({ length: workers }, (_, at) =>
      fleet.worker(`worker-${String(at)}`, 'worker: {executor: process, slots: 1}\n'),
    ),
  );
}

function jobs(database: Database, where: string): number {
  return database.read((sql) => sql.get<{ n: number }>(`SELECT COUNT(*) AS n FROM jobs WHERE ${where}`))?.n ?? 0;
}

/** As somebody would write it in a shell, without log, verdict or limits. */
async function bareLoop(context: BenchContext, group: CpuGroup | null): Promise<Pace> {
  const rounds = context.isSmoke ? 5 : 200;
  const dir = await openTempDir();
  context.after(() => removeTempDir(dir));
  const { makeRepo } = await import('../test/support/git-repo.ts');
  const repo: TestRepo = makeRepo(join(dir, 'demo'));
  const sha = repo.commit({ 'file.txt': 'hello\n' });
  const script = `for at in $(seq ${String(rounds)}); do
    git worktree add -q --detach ../tree ${sha} && (cd ../tree && sh -c true) && git worktree remove --force ../tree || exit 1
  done`;
  const [at, cpuMs] = [performance.now(), group?.usedMs() ?? 0];
  execFileSync('sh', ['-c', script], { cwd: repo.dir, stdio: 'ignore' });
  const seconds = (performance.now() - at) / 1000;
  return { perSecond: rounds / seconds, cpuMs: group === null ? null : (group.usedMs() - cpuMs) / rounds };
}
