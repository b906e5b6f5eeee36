import type { Notice } from '../core/action.ts';
import type { Change } from '../core/change.ts';
import type { GrantObstacle } from '../core/grant.ts';
import type { Job, JobId } from '../core/job.ts';
import type { Outcome, Phase } from '../core/outcome.ts';
import type { Verdict, VerdictState } from '../core/verdict.ts';
import type { WorkerOffer, WorkerStanding } from '../core/worker-message.ts';
import type { JobStanding } from './report-due.ts';

/** One run in a list: a job, all its generations together. Times are epoch ms. */
export interface RunSummary extends JobStanding {
  readonly forge: string;
  readonly repo: string;
  readonly sha: string;
  readonly pull: number | null;
  readonly branch: string | null;
  readonly title: string;
  /** The policy by which it was asked for last; null: the ledger does not know. */
  readonly policyVersion: string | null;
  readonly context: string;
  readonly occasion: string;
  readonly queuedAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Earliest next try of a waiting job. */
  readonly notBefore: number;
  readonly pool: string;
  readonly needs: readonly string[];
  readonly priority: number;
  readonly worker: string | null;
  /** Why it is held back although it waits and could go; null: nothing of this kind. */
  readonly obstacle: GrantObstacle | null;
}

/** One attempt of a run, as its page shows it. */
export interface AttemptDetail {
  readonly generation: number;
  readonly n: number;
  readonly nonce: string;
  readonly worker: string;
  readonly state: 'offered' | 'live' | 'ended';
  readonly isOwner: boolean;
  /** This attempt's outcome is the job's. */
  readonly isAccepted: boolean;
  readonly phase: Phase | null;
  readonly outcome: Outcome | null;
  readonly offeredAt: number;
  readonly claimedAt: number | null;
  readonly lastBeatAt: number | null;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly testedSha: string | null;
  readonly baseSha: string | null;
  readonly imageDigest: string | null;
  readonly peakMemoryBytes: number | null;
  readonly oom: 'yes' | 'no' | 'unknown' | null;
  readonly logBytes: number;
  readonly logSha256: string | null;
  readonly isLogTruncated: boolean;
  /** Key prefix in the object store, without trailing slash. */
  readonly storePrefix: string;
}

/** Everything about one run. */
export interface RunDetail {
  readonly summary: RunSummary;
  readonly job: Job;
  readonly traceId: string;
  readonly attempts: readonly AttemptDetail[];
}

/**
 * The status of one context of a commit. Of a job (`jobId`), or for what `notice` says; both null: what was said is withdrawn.
 * `said`: what the forge was told last; null: nothing yet. `isCurrent`: there is nothing newer to say. `refused`: why the forge does
 * not take it.
 */
export interface ShownContext {
  readonly context: string;
  readonly jobId: string | null;
  readonly notice: Notice | null;
  readonly said: Verdict | null;
  readonly isCurrent: boolean;
  readonly refused: string | null;
}

/** A change that waits for a person, or had nothing to run. */
export interface HeldChange {
  readonly change: Change;
  readonly sentence: string;
  readonly kind: Notice['kind'];
  readonly since: number;
}

/** What a person wants of a worker: take jobs; take none until told; finish, leave, and be asked for nothing more. */
export type WorkerWish = 'work' | 'pause' | 'drain';

/** A run that a worker has in hand. `since`: when it claimed it (epoch ms). */
export interface WorkerRun {
  readonly jobId: JobId;
  readonly repo: string;
  readonly context: string;
  readonly phase: Phase | null;
  readonly since: number | null;
}

/** A worker as last heard. `since`: when it was first heard in its present life. */
export interface WorkerSeen extends WorkerOffer {
  readonly worker: string;
  readonly since: number | null;
  readonly lastHeardAt: number;
  readonly hasLeft: boolean;
  readonly running: number;
  /** The oldest first. */
  readonly runs: readonly WorkerRun[];
  /** As it said itself. */
  readonly standing: WorkerStanding;
  readonly wish: WorkerWish;
  readonly wishBy: string | null;
}

/** A worker's message that could not be read, or not be applied. `worker`: who says to have sent it. `at`: epoch ms. */
export interface ParkedMessage {
  readonly id: number;
  readonly at: number;
  readonly worker: string | null;
  readonly why: string;
  readonly body: string;
}

/**
 * How things reached us: by the forge itself, out of its delivery log, by a look at everything, from a person, from a schedule,
 * or because we do not know what became of a status of ours (`doubt`).
 */
export type DeliverySource = 'event' | 'sweep' | 'scan' | 'request' | 'schedule' | 'doubt';

/**
 * One day (UTC) of one forge. `received`: deliveries that came by themselves, each once, whatever they held. `bySweep`: those
 * that never came and were found in the forge's own delivery log. `byScan`: looks at everything that found a new head or a
 * request of which no delivery told, not even ten minutes later. `missed`: what was set aside, since it could not be read or
 * its handling failed again and again: nothing followed from it. What two ways found counts with both.
 */
export interface DeliveryDay {
  /** `2026-11-22` */
  readonly day: string;
  readonly forge: string;
  readonly received: number;
  readonly bySweep: number;
  readonly byScan: number;
  readonly missed: number;
}

