import type { Action } from '../core/action.ts';
import type { AttemptKey } from '../core/attempt.ts';
import type { Change, StatusSeen } from '../core/change.ts';
import type { ForgeEvent } from '../core/forge-event.ts';
import type { GrantObstacle } from '../core/grant.ts';
import type { Job, JobId } from '../core/job.ts';
import type { JobEnvelope } from '../core/job-envelope.ts';
import type { CancelReason } from '../core/outcome.ts';
import type { ContextSkipped, JobKnown } from '../core/snapshot.ts';
import type { Verdict, VerdictState } from '../core/verdict.ts';
import type { Beat, Bye, Claimed, Finished, Hello, Sealed } from '../core/worker-message.ts';
import type { FeedItem } from '../decide/feed-order.ts';
import type { DeliverySource, ParkedMessage, WorkerWish } from './ledger-reader.ts';
import type { ForgeChore, IssueDue, ReportDue, WaitingShown } from './report-due.ts';

/** A fact from outside under its unique id; a second one with the same id is the same fact. */
export interface NewDelivery {
  readonly id: string;
  /** How it came; an event when absent. */
  readonly source?: DeliverySource;
  readonly event: ForgeEvent;
  readonly receivedAt: number;
  readonly traceId: string;
}

/** A stored delivery that waits to be handled; `tries` counts the handlings that were begun. */
export interface PendingDelivery extends NewDelivery {
  readonly tries: number;
}

/** A repository at its forge. */
export interface RepoNamed {
  readonly forge: string;
  readonly repo: string;
}

/** An open place as a decision saw it last. `seenAt`: when that was applied (our clock). */
export interface PlaceKnown {
  readonly changeKey: string;
  readonly headSha: string;
  readonly version: number;
  readonly seenAt: number;
}

/** The last look at a place. `headSince`: `Change.version` of the first view that showed the head that it has. */
export interface LastLook {
  readonly change: Change;
  readonly headSince: number;
  readonly seenAt: number;
}

/**
 * A schedule and how far it is settled: no slot up to `settledAt` (epoch ms) is owed any more. `key` names it for ever
 * (`forge|repo|name`); another `definition` (its times) under that name is another schedule.
 */
export interface ScheduleSeen {
  readonly key: string;
  readonly definition: string;
  readonly settledAt: number;
}

/** A waiting job that may be offered now, with what orders it. */
export interface FeedCandidate extends FeedItem {
  readonly job: Job;
  readonly generation: number;
  readonly baseSha: string | null;
  /** `needsClass` of the job. */
  readonly class: string;
  readonly traceId: string;
  /** Workers that already failed at this generation. */
  readonly avoid: readonly string[];
}

/**
 * What feeding looks at, of the waiting jobs whose back-off has passed: of each needs class the `perClass` that `feedOrder`
 * puts first, and the first of each project; jobs offered or running by project; offered and unclaimed attempts by queue.
 * `nextAt`: when the earliest back-off ends; null when none runs. Where nothing waits, the maps are empty.
 */
export interface FeedView {
  readonly candidates: readonly FeedCandidate[];
  readonly underway: ReadonlyMap<string, number>;
  readonly offered: ReadonlyMap<string, number>;
  readonly nextAt: number | null;
}

/** An attempt that was offered and not yet claimed. */
export interface OfferedAttempt extends AttemptKey {
  readonly queue: string;
  readonly offeredAt: number;
  readonly job: Job;
  readonly baseSha: string | null;
  readonly avoid: readonly string[];
  readonly traceId: string;
}

/** An attempt that somebody claimed and that has not ended; several may stand for one `n` until the stop reaches the earlier. */
export interface LiveAttempt extends AttemptKey {
  readonly nonce: string;
  readonly worker: string;
  readonly isOwner: boolean;
}

/** Who claimed an attempt, as far as we heard. `isLive`: owns it and has not ended. `isSealed`: its log is complete in the store. */
export interface Holder {
  readonly nonce: string;
  readonly worker: string;
  readonly isLive: boolean;
  readonly isSealed: boolean;
}

/** Tell this worker to stop this holding; sent after the commit, repeated at each beat (R14). */
export interface Stop extends AttemptKey {
  readonly worker: string;
  readonly nonce: string;
  readonly reason: CancelReason;
  readonly by: string;
}

/**
 * Whether a message was let in, and what to tell whom. `unknown`: nobody vouches for the envelope (R10). `isNews`: something
 * may have to be fed or shown, which a plain sign of life never causes.
 */
export interface Applied {
  readonly kind: 'applied' | 'stale' | 'unknown';
  readonly isNews: boolean;
  readonly stops: readonly Stop[];
}

