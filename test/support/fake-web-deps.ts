import { Readable } from 'node:stream';
import { silentLogger } from '../../src/base/logger.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { Change } from '../../src/core/change.ts';
import { jobIdOf, type Job } from '../../src/core/job.ts';
import type { Subject } from '../../src/core/subject.ts';
import type {
  AttemptDetail,
  DeliveryDay,
  HeldChange,
  ParkedDelivery,
  RunDetail,
  RunSummary,
} from '../../src/ledger/ledger-reader.ts';
import type { ObjectInfo } from '../../src/storage/object-store.ts';
import type { Submission, WebDeps } from '../../src/web/web-deps.ts';
import { FakeLog } from './fake-log.ts';

/** The in-memory world behind the pages: what a test puts in here is what the pages show. */
export interface FakeWorld {
  readonly runs: RunDetail[];
  readonly held: HeldChange[];
  readonly logs: Map<string, FakeLog>;
  readonly files: Map<string, { readonly bytes: Buffer; readonly contentType: string }>;
  readonly submissions: Submission[];
  readonly deliveryDays: DeliveryDay[];
  readonly parked: ParkedDelivery[];
  readonly deps: WebDeps;
  /** Tells the listeners that something changed. */
  change(): void;
  /** How many listen to changes now. */
  listeners(): number;
}

/** The token that every fake world wants. */
export const fakeToken = '0123456789abcdef0123456789abcdef';

