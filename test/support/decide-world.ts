import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Action } from '../../src/core/action.ts';
import { isTrusted, subjectOf, type Change, type StatusSeen } from '../../src/core/change.ts';
import { jobIdOf, type Job } from '../../src/core/job.ts';
import { isNoVerdict, type CancelReason, type Outcome } from '../../src/core/outcome.ts';
import type { PersonRequest } from '../../src/core/request.ts';
import type { JobKnown, PlannedCheck, Snapshot } from '../../src/core/snapshot.ts';
import { changeKey } from '../../src/core/subject.ts';
import { decideChange } from '../../src/decide/decide-change.ts';
import { verdictStateOf } from '../../src/decide/verdict-state.ts';
import { aChange, anOrder, shaOf, type JobWish } from './ledger-world.ts';

/** A snapshot, and exactly what has to be done about it. */
export type DecisionCase = readonly [title: string, snapshot: Snapshot, actions: readonly Action[]];

/** Each case alone; and once its actions are applied and posted, nothing is left to do. */
export function testDecisions(cases: readonly DecisionCase[]): void {
  for (const [title, snapshot, actions] of cases) {
    void test(title, () => {
      assert.deepEqual(decideChange(snapshot), actions);
      assert.deepEqual(
        decideChange(settle(snapshot)).filter(({ kind }) => kind !== 'notice'),
        [],
        'the second look finds nothing left',
      );
    });
  }
}

export const passed: Outcome = { kind: 'passed' };
export const failed: Outcome = { kind: 'failed', exitCode: 1, reason: 'exit' };
export const canceled = (reason: CancelReason): Outcome => ({ kind: 'canceled', reason, by: 'x' });

export const unit = anOrder({ context: 'unit' });
export const deploy = anOrder({ context: 'deploy' });
export const pull: JobWish = { pull: 7, sha: shaOf('b'), context: 'unit' };

/** A check that leads to such a job. */
export function check(job: Job, isManual = false): PlannedCheck {
  const { id: _id, subject: _subject, occasion: _occasion, isTrusted: _isTrusted, ...order } = job;
  return { ...order, isManual };
}

export function known(job: Job, given: Partial<JobKnown> = {}): JobKnown {
  const { id, subject, context, occasion } = job;
  const outcome = given.outcome ?? null;
  return {
    id,
    generation: 1,
    changeKey: changeKey(subject),
    sha: subject.sha,
    baseRef: subject.baseRef,
    isTrusted: job.isTrusted,
    context,
    occasion,
    isEnded: outcome !== null,
    outcome,
    hasWord: true,
    ...given,
  };
}

/** The status that our job left, unless told otherwise. */
export function seen(job: Job, outcome: Outcome | null, given: Partial<StatusSeen> = {}): StatusSeen {
  return {
    context: job.context,
    state: verdictStateOf(outcome),
    description: 'whatever it says',
    jobId: job.id,
    generation: 1,
    changeJobId: jobIdOf({ ...job, occasion: 'change' }),
    isCanceled: isNoVerdict(outcome),
    ...given,
  };
}

export function ask(kind: PersonRequest['kind'], given: Partial<PersonRequest> = {}): PersonRequest {
  return { id: 'r1', kind, by: 'ada', sha: shaOf('a'), contexts: [], jobId: null, isDone: false, ...given };
}

/** A command in a comment: it names no commit, and was written at 1,000. */
export function say(kind: PersonRequest['kind'], given: Partial<PersonRequest> = {}): PersonRequest {
  return ask(kind, { sha: null, askedAt: 1_000, ...given });
}

export function snapshotOf(
  given: Partial<Omit<Snapshot, 'change'>> & { readonly change?: Partial<Change>; readonly at?: Job },
): Snapshot {
  const { change, at = unit, ...rest } = given;
  return {
    change: aChange(at, change),
    remembersStatuses: true,
    statuses: [],
    requests: [],
    approvedShas: [],
    plan: { kind: 'checks', checks: [check(unit)] },
    jobs: [],
    ...rest,
  };
}