/** What another CI shows at a commit: a stranger's text. `createdAt` by the forge's clock (epoch ms), where it tells. */
export interface ForeignStatus {
  readonly context: string;
  readonly state: VerdictState;
  readonly createdAt?: number;
  readonly creator?: string;
}

/** What was decided on one view of one change; `deliveryIds` are handled by it, in the same transaction. */
export interface Decision {
  readonly change: Change;
  readonly actions: readonly Action[];
  readonly deliveryIds: readonly string[];
  readonly now: number;
  readonly traceId: string;
  /** When the view began to be fetched (our clock): what was told since then it need not show. Absent: at `now`. */
  readonly viewedAt?: number;
  /** The policy by which it was decided (`policyVersion`); kept with the jobs that it asks for. */
  readonly policyVersion?: string;
  /** What other CIs show at the head; kept for the shadow report. */
  readonly foreign?: readonly ForeignStatus[];
  /** The look was a scan of a repository that was known before: work that no event told us of is counted as found by it. */
  readonly isScan?: boolean;
}

/** A decision's result. `stale`: a newer view of this change was applied before, so nothing was. */
export interface DecisionApplied {
  readonly kind: 'applied' | 'stale';
  readonly stops: readonly Stop[];
}

/** An ended run that may be forgotten. What its attempts stored lies below `jobPrefix(job)`, up to this generation. */
export interface ForgettableRun {
  readonly job: Job;
  readonly generation: number;
}

/** How far a walk through ended runs has come. */
export interface ForgettableCursor {
  readonly endedAt: number;
  readonly seq: number;
}

/**
 * The one memory of what was promised. Every method is one transaction, durable when its promise resolves; calls may
 * overlap and are applied in call order (concurrent ones may share a commit). A call that could not be made durable rejects
 * with `sqlite/…` and has changed nothing. R1, R4, R13 and R14 hold by construction here. Opens without repair after any kill.
 * Contract suite: `ledger.contract.ts`. Reading for people is `LedgerReader`.
 *
 * `isVouched` says that the caller verified the envelope's signature, recomputed the job's id, and that this worker may
 * serve its pool (R10): without it a message changes nothing; with it even an unknown job is taken in.
 */
export interface Ledger {
  /** True until `begin`: nothing of an earlier life is remembered here (R9). */
  isFresh(): Promise<boolean>;
  /** The earlier life, if there was one, has been asked for; what is here counts from now on. */
  begin(now: number): Promise<void>;