/** An empty world; `overrides` replaces single dependencies. */
export function createFakeWorld(overrides: Partial<WebDeps> = {}): FakeWorld {
  const listeners = new Set<() => void>();
  const runs: RunDetail[] = [];
  const held: HeldChange[] = [];
  const logs = new Map<string, FakeLog>();
  const files: FakeWorld['files'] = new Map();
  const submissions: Submission[] = [];
  const deliveryDays: DeliveryDay[] = [];
  const parked: ParkedDelivery[] = [];
  const notFound = async (): Promise<never> => {
    throw new Error('the fake store is read only');
  };
  const deps: WebDeps = {
    linksOf: ({ pull, sha }) => ({
      change: pull === null ? null : `https://forge.example/pull/${pull}`,
      commit: `https://forge.example/commit/${sha}`,
    }),
    reader: {
      async listRuns({ state, repo, limit, before }) {
        const fits = runs
          .map(({ summary }) => summary)
          .filter(
            (run) =>
              (state === undefined || (run.state === 'offered' ? 'waiting' : run.state) === state) &&
              (repo === undefined || run.repo === repo),
          )
          .sort((a, b) => (state === 'waiting' ? a.queuedAt - b.queuedAt : b.queuedAt - a.queuedAt));
        const start = before === undefined ? 0 : fits.findIndex(({ jobId }) => jobId === before) + 1;
        const page = fits.slice(start, start + limit);
        const last = page.at(-1);
        return { runs: page, next: last !== undefined && start + limit < fits.length ? last.jobId : null };
      },
      async run(idOrPrefix) {
        const found = runs.filter(({ summary }) => summary.jobId.startsWith(idOrPrefix));
        return idOrPrefix.length >= 6 && found.length === 1 ? (found[0] ?? null) : null;
      },
      held: async () => held,
      placeSeen: async () => null,
      shownAt: async () => [],
      workers: async () => [
        {
          worker: 'laptop',
          pool: 'default',
          capabilities: ['kvm', 'podman'],
          slots: 4,
          hostname: 'laptop.local',
          version: '0.1.0',
          lastHeardAt: Date.now() - 4000,
          hasLeft: false,
          running: runs.filter(({ summary }) => summary.state === 'running').length,
          runs: runs.flatMap(({ summary }) =>
            summary.state === 'running'
              ? [{ ...summary, jobId: summary.jobId, phase: 'running' as const, since: summary.startedAt }]
              : [],
          ),
          since: Date.now() - 3_600_000,
          standing: { takesJobs: true, isPaused: false, why: null },
          wish: 'work',
          wishBy: null,
        },
      ],
      parkedMessages: async () => [],
      async counts() {
        const of = (state: RunSummary['state']): number => runs.filter(({ summary }) => summary.state === state).length;
        return {
          waiting: of('waiting'),
          offered: of('offered'),
          running: of('running'),
          ended: of('ended'),
          deliveries: runs.length,
          deliveriesPending: 0,
          deliveriesParked: 0,
          reportsDue: 0,
          reportsRefused: 0,
          messagesParked: 0,
          messagesDropped: 0,
          grantObstacles: 0,
        };
      },
      approvals: async () => [],
      deliveryDays: async () => deliveryDays,
      deliveryTotals: async () => ({ bySource: [], missed: [], oldestPendingAt: null }),
      parkedDeliveries: async () => parked,
      refusedReports: async () => [],
      shadowRows: async () => [],
      async position(jobId) {
        const waiting = runs.filter(({ summary }) => summary.state === 'waiting');
        const at = waiting.findIndex(({ summary }) => summary.jobId === jobId);
        return at < 0 ? null : at;
      },
      close: async () => undefined,
    },
    store: {
      put: notFound,
      putIfAbsent: notFound,
      delete: notFound,
      address: async () => null,
      async get(key) {
        const file = files.get(key);
        return file === undefined
          ? null
          : {
              sizeBytes: file.bytes.length,
              contentType: file.contentType,
              isDownload: false,
              body: Readable.from([file.bytes]),
            };
      },
      async *list(prefix): AsyncGenerator<ObjectInfo> {
        for (const key of [...files.keys()].sort()) {
          const file = files.get(key);
          if (key.startsWith(prefix) && file !== undefined) yield { key, sizeBytes: file.bytes.length, modifiedAt: 0 };
        }
      },
    },
    openLog: ({ storePrefix, fromByte, follow }, signal) =>
      (logs.get(storePrefix) ?? new FakeLog()).read({ fromByte, follow }, signal),
    submitRequest: async (submission) => {
      submissions.push(submission);
      return { deliveryId: `delivery-${submissions.length}` };
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    words: {
      whyWaiting: (_run, position) =>
        position === 0 ? 'next in line: all 4 slots of pool default are taken' : `${position} runs are before it`,
      standing: ({ outcome, phase }) => (outcome === null ? (phase ?? 'queued') : sentenceOf(outcome.kind)),
    },
    metrics: async () => '# HELP groundcrew_up 1 while the server runs\ngroundcrew_up 1\n',
    isReady: () => true,
    clock: systemClock,
    logger: silentLogger,
    token: fakeToken,
    tokenHint: 'It is part of the address that `groundcrew up` printed.',
    publicAddress: null,
    version: '0.1.0-test',
    ...overrides,
  };
  const change = (): void => {
    for (const listener of [...listeners]) listener();
  };
  return { runs, held, logs, files, submissions, deliveryDays, parked, deps, change, listeners: () => listeners.size };
}

function sentenceOf(kind: string): string {
  const sentences: Readonly<Record<string, string>> = {
    passed: 'passed',
    failed: 'the command failed with exit status 1',
    'timed-out': 'stopped after 30 minutes',
    broken: 'the worker fell silent; tried 3 times',
    canceled: 'a newer commit came',
  };
  return sentences[kind] ?? kind;
}

/** What a test says about a run; the rest is made up. */
export interface FakeRun extends Partial<Omit<RunSummary, 'jobId'>> {
  readonly attemptsDetail?: readonly Partial<AttemptDetail>[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Adds a run; ended runs get one accepted attempt with a sealed log, running ones a live one. Returns its id. */
export function addFakeRun(world: FakeWorld, of: FakeRun = {}): string {
  const { attemptsDetail, env = {}, ...given } = of;
  const n = world.runs.length + 1;
  const sha = given.sha ?? n.toString(16).padStart(40, 'c0ffee');
  const branch = given.branch === undefined ? 'main' : given.branch;
  const subject: Subject = {
    forge: given.forge ?? 'local',
    repo: given.repo ?? '/home/ada/src/hello',
    sha,
    pull: given.pull ?? null,
    baseRef: 'main',
    branch,
  };
  const context = given.context ?? 'default';
  const identity = { subject, context, occasion: 'change', commandSubject: null, isTrusted: true };
  const id = jobIdOf({ ...identity, occasion: `schedule:${n}` });
  const state = given.state ?? 'ended';
  const now = Date.now();
  const queuedAt = given.queuedAt ?? now - n * 61_000;
  const summary: RunSummary = {
    jobId: id,
    generation: 1,
    state,
    phase: state === 'running' ? 'running' : null,
    outcome: state === 'ended' ? { kind: 'passed' } : null,
    attempts: state === 'waiting' ? 0 : 1,
    forge: subject.forge,
    repo: subject.repo,
    sha,
    pull: subject.pull,
    branch,
    title: 'Make it work',
    policyVersion: '0123456789ab',
    context: identity.context,
    occasion: identity.occasion,
    queuedAt,
    startedAt: state === 'waiting' ? null : queuedAt + 2000,
    endedAt: state === 'ended' ? queuedAt + 42_000 : null,
    notBefore: queuedAt,
    pool: 'default',
    needs: [],
    priority: 0,
    worker: state === 'waiting' ? null : 'laptop',
    obstacle: null,
    ...given,
  };
  const job: Job = {
    id,
    ...identity,
    context: summary.context,
    command: ['test/run'],
    container: 'localhost/hello:1',
    env: { TEST_OS: 'debian-12', ...env },
    secrets: [],
    needs: summary.needs,
    pool: summary.pool,
    priority: 0,
    timeoutMs: 30 * 60_000,
    exclusive: false,
    integration: 'merge',
    network: 'default',
    limits: { memoryBytes: 2 ** 31, pids: 1000, shmBytes: null, cpus: 2, diskBytes: null, logBytes: null },
    isTrusted: true,
  };
  const details = attemptsDetail ?? (state === 'waiting' ? [] : [{}]);
  const attempts = details.map((detail, at) => fakeAttempt(summary, at + 1, detail));
  world.runs.push({ summary, job, traceId: `trace-${n}`, attempts });
  for (const attempt of attempts) {
    const log = new FakeLog();
    if (attempt.state === 'ended') log.isSealed = true;
    world.logs.set(attempt.storePrefix, log);
  }
  return id;
}

function fakeAttempt(run: RunSummary, n: number, detail: Partial<AttemptDetail>): AttemptDetail {
  const nonce = (0xabcdef00 + n).toString(16).padEnd(16, '0');
  const isEnded = run.state === 'ended';
  return {
    generation: run.generation,
    n,
    nonce,
    worker: run.worker ?? 'laptop',
    state: isEnded ? 'ended' : 'live',
    isOwner: true,
    isAccepted: isEnded,
    phase: run.phase,
    outcome: run.outcome,
    offeredAt: run.queuedAt + 500,
    claimedAt: run.queuedAt + 1000,
    lastBeatAt: run.queuedAt + 2000,
    startedAt: run.startedAt,
    endedAt: run.endedAt,
    testedSha: run.sha,
    baseSha: null,
    imageDigest: 'sha256:1f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c5b6a79881f2e3d4c5b6a7988',
    peakMemoryBytes: 123 * 2 ** 20,
    oom: 'no',
    logBytes: 0,
    logSha256: isEnded ? 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' : null,
    isLogTruncated: false,
    storePrefix: `runs/${run.jobId}/${n}-${nonce.slice(0, 8)}`,
    ...detail,
  };
}

/** A change that waits for a person. */
export function addFakeHeld(
  world: FakeWorld,
  of: Partial<Change> = {},
  sentence = 'waits for approval: a stranger wrote it',
): void {
  const pull = of.pull ?? 7;
  const change: Change = {
    key: `local|/home/ada/src/hello|pull/${pull}`,
    forge: 'local',
    repo: '/home/ada/src/hello',
    pull,
    branch: null,
    headSha: 'deadbeef'.repeat(5),
    baseRef: 'main',
    title: 'Please take my change',
    author: 'mallory',
    labels: [],
    isDraft: false,
    isOpen: true,
    trust: 'untrusted',
    version: 1,
    ...of,
  };
  world.held.push({ change, sentence, kind: 'needs-approval', since: Date.now() - 3_600_000 });
}