export const quiet = { kind: 'notice', sha: shaOf('a'), context: 'groundcrew', notice: null } as const;
export const quietPull = { ...quiet, sha: shaOf('b') } as const;
export const waits = {
  ...quietPull,
  notice: { kind: 'needs-approval', sentence: 'Waiting for approval of this commit' },
} as const;
export const run = (job: Job, generation = 1): Action => ({ kind: 'enqueue', job, generation });
export const stop = (job: Job, reason: CancelReason, by: string): Action => ({
  kind: 'cancel',
  jobId: job.id,
  reason,
  by,
});
export const done: Action = { kind: 'request-done', requestId: 'r1' };
/** Answered with a comment; `refused` unless told otherwise. */
export const told = (comment: string, answer: 'refused' | 'done' = 'refused'): Action => ({
  kind: 'request-done',
  requestId: 'r1',
  ...(answer === 'refused' ? { answer } : {}),
  comment,
});
/** The same check asked for by request `r1`. */
export const asked = (job: Job, id = 'r1'): Job => {
  const occasion = `request:${id}`;
  return { ...job, occasion, id: jobIdOf({ ...job, occasion }) };
};
export const stranger = { trust: 'untrusted' } as const;
export const foreign = anOrder({ ...pull, isTrusted: false });

function commandSubjectOf({ plan }: Snapshot, context: string): PlannedCheck['commandSubject'] {
  return plan.kind === 'checks' ? (plan.checks.find((one) => one.context === context)?.commandSubject ?? null) : null;
}

/** The status of a context that is skipped. */
export function skippedStatus(context: string, isSkip = true): StatusSeen {
  return {
    context,
    state: 'success',
    description: 'Skipped by ada: because',
    jobId: null,
    generation: null,
    changeJobId: null,
    isCanceled: false,
    isSkip,
  };
}

/** The snapshot after its actions were applied by the ledger and posted to the forge. */
function settle(snapshot: Snapshot): Snapshot {
  const jobs = new Map(snapshot.jobs.map((job) => [job.id, job]));
  const approved = new Set(snapshot.approvedShas);
  const skipped = new Map((snapshot.skipped ?? []).map((skip) => [skip.context, skip]));
  for (const action of decideChange(snapshot)) {
    if (action.kind === 'enqueue') {
      for (const [id, other] of jobs) {
        const isSilenced = other.context === action.job.context && other.sha === action.job.subject.sha;
        if (isSilenced) jobs.set(id, { ...other, hasWord: false });
      }
      skipped.delete(action.job.context);
      const { id } = action.job;
      jobs.set(id, known(action.job, { generation: action.generation, changeKey: snapshot.change.key }));
    } else if (action.kind === 'cancel') {
      const job = jobs.get(action.jobId) ?? assert.fail('a job that is not there is canceled');
      jobs.set(job.id, { ...job, isEnded: true, outcome: { kind: 'canceled', reason: action.reason, by: action.by } });
    } else if (action.kind === 'restate') {
      const job = jobs.get(action.jobId) ?? assert.fail('a job that is not there is restated');
      skipped.delete(job.context);
      for (const [id, other] of jobs)
        if (other.context === job.context && other.sha === job.sha) jobs.set(id, { ...other, hasWord: id === job.id });
    } else if (action.kind === 'approve') approved.add(action.sha);
    else if (action.kind === 'skip') {
      const { context, sentence, isByPolicy = false } = action;
      skipped.set(context, { context, sentence, isByPolicy });
      for (const [id, job] of jobs) if (job.context === context) jobs.set(id, { ...job, hasWord: false });
    }
  }
  // As the ledger gives them: what ended at other commits is of no interest.
  const here = [...jobs.values()].filter((job) => job.sha === snapshot.change.headSha || !job.isEnded);
  const statuses = here.filter((job) => job.hasWord && job.sha === snapshot.change.headSha);
  return {
    ...snapshot,
    jobs: here,
    approvedShas: [...approved],
    skipped: [...skipped.values()],
    requests: snapshot.requests.map((request) => ({ ...request, isDone: true })),
    statuses: [
      ...[...skipped.values()].map(({ context, isByPolicy }) => skippedStatus(context, !isByPolicy)),
      ...snapshot.statuses.filter(
        ({ context }) => !skipped.has(context) && !statuses.some((status) => status.context === context),
      ),
      ...statuses.map((job) => ({
        context: job.context,
        state: verdictStateOf(job.outcome),
        description: '',
        jobId: job.id,
        generation: job.generation,
        changeJobId: jobIdOf({
          subject: subjectOf(snapshot.change),
          context: job.context,
          occasion: 'change',
          commandSubject: commandSubjectOf(snapshot, job.context),
          isTrusted: isTrusted(snapshot.change),
        }),
        isCanceled: false,
      })),
    ],
  };
}
