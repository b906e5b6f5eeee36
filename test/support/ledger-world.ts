import { changeKey } from '../../src/core/subject.ts';
import type { Action } from '../../src/core/action.ts';
import type { Change } from '../../src/core/change.ts';
import { jobIdOf, type Job } from '../../src/core/job.ts';
import type { JobEnvelope } from '../../src/core/job-envelope.ts';
import { jobQueue } from '../../src/core/queue-plan.ts';
import type { Beat, Bye, Claimed, Finished, Hello, Holding, Sealed } from '../../src/core/worker-message.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';

/** What a test says about a job; the rest is made up. */
export interface JobWish extends Partial<Omit<Job, 'id' | 'subject'>> {
  readonly repo?: string;
  readonly sha?: string;
  readonly pull?: number | null;
  readonly branch?: string | null;
}

/** A commit id made of one hex digit. */
export function shaOf(digit: string): string {
  return digit.repeat(40);
}

/** A job of branch `main` of repository `demo`, commit `aaa…`, context `test`, unless told otherwise. Its id follows. */
export function anOrder({ repo = 'demo', sha = shaOf('a'), pull = null, branch, ...given }: JobWish = {}): Job {
  const job = {
    subject: {
      forge: 'git',
      repo,
      sha,
      pull,
      baseRef: 'main',
      branch: branch === undefined ? (pull === null ? 'main' : null) : branch,
    },
    context: 'test',
    occasion: 'change',
    command: ['test/run'],
    container: null,
    env: {},
    secrets: [],
    needs: [],
    pool: 'default',
    priority: 0,
    timeoutMs: 60_000,
    exclusive: false,
    integration: 'none' as const,
    network: 'default' as const,
    limits: { memoryBytes: null, pids: null, shmBytes: null, cpus: null, diskBytes: null, logBytes: null },
    isTrusted: true,
    commandSubject: null,
    ...given,
  };
  return { ...job, id: jobIdOf(job) };
}

/** The place that a job belongs to, with that job's commit at its head. */
export function aChange(job: Job = anOrder(), given: Partial<Change> = {}): Change {
  const { forge, repo, sha, pull, branch, baseRef } = job.subject;
  return {
    key: changeKey(job.subject),
    forge,
    repo,
    pull,
    branch,
    headSha: sha,
    baseRef,
    title: 'Make it work',
    author: 'ada',
    labels: [],
    isDraft: false,
    isOpen: true,
    trust: 'trusted',
    version: 1,
    ...given,
  };
}

/** Applies these actions as one decision on the job's place. */
export async function decide(
  ledger: Ledger,
  job: Job,
  actions: readonly Action[],
  { now = 1_000, change = {} }: { readonly now?: number; readonly change?: Partial<Change> } = {},
): ReturnType<Ledger['applyDecision']> {
  return ledger.applyDecision({ change: aChange(job, change), actions, deliveryIds: [], now, traceId: 'trace' });
}

/** Asks for the job, as a decision on its place does. */
export async function enqueue(ledger: Ledger, job: Job, options: { readonly now?: number } = {}): Promise<void> {
  await decide(ledger, job, [{ kind: 'enqueue', job, generation: 1 }], options);
}

/** Numbers an attempt; the envelope is signed by nobody. */
export async function offer(ledger: Ledger, job: Job, generation = 1, now = 2_000): Promise<JobEnvelope> {
  const n = await ledger.createAttempt({ jobId: job.id, generation, queue: jobQueue(job), baseSha: null, now });
  if (n === null) throw new Error('the job does not wait');
  return envelopeFor(job, generation, n);
}

/** An order as a worker gets it. */
export function envelopeFor(job: Job, generation: number, n: number): JobEnvelope {
  return {
    v: 1,
    job,
    generation,
    n,
    cloneUrl: '/srv/demo',
    baseSha: null,
    avoid: [],
    traceId: 'trace',
    signature: '0'.repeat(64),
  };
}

let lastSeq = 0;

/** The messages of one worker, each newer than the one before. */
export class FakeWorker {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** A holding with a nonce of sixteen times this digit. */
  static holding(envelope: JobEnvelope, digit: string): Holding {
    return { envelope, nonce: digit.repeat(16) };
  }

  claimed(holding: Holding, isRedelivered = false): Claimed {
    return { ...this.#speaker(), ...holding, kind: 'claimed', isRedelivered };
  }

  beat(holding: Holding, phase: Beat['phase'] = 'running', logBytes = 0): Beat {
    return { ...this.#speaker(), ...holding, kind: 'beat', phase, logBytes };
  }

  finished(holding: Holding, outcome: Finished['outcome'] = { kind: 'passed' }, endedAt = 9_000): Finished {
    return {
      ...this.#speaker(),
      ...holding,
      kind: 'finished',
      outcome,
      startedAt: 4_000,
      endedAt,
      testedSha: holding.envelope.job.subject.sha,
      imageDigest: null,
      peakMemoryBytes: 1_000_000,
      oom: 'no',
    };
  }

  sealed(holding: Holding, logBytes = 100): Sealed {
    return { ...this.#speaker(), ...holding, kind: 'sealed', logSha256: 'd'.repeat(64), logBytes, isTruncated: false };
  }

  hello(holds: readonly Holding[] = [], slots = 2): Hello {
    const offered = { pool: 'default', capabilities: [], slots, hostname: `${this.name}.local`, version: '0' };
    return { ...this.#speaker(), kind: 'hello', offer: offered, holds };
  }

  bye(handsBack: readonly Holding[] = []): Bye {
    return { ...this.#speaker(), kind: 'bye', handsBack };
  }

  #speaker(): { readonly v: 1; readonly worker: string; readonly session: number; readonly seq: number } {
    lastSeq += 1;
    return { v: 1, worker: this.name, session: 1, seq: lastSeq };
  }
}