  // intake
  /** False: this id was recorded before, and nothing changed. */
  recordDelivery(delivery: NewDelivery): Promise<boolean>;
  /** All events of one delivery in one transaction, the first under its id, the others with `#2`, `#3` …; it counts once. False: known, or none. */
  recordDeliveries(deliveries: readonly NewDelivery[]): Promise<boolean>;
  /**
   * A genuine delivery that holds nothing to do (`ignored`), or cannot be read (`parked`): its id is kept and counted.
   * False: known already.
   */
  recordUnread(
    delivery: Omit<NewDelivery, 'event'> & { readonly forge: string },
    end: { readonly kind: 'ignored' } | { readonly kind: 'parked'; readonly why: string },
  ): Promise<boolean>;
  /** Which of these delivery ids were recorded. */
  knownDeliveries(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Up to when a forge's delivery log was read to its end (epoch ms); null: never in the life of this ledger. */
  sweepMark(forge: string, log: string): Promise<number | null>;
  setSweepMark(mark: { readonly forge: string; readonly log: string; readonly at: number }): Promise<void>;
  /** Counts what scans found and no event told of within ten minutes, and merges days long ago; see `DeliveryDay`. */
  settleDays(now: number): Promise<void>;
  /** Unhandled and not parked, oldest first; of one place when it is named. */
  pendingDeliveries(limit: number, changeKey?: string): Promise<readonly PendingDelivery[]>;
  /** For whom unhandled deliveries wait, in their order from after `seq` on; a place comes once for each of its deliveries. */
  pendingPlaces(after: number, limit: number): Promise<readonly { readonly seq: number; readonly changeKey: string }[]>;
  /** Counts a try before it is made; returns the tries so far, this one included. */
  beginDelivery(id: string): Promise<number>;
  /** Takes a counted try back: it was not this delivery's fault. */
  forgiveDelivery(id: string): Promise<void>;
  endDelivery(
    id: string,
    end: { readonly kind: 'handled' } | { readonly kind: 'parked'; readonly why: string },
    now: number,
  ): Promise<void>;
  /** Jobs at the change's head commit, and its unended ones at other commits. */
  jobsOfChange(changeKey: string, headSha: string): Promise<readonly JobKnown[]>;
  approvedShas(changeKey: string): Promise<readonly string[]>;
  /** The change as last applied; null when never seen. */
  lastChange(changeKey: string): Promise<Change | null>;
  /** What was applied last of a place; null when never seen. */
  lastLook(changeKey: string): Promise<LastLook | null>;
  /** Contexts that are skipped at this commit. */
  skippedContexts(forge: string, repo: string, sha: string): Promise<readonly ContextSkipped[]>;
  /** Places of a repository that were open when last applied. */
  openPlaces(forge: string, repo: string): Promise<readonly PlaceKnown[]>;
  /** Repositories of which a place is open or a job has not ended. */
  liveRepos(): Promise<readonly RepoNamed[]>;
  /**
   * Nobody is to test this repository any more: its jobs that have not ended are canceled by policy, and its places count as
   * closed until they are seen again. Their holdings are to be stopped.
   */
  endRepo(repo: RepoNamed, now: number): Promise<readonly Stop[]>;
  /** Open places that had this commit as their head when last applied. */
  placesAtHead(forge: string, repo: string, sha: string): Promise<readonly string[]>;
  /** Open places of a repository that were seen last before then, the longest ago first. */
  longestUnseen(forge: string, repo: string, before: number, limit: number): Promise<readonly PlaceKnown[]>;
  /** Every schedule that was seen, and what is settled of it. */
  schedulesSeen(): Promise<readonly ScheduleSeen[]>;
  /**
   * Sets what is settled of a schedule, and records the delivery of a slot with it, unless its id is known. True: the
   * delivery is new.
   */
  settleSchedule(seen: ScheduleSeen, slot: NewDelivery | null): Promise<boolean>;
  /** This schedule is no more; under the same name a new one may come. */
  forgetSchedule(key: string): Promise<void>;
  /** All actions of one snapshot, or, for a view older than the last applied one, none. */
  applyDecision(decision: Decision): Promise<DecisionApplied>;
  /** Which of these requests were carried out. */
  doneRequests(ids: readonly string[]): Promise<ReadonlySet<string>>;

  // dispatch
  /** What may be fed now, and how much is on its way already. */
  feedView(now: number, perClass: number): Promise<FeedView>;
  /** Why jobs are held back is this from now on, and nothing else. */
  keepObstacles(obstacles: readonly GrantObstacle[]): Promise<void>;
  /** Numbers an attempt before it is published (R1). Null: the job is not waiting any more. */
  createAttempt(offer: {
    readonly jobId: JobId;
    readonly generation: number;
    readonly queue: string;
    readonly baseSha: string | null;
    readonly now: number;
  }): Promise<number | null>;
  /** Offered and unclaimed attempts, oldest first. */
  offered(queue?: string): Promise<readonly OfferedAttempt[]>;
  claimed(message: Claimed, isVouched: boolean, now: number): Promise<Applied>;
  beat(message: Beat, isVouched: boolean, now: number): Promise<Applied>;
  finished(message: Finished, isVouched: boolean, now: number): Promise<Applied>;
  sealed(message: Sealed): Promise<Applied>;
  /** Also loses what the worker does not list. `vouchedFor` holds the nonces of the holdings that are vouched for. */
  hello(message: Hello, vouchedFor: ReadonlySet<string>, now: number): Promise<Applied>;
  bye(message: Bye, now: number): Promise<Applied>;
  /** An order came back unclaimed (R7). */
  deadLetter(envelope: JobEnvelope, reason: 'expired' | 'rejected' | 'delivery-limit', now: number): Promise<void>;
  liveAttempts(): Promise<readonly LiveAttempt[]>;
  /** Everybody who claimed this attempt, ended or not. */
  holders(attempt: AttemptKey): Promise<readonly Holder[]>;
  /** What a person wants of this worker; `work` when nobody said anything. A `drain` is over with the worker's `bye`. */
  workerWish(worker: string): Promise<WorkerWish>;
  /** False: no worker of this name was ever heard. */
  wishOfWorker(worker: string, wish: WorkerWish, by: string, now: number): Promise<boolean>;
  /**
   * Keeps a message that nobody could read or apply. A `hello` or a `beat`, which come again and again, takes the place of the
   * last one of this worker and kind. Where there are too many, the oldest of the worker that has most of them are dropped and
   * counted (`counts`). Resolves to how many.
   */
  park(message: Omit<ParkedMessage, 'id'>): Promise<number>;
  /** Messages that were set aside, in the order of their coming, from `after` (an id) on. */
  parked(after: number, limit: number): Promise<readonly ParkedMessage[]>;
  unpark(id: number): Promise<void>;
  /** These fell silent: broken(lost), retried by plan (R3). Ended ones are left alone. */
  lose(attempts: readonly LiveAttempt[], now: number): Promise<void>;

  // report
  /** Forges that something waits to be told, due or not. */
  forgesToTell(): Promise<readonly string[]>;
  /**
   * Statuses whose state at the forge (all forges when none is named) is behind, and due now: verdicts and notices; those of
   * which nothing was said for their occasion; ends without a verdict (`isNoVerdict`), which nobody waits for; the
   * others. In each of these, the first of every commit goes before the second of any; the oldest first. A final that was
   * refused is due again a day later.
   */
  dueReports(now: number, limit: number, forge?: string): Promise<readonly ReportDue[]>;
  /** Of a forge that is told nothing: some that are behind and due, in no order. */
  untoldReports(now: number, limit: number, forge: string): Promise<readonly ReportDue[]>;
  /** The forge has it; what was said is kept for whoever checks. */
  reportPosted(report: ReportDue, said: Verdict, now: number): Promise<void>;
  /**
   * On a fresh ledger (R9): where the head's status shows a run that somebody asked for beside the push, that run has the word
   * (R4), not the push's own, which a worker or the store told of. Of a run that is not known here, the shown verdict stands.
   */
  keepWords(change: Change, shown: readonly StatusSeen[]): Promise<void>;
  /** Nobody needs to be told of this step; what comes after it stays due. */
  reportSkipped(report: ReportDue): Promise<void>;
  reportFailed(report: ReportDue, nextTryAt: number): Promise<void>;
  /** The forge will not have it: shown to people, and no longer due, except a final once a day. */
  reportRefused(report: ReportDue, why: string, now: number): Promise<void>;
  /** Waiting jobs of which one post tells, made before then; the longest told first. `after` continues. */
  shownWaiting(forge: string, postedBefore: number, after: number, limit: number): Promise<readonly WaitingShown[]>;
  /** When the earliest report, chore or issue (of this forge) is due; null when none waits. May be long past. */
  nextReportAt(forge?: string): Promise<number | null>;
  /** Approvals, answers and finished requests that the forge must hear of (R11); the first of each repository goes first. */
  dueChores(now: number, limit: number, forge?: string): Promise<readonly ForgeChore[]>;
  choreDone(chore: ForgeChore): Promise<void>;
  choreFailed(chore: ForgeChore, nextTryAt: number): Promise<void>;
  /**
   * Issues that the forge does not show as they should be. The first success of a check is told even if no failure is known:
   * an earlier ledger may have opened one. A failure after a failure is told when its ending is another one, at every
   * doubling of the count, and once a day; otherwise it waits for the next of these.
   */
  dueIssues(now: number, limit: number, forge?: string): Promise<readonly IssueDue[]>;
  issueKept(issue: IssueDue, now: number): Promise<void>;
  issueFailed(issue: IssueDue, nextTryAt: number): Promise<void>;

  // retention
  /**
   * Looks at `limit` runs that ended before `endedBefore`, oldest end first, and answers those that nothing needs any more.
   * Needed is a run of a commit at the head of an open place (else the scanner would start it again, R12), the newest of its
   * context at an open place, one that a worker still holds, and one whose status the forge does not show yet. `next`
   * continues the walk; null at its end.
   */
  forgettableRuns(
    endedBefore: number,
    after: ForgettableCursor | null,
    limit: number,
  ): Promise<{ readonly runs: readonly ForgettableRun[]; readonly next: ForgettableCursor | null }>;
  /**
   * Forgets these runs with their attempts and statuses; one that is needed by now, or open again (R13), stays. What they
   * stored goes first, or nobody knows of it any more. Returns how many went.
   */
  forgetRuns(
    runs: readonly { readonly jobId: JobId; readonly generation: number }[],
    endedBefore: number,
  ): Promise<number>;
  /**
   * Forgets up to `limit` of each: deliveries that ended before then, approvals and finished requests of that age (not of an
   * open head, not what the forge has yet to hear), notices about commits that are no head, closed places that have no run,
   * workers not heard since, and chores that are done. Returns how many went; 0 when there is nothing more.
   */
  forgetTraces(before: number, limit: number): Promise<number>;
  /** Which of these first 16 digits begin the id of no run. */
  unknownRuns(idStarts: readonly string[]): Promise<readonly string[]>;

  close(): Promise<void>;
}
