import type { Branded } from '../base/ids.ts';
import { hashOf } from '../base/ids.ts';
import type { Subject } from './subject.ts';

/** 32 hex digits that follow from what is asked (R12); made by `jobIdOf` only. */
export type JobId = Branded<'JobId'>;

/** What a job may use. Sizes are bytes, durations ms; `null` means not limited. */
export interface Limits {
  readonly memoryBytes: number | null;
  readonly pids: number | null;
  readonly shmBytes: number | null;
  readonly cpus: number | null;
  readonly diskBytes: number | null;
  readonly logBytes: number | null;
}

/** How the commit is joined with its base before the test: not at all, merged, or rebased onto it. */
export type Integration = 'none' | 'merge' | 'rebase';

/**
 * One immutable order: run this, on that commit, for this occasion.
 * `command` null: the entry point of the repository; `container` null: the repository's own container file, or the default.
 * `secrets` are names, never values. `needs` are capabilities that a worker must declare (`kvm`, `arch:arm64` …).
 * `occasion` is `change`, `schedule:<slot>`, or `request:<id>`; only it and the subject make a job new (R12, R13).
 * `isTrusted` false: a stranger's change, approved for this commit or not; it gets no secrets.
 */
export interface Job {
  readonly id: JobId;
  readonly subject: Subject;
  readonly context: string;
  readonly occasion: string;
  readonly command: readonly string[] | null;
  readonly container: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly needs: readonly string[];
  readonly pool: string;
  readonly priority: number;
  readonly timeoutMs: number;
  readonly exclusive: boolean;
  readonly integration: Integration;
  readonly network: 'default' | 'none';
  readonly limits: Limits;
  readonly isTrusted: boolean;
  /** Where the tests come from when a context names another repository; null: the subject itself. */
  readonly commandSubject: Subject | null;
  /** Further commits of other repositories that it is tested with (`@bots#N`); part of its identity. */
  readonly foreignShas?: readonly string[];
  /** Its failure opens an issue, and its next success closes it (schedules, branches). */
  readonly reportsIssue?: boolean;
}

/** What a worker checks out and runs: the commit itself, or the repository where its tests live. */
export function checkedOut(job: Pick<Job, 'subject' | 'commandSubject'>): Subject {
  return job.commandSubject ?? job.subject;
}

/** What the identity of a job is made of (R12). */
export type JobIdentity = Pick<
  Job,
  'subject' | 'context' | 'occasion' | 'commandSubject' | 'foreignShas' | 'isTrusted'
>;

/**
 * R12: the same question has the same id, wherever and however often it is asked. Trust is part of the question: a stranger's
 * run, without secrets, must not answer for the branch that later holds the same commit.
 */
export function jobIdOf(identity: JobIdentity): JobId {
  const { subject, commandSubject, foreignShas = [] } = identity;
  const foreign = commandSubject === null ? '' : `${commandSubject.forge}|${commandSubject.repo}|${commandSubject.sha}`;
  return hashOf([
    subject.forge,
    subject.repo,
    subject.sha,
    subject.baseRef,
    identity.context,
    foreign,
    ...foreignShas,
    identity.occasion,
    identity.isTrusted ? 'trusted' : 'stranger',
  ]) as JobId;
}

/** Jobs that the same workers can take share a queue: pool and sorted capabilities, `default`, `default+kvm`. */
export function needsClass(job: Pick<Job, 'pool' | 'needs'>): string {
  return [job.pool, ...[...job.needs].sort()].join('+');
}
