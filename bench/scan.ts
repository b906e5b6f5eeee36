/**
 * Scans of a large project on the fake GitHub: 500 open pull requests with 57 of our statuses each, over HTTP with 50 ms of
 * latency and the production adapter, ledger and policy. Cold is an empty ledger and an empty cache.
 * `node bench/scan.ts [--smoke] [--json]`
 */
import { setTimeout as pause } from 'node:timers/promises';
import { join } from 'node:path';
import { systemClock, type Clock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { systemRandom } from '../src/base/random.ts';
import { openDatabase } from '../src/base/sqlite.ts';
import { jobIdOf } from '../src/core/job.ts';
import { formatRunPath } from '../src/core/run-link.ts';
import type { CheckPolicy, ProjectPolicy } from '../src/decide/plan-checks.ts';
import type { Forge } from '../src/forge/forge.ts';
import { createIntake, type Intake } from '../src/intake/intake.ts';
import { createPolicyPlan } from '../src/intake/plan-from-policy.ts';
import { rollingRequestsPerHour } from '../src/intake/rolling.ts';
import type { ScanReport } from '../src/intake/scan.ts';
import { openSqliteLedger } from '../src/ledger/sqlite/open-ledger.ts';
import { openGitHubWorld, type GitHubWorld } from '../test/support/github-world.ts';
import { createHandClock } from '../test/support/hand-clock.ts';
import { tempDir } from '../test/support/temp-dir.ts';
import { benchPart, milliseconds, took, type BenchContext, type Row } from './measure.ts';

const contextsEach = 57;
const latencyMs = 50;
const signal = new AbortController().signal;

const fallback: ProjectPolicy['fallback'] = {
  command: null,
  container: null,
  env: {},
  secrets: [],
  needs: ['kvm'],
  pool: 'default',
  priority: 5,
  timeoutMs: 7_200_000,
  network: 'default',
  limits: { memoryBytes: null, pids: null, shmBytes: null, cpus: null, diskBytes: null, logBytes: null },
  integration: 'merge',
  isExclusive: false,
  isManual: false,
};
const checks: readonly CheckPolicy[] = Array.from({ length: contextsEach }, (_, i) => ({
  ...fallback,
  context: `fedora-${String(40 + (i % 10))}/scenario-${String(i)}`,
  branches: ['**'],
}));

await benchPart(async (context): Promise<readonly Row[]> => {
  const pulls = context.isSmoke ? 24 : 500;
  // What is scanned is an hour old: a state of this minute would be looked at once more.
  const earlier: Clock = { ...systemClock, now: () => Date.now() - 3_600_000 };
  const world = await openGitHubWorld(context, {
    fake: { clock: earlier },
    forge: { clock: systemClock },
    // The topics are tested as pull requests, not as branches.
    repo: { branches: ['main'] },
  });
  await fill(world, pulls);
  world.hub.faults.latencyMs = latencyMs;
  const { hub, forge, repo } = world;

  const cold = await openIntake(context, forge);
  hub.forgetRequests();
  const first = await scanned(cold.intake, forge, repo);
  const coldRequests = hub.requests.length;
  const jobs = await cold.jobs();
  hub.forgetRequests();
  const again = await scanned(cold.intake, forge, repo);
  const [asked, cost] = [hub.requests.length, hub.requests.reduce((sum, request) => sum + request.cost, 0)];
  const notLists = hub.requests.filter(({ method, status }) => method !== 'GET' || status !== 304).length;
  const byHandMs = await listsByHand(world, Math.ceil(pulls / 100));
  const rolled = await rollAnHour(context, world);

  const size = `${String(pulls)} pull requests × ${String(contextsEach)}`;
  const isWhole = first.report.places >= pulls && first.report.failed === 0 && jobs === 0;
  return [
    {
      what: `cold scan, ${size}: requests`,
      target: '≤ 60',
      measured: `${String(coldRequests)} (${milliseconds(first.tookMs)}; ${String(jobs)} jobs started again)`,
      baseline: `${String(Math.ceil(pulls / 100) + 2 * pulls)}: list, then statuses and comments of each by REST`,
      isReached: coldRequests <= 60 && isWhole,
    },
    {
      what: 'unchanged re-scan: quota used',
      target: '0',
      measured: `${String(cost)} (${String(asked)} requests, ${String(notLists)} not a 304 of a list)`,
      baseline: '',
      isReached: cost === 0 && notLists === 0 && again.report.looked === 0,
    },
    {
      what: `unchanged re-scan at ${String(latencyMs)} ms latency`,
      target: '≤ 10 s',
      measured: milliseconds(again.tookMs),
      baseline: `${milliseconds(byHandMs)}: the same list pages by fetch with ETags, one after the other`,
      isReached: again.tookMs <= 10_000,
    },
    {
      what: 'rolling pass: requests in an hour',
      target: `≤ ${String(rollingRequestsPerHour)}`,
      measured: `${String(rolled.requests)} (${String(rolled.looks)} looks)`,
      baseline: '',
      isReached: context.isSmoke ? null : rolled.requests <= rollingRequestsPerHour && rolled.looks >= pulls,
    },
  ];
});

/** Pull requests from branches of the repository, all judged by us before. */
async function fill({ hub, repo }: GitHubWorld, count: number): Promise<void> {
  const branches = Array.from({ length: count }, (_, i) => `topic-${String(i + 1)}`);
  const shas = await hub.people.commitMany(
    repo,
    branches.map((branch) => ({ branch, files: { 'change.txt': `${branch}\n` }, by: 'ada' })),
  );
  const pulls = await hub.people.openPulls(
    repo,
    branches.map((branch) => ({ branch, by: 'ada', title: `Make ${branch} work` })),
  );
  for (const [i, { number }] of pulls.entries()) {
    const sha = shas[i] ?? '';
    const subject = { forge: 'gh', repo, sha, pull: number, baseRef: 'main', branch: null };
    for (const { context } of checks) {
      const id = jobIdOf({ subject, context, occasion: 'change', commandSubject: null, isTrusted: true });
      hub.people.setStatus(repo, sha, {
        context,
        state: 'success',
        description: 'Passed in 41 min',
        targetUrl: `https://ci.example${formatRunPath({ jobId: id, generation: 1, changeJobId: id, isCanceled: false })}`,
        by: 'crew-bot',
      });
    }
  }
}

async function openIntake(
  context: BenchContext,
  forge: Forge,
  clock: Clock = systemClock,
): Promise<{ readonly intake: Intake; readonly jobs: () => Promise<number> }> {
  const database = openDatabase({ path: join(await tempDir(context), 'ledger.sqlite') });
  context.after(() => database.close());
  const ledger = openSqliteLedger(database);
  const forges = new Map([[forge.name, forge]]);
  const intake = createIntake({
    ledger,
    forges,
    plan: createPolicyPlan({
      policyOf: (_forge, repo) => ({ repo, branches: ['main'], checks, fallback }),
      forges,
      entryPoints: ['.cockpit-ci/run', 'test/run'],
    }),
    clock,
    random: systemRandom,
    logger: silentLogger,
    onDecided: () => Promise.resolve(),
  });
  const jobs = (): Promise<number> =>
    Promise.resolve(database.read((sql) => sql.get<{ n: number }>('SELECT COUNT(*) AS n FROM jobs')?.n ?? 0));
  return { intake, jobs };
}

async function scanned(
  intake: Intake,
  forge: Forge,
  repo: string,
): Promise<{ readonly report: ScanReport; readonly tookMs: number }> {
  let report: ScanReport | null = null;
  const tookMs = await took(async () => {
    report = await intake.scan(forge.name, repo, signal);
  });
  if (report === null) throw new Error('the repository is not watched');
  return { report, tookMs };
}

/** Lists the pull requests again as anybody would: each page with the tag of its last answer. */
async function listsByHand({ hub, repo }: GitHubWorld, pages: number): Promise<number> {
  const token = hub.people.createToken('ada');
  const list = async (tags: readonly (string | null)[]): Promise<(string | null)[]> => {
    const found: (string | null)[] = [];
    for (let page = 1; page <= pages; page += 1) {
      const tag = tags[page - 1] ?? null;
      const answer = await fetch(
        `${hub.url}/repos/${repo}/pulls?state=open&sort=created&direction=asc&per_page=100&page=${String(page)}`,
        {
          headers: {
            authorization: `Bearer ${token}`,
            'user-agent': 'bench',
            ...(tag === null ? {} : { 'if-none-match': tag }),
          },
        },
      );
      await answer.arrayBuffer();
      found.push(answer.headers.get('etag'));
    }
    return found;
  };
  const tags = await list([]);
  return took(() => list(tags));
}

/** An hour of the rolling pass: its time is ours to move, what it asks for takes as long as it takes. */
async function rollAnHour(
  context: BenchContext,
  { hub, forge, repo }: GitHubWorld,
): Promise<{ readonly requests: number; readonly looks: number }> {
  const clock = createHandClock(Date.now());
  let looks = 0;
  const counting: Forge = {
    ...forge,
    async *views(...ask) {
      for await (const view of forge.views?.(...ask) ?? []) {
        looks += 1;
        yield view;
      }
    },
  };
  const { intake } = await openIntake(context, counting, clock);
  await intake.scan(forge.name, repo, signal);
  // Its first ten minutes everything is fresh.
  clock.pass(600_000);
  [looks] = [0];
  hub.forgetRequests();
  hub.faults.latencyMs = 0;
  const life = new AbortController();
  const rolling = intake.roll(life.signal);
  for (let minute = 0; minute < (context.isSmoke ? 3 : 60); minute += 1) {
    clock.pass(60_000);
    for (let before = -1; before !== hub.requests.length + looks;) {
      before = hub.requests.length + looks;
      await pause(60);
    }
  }
  life.abort();
  await rolling;
  return { requests: hub.requests.length, looks };
}