/** How many came ever since this ledger began, and since when the oldest that is not handled waits (epoch ms). */
export interface DeliveryTotals {
  readonly bySource: readonly { readonly forge: string; readonly source: DeliverySource; readonly n: number }[];
  readonly missed: readonly { readonly forge: string; readonly n: number }[];
  readonly oldestPendingAt: number | null;
}

/** A delivery that was set aside. `changeKey` null: it could not even be read. `why` is one line; times are epoch ms. */
export interface ParkedDelivery {
  readonly id: string;
  readonly forge: string;
  readonly changeKey: string | null;
  readonly source: DeliverySource;
  readonly receivedAt: number;
  readonly parkedAt: number;
  readonly traceId: string;
  readonly why: string;
}

/** A status that the forge refuses for good: it does not know the commit, or we may not. */
export interface RefusedReport {
  readonly forge: string;
  readonly repo: string;
  readonly sha: string;
  readonly context: string;
  readonly why: string;
  /** When it was last refused (epoch ms). */
  readonly refusedAt: number;
}

/** What one check said of one commit: here, and at another CI; null where it said nothing. Times are epoch ms. */
export interface ShadowRow {
  readonly forge: string;
  readonly repo: string;
  readonly sha: string;
  readonly context: string;
  /** The job that has the word (R4). `outcome` null: not ended. */
  readonly ours: {
    readonly outcome: Outcome | null;
    readonly queuedAt: number;
    readonly endedAt: number | null;
  } | null;
  /** By the forge's clock. `pendingAt` null: it was never seen pending. */
  readonly theirs: {
    readonly state: VerdictState;
    readonly creator: string | null;
    readonly pendingAt: number | null;
    readonly finalAt: number | null;
  } | null;
}

/** What to list. `before` is the cursor of the last row of the page before (keyset, never offset). */
export interface RunFilter {
  readonly state?: 'waiting' | 'running' | 'ended';
  readonly repo?: string;
  readonly limit: number;
  readonly before?: string;
}

/** A page of runs, newest first; `next` continues it, null at the end. */
export interface RunPage {
  readonly runs: readonly RunSummary[];
  readonly next: string | null;
}

/** A commit of a stranger that somebody with the right let in (R11). */
export interface Approval {
  readonly changeKey: string;
  readonly forge: string;
  readonly repo: string;
  readonly sha: string;
  /** The forge's name of the person, or who had the server's token. */
  readonly by: string;
  /** When it was carried out (epoch ms). */
  readonly at: number;
  /** By which it was asked for; null: by an earlier version. */
  readonly requestId: string | null;
  /** `outdated`: the change has another head now, which waits for an approval of its own. */
  readonly standing: 'holds' | 'outdated' | 'closed';
}

/** Reading for people: pages, lists, metrics. Never writes; a second process may open it on a live ledger. */
export interface LedgerReader {
  /** `state: 'waiting'` is waiting and offered, in feed order; the others newest first. */
  listRuns(filter: RunFilter): Promise<RunPage>;
  /** By id, or an unambiguous prefix of it of at least 6 digits; null when there is none. */
  run(idOrPrefix: string): Promise<RunDetail | null>;
  held(): Promise<readonly HeldChange[]>;
  /** A pull request or branch as it was seen last; null: never. */
  placeSeen(changeKey: string): Promise<Change | null>;
  /** What a forge shows, or is to be told, of a commit; by context. */
  shownAt(commit: {
    readonly forge: string;
    readonly repo: string;
    readonly sha: string;
  }): Promise<readonly ShownContext[]>;
  workers(): Promise<readonly WorkerSeen[]>;
  /** Messages of workers that were set aside, the latest first. */
  parkedMessages(limit: number): Promise<readonly ParkedMessage[]>;
  /** How many jobs stand where, how many deliveries were received, handled, parked; for metrics and health. */
  counts(): Promise<{
    readonly waiting: number;
    readonly offered: number;
    readonly running: number;
    readonly ended: number;
    readonly deliveries: number;
    readonly deliveriesPending: number;
    readonly deliveriesParked: number;
    readonly reportsDue: number;
    /** Messages of workers that could not be read or applied. */
    readonly messagesParked: number;
    /** Parked ones that were dropped in the life of this ledger: there were too many. */
    readonly messagesDropped: number;
    /** What cannot be granted to workers now, so that jobs wait: repositories, and the store. */
    readonly grantObstacles: number;
    /** Given up for now, since the forge refuses them for good. */
    readonly reportsRefused: number;
  }>;
  /** What people let in, the latest first; of one repository, or (null) of all. */
  approvals(repo: string | null, limit: number): Promise<readonly Approval[]>;
  /** What came in, day by day (UTC), newest first, for so many days; see `DeliveryDay`. */
  deliveryDays(days: number, now: number): Promise<readonly DeliveryDay[]>;
  /** For metrics; only grows. */
  deliveryTotals(): Promise<DeliveryTotals>;
  /** What was set aside, the latest first. */
  parkedDeliveries(limit: number): Promise<readonly ParkedDelivery[]>;
  /** Statuses that the forge refuses, the latest first. */
  refusedReports(limit: number): Promise<readonly RefusedReport[]>;
  /**
   * What we and another CI said of the same commits since then (epoch ms), of repositories where another one was seen;
   * the latest first.
   */
  shadowRows(since: number, limit: number): Promise<readonly ShadowRow[]>;
  /** How many waiting jobs would be fed before this one; 0 is the next. Null when it does not wait. */
  position(jobId: string): Promise<number | null>;
  close(): Promise<void>;
}
