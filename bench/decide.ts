/** Deciding over a whole forge: 500 open pull requests with 57 contexts each, as a scan of everything meets them. */
import { subjectOf, type Change, type StatusSeen } from '../src/core/change.ts';
import { jobIdOf } from '../src/core/job.ts';
import type { PlannedCheck, Snapshot } from '../src/core/snapshot.ts';
import { decideChange } from '../src/decide/decide-change.ts';
import { benchPart, median, milliseconds, took, type Row } from './measure.ts';

const contextsEach = 57;
const limits = { memoryBytes: null, pids: null, shmBytes: null, cpus: null, diskBytes: null, logBytes: null };

const checks: readonly PlannedCheck[] = Array.from({ length: contextsEach }, (_, index) => ({
  context: `fedora-${String(index % 10)}/scenario-${String(index)}`,
  command: null,
  container: null,
  env: { TEST_OS: `fedora-${String(index % 10)}` },
  secrets: [],
  needs: ['kvm'],
  pool: 'default',
  priority: 5,
  timeoutMs: 7_200_000,
  exclusive: false,
  integration: 'merge',
  network: 'default',
  limits,
  commandSubject: null,
  isManual: false,
}));

type Story = 'all judged' | 'all judged, ledger lost' | 'all new';

/** A snapshot of its own for each pull request, as intake makes it: no object is shared but the policy's. */
function snapshotOf(pull: number, story: Story): Snapshot {
  const change: Change = {
    key: `github|team/project|pull/${String(pull)}`,
    forge: 'github',
    repo: 'team/project',
    pull,
    branch: null,
    headSha: pull.toString(16).padStart(40, '0'),
    baseRef: 'main',
    title: `Change ${String(pull)}`,
    author: 'ada',
    labels: [],
    isDraft: false,
    isOpen: true,
    trust: 'trusted',
    version: 1,
  };
  const subject = subjectOf(change);
  const jobs = checks.map(({ context }) => ({
    id: jobIdOf({ subject, context, occasion: 'change', commandSubject: null, isTrusted: true }),
    generation: 1,
    changeKey: change.key,
    sha: change.headSha,
    baseRef: 'main',
    isTrusted: true,
    context,
    occasion: 'change',
    isEnded: true,
    outcome: { kind: 'passed' } as const,
    hasWord: true,
  }));
  const statuses = jobs.map(({ id, context }): StatusSeen => ({
    context,
    state: 'success',
    description: 'Passed',
    jobId: id,
    generation: 1,
    changeJobId: id,
    isCanceled: false,
  }));
  return {
    change,
    remembersStatuses: true,
    statuses: story === 'all new' ? [] : statuses,
    requests: [],
    approvedShas: [],
    plan: { kind: 'checks', checks },
    jobs: story === 'all judged' ? jobs : [],
  };
}

await benchPart(async ({ isSmoke }): Promise<readonly Row[]> => {
  const pulls = isSmoke ? 5 : 500;
  const rounds = isSmoke ? 1 : 7;
  const rows: Row[] = [];
  for (const story of ['all judged', 'all judged, ledger lost', 'all new'] as const) {
    const snapshots = Array.from({ length: pulls }, (_, index) => snapshotOf(index + 1, story));
    const times: number[] = [];
    const bytes: number[] = [];
    let wanted = 0;
    for (let round = 0; round < rounds; round += 1) {
      globalThis.gc?.();
      const before = process.memoryUsage().heapUsed;
      // Everything is kept until the end, which no scan does: the worst that deciding can take.
      const decided: (readonly unknown[])[] = [];
      times.push(
        await took(() => {
          for (const snapshot of snapshots) decided.push(decideChange(snapshot));
        }),
      );
      bytes.push(process.memoryUsage().heapUsed - before);
      wanted = decided.reduce((sum, actions) => sum + actions.length, 0) - pulls;
    }
    const ms = median(times);
    const mib = Math.max(...bytes) / 2 ** 20;
    rows.push({
      what: `decide, ${String(pulls * contextsEach)} contexts, ${story}`,
      target: '≤ 100 ms, < 50 MB',
      measured: `${milliseconds(ms)}, ${mib.toFixed(0)} MiB, ${String(wanted)} jobs wanted`,
      baseline: '',
      isReached: ms <= 100 && mib * 2 ** 20 < 50e6,
    });
  }
  return rows;
});
