import type { FetchGrant } from '../core/grant.ts';
import type { Change, StatusSeen } from '../core/change.ts';
import type { PersonRequest } from '../core/request.ts';
import type { VerdictState } from '../core/verdict.ts';

/** A place that moves, as a listing shows it: enough to see that something changed. */
export interface PlaceSeen {
  readonly changeKey: string;
  readonly headSha: string;
  /** The version that its view would have, where the listing tells; unchanged, it need not be looked at. */
  readonly version?: number;
  /** What the forge says of people moved, and its view would say something else about trust, whatever its version. */
  readonly isDoubtful?: true;
}

/** What the forge shows of one place: null when it is gone (branch deleted). */
export interface PlaceView {
  readonly change: Change;
  readonly statuses: readonly StatusSeen[];
  readonly requests: readonly PersonRequest[];
  readonly approvedShas: readonly string[];
  /** What others show at the head (the present CI, in shadow mode). */
  readonly foreign?: readonly ForeignSeen[];
}

/** A commit status of somebody else: a stranger's text. `createdAt` by the forge's clock (epoch ms). */
export interface ForeignSeen {
  readonly context: string;
  readonly state: VerdictState;
  readonly createdAt: number;
  readonly creator: string;
}

/** A commit status to show. `description` is at most 140 characters. */
export interface StatusToPost {
  readonly repo: string;
  readonly sha: string;
  readonly context: string;
  readonly state: VerdictState;
  readonly description: string;
  /** Absolute address; null when the server has no public one. */
  readonly targetUrl: string | null;
}

/** What we say below a pull request. `marker` is unique for ever: a comment that has it already is not posted again. */
export interface CommentToPost {
  readonly repo: string;
  readonly pull: number;
  readonly text: string;
  readonly marker: string;
}

/**
 * An issue as it should be. `key` names it for ever (one open issue for one key); closing one that is not there, or opening
 * one that is open with the same text, changes nothing.
 */
export interface IssueToKeep {
  readonly repo: string;
  readonly key: string;
  readonly title: string;
  readonly text: string;
  readonly labels: readonly string[];
  readonly isOpen: boolean;
}

/**
 * A line of a delivery log: one try to tell us. `id` is what the delivery itself carries (GitHub: its GUID), so that a
 * redelivery has the same; `event` the name of its kind; `isTaken`: somebody answered it with 2xx. `deliveredAt` is epoch ms.
 */
export interface DeliveryLine {
  readonly id: string;
  readonly event: string;
  readonly deliveredAt: number;
  readonly isTaken: boolean;
}

/** A delivery as the log keeps it. `body` is its JSON, not byte for byte what was sent; null when the log has it no more. */
export interface LoggedDelivery extends DeliveryLine {
  readonly body: string | null;
}

/** What the forge noted of one hook's deliveries. */
export interface DeliveryLog {
  /** Unique in its forge and the same after a restart, e.g. `app` or `owner/repo hook 7`. */
  readonly name: string;
  /**
   * The deliveries since then, whole, of those that `choose` picks: it is asked once for each page of lines, newest first,
   * and the others cost nothing more. Of several lines with one id any will do, once. Ends early when the consumer stops.
   */
  read(
    since: number,
    choose: (lines: readonly DeliveryLine[]) => Promise<ReadonlySet<string>>,
    signal: AbortSignal,
  ): AsyncIterable<LoggedDelivery>;
}

/** How much may be written now: not before `readyAt` (epoch ms), and about `leftThisHour` writes more in this hour. */
export interface WriteAllowance {
  readonly readyAt: number;
  readonly leftThisHour: number;
}

/**
 * Where changes come from and verdicts go. Answers may be stale; every call may fail with a `forge/…` GroundcrewError whose
 * `retry` says whether to come back. Posting the same thing twice is harmless.
 */
export interface Forge {
  readonly name: string;
  /** False: statuses, approvals and finished requests live in the ledger alone (plain git). */
  readonly remembersStatuses: boolean;
  /** Repositories that this forge watches. */
  repos(): readonly string[];
  /** Every open place of a repository: branches and open pull requests. */
  places(repo: string, signal: AbortSignal): Promise<readonly PlaceSeen[]>;
  /** Many places at once, cheaper than one by one; a place that is gone comes with null. Absent: `view` for each. */
  views?(
    repo: string,
    changeKeys: readonly string[],
    signal: AbortSignal,
  ): AsyncIterable<{ readonly changeKey: string; readonly view: PlaceView | null }>;
  /** How many places one request of `views` covers, about; absent: one. Bounds what the rolling pass asks for. */
  readonly placesPerRequest?: number;
  /** One place as it is now; null when it is not there any more. */
  view(repo: string, changeKey: string, signal: AbortSignal): Promise<PlaceView | null>;
  /**
   * The text of a file at a commit, its first 64 KiB; links inside the repository are followed. Null when it is not there,
   * not a plain file, or a link to outside.
   */
  fileAt(repo: string, sha: string, path: string, signal: AbortSignal): Promise<string | null>;
  /** The commit that a branch points to now; null when there is no such branch. */
  headOf(repo: string, ref: string, signal: AbortSignal): Promise<string | null>;
  /** The head of a pull request, of any repository that we may read; null when there is none. */
  pullHeadOf?(repo: string, pull: number, signal: AbortSignal): Promise<string | null>;
  /** Files that a pull request changes, against its base; null when there are too many to say, or nobody can. */
  changedFiles(repo: string, change: Change, signal: AbortSignal): Promise<readonly string[] | null>;
  /** Where a worker fetches the repository from. */
  cloneUrl(repo: string): string;
  /**
   * Git configuration with which a worker may fetch `cloneUrl(repo)` (`gitCredential`); it holds
   * a secret that lives an hour or so. Absent: whoever reaches the address may fetch.
   * `isRefused`: what was given before was not taken; others are made, but where there are none the same are given again.
   */
  fetchCredentials?(repo: string, signal: AbortSignal, isRefused?: boolean): Promise<Readonly<Record<string, string>>>;
  /**
   * What a worker on another machine may fetch `cloneUrl(repo)` with: it reads that repository and nothing else, and is good for a
   * quarter of an hour at least. Null: nothing to give, it is fetched by whoever may. Absent: this forge never gives any.
   * `isRefused`: what was given before was not taken, so it is not given again.
   */
  fetchGrant?(repo: string, signal: AbortSignal, isRefused?: boolean): Promise<FetchGrant | null>;
  /** Where `fetchGrant` gave null for a repository that nobody may fetch without: what its owner has to do, a line. */
  fetchHint?(repo: string): string;
  /**
   * One try: a status whose answer was lost may arrive after a later one, so only who knows of both (the outbox) sends it again.
   */
  setStatus(status: StatusToPost, signal: AbortSignal): Promise<void>;
  /** Remembers an approval where it outlives our ledger (R11). */
  rememberApproval(repo: string, sha: string, by: string, signal: AbortSignal): Promise<void>;
  /** Marks a request as carried out where it outlives our ledger (R11): its comment gets a reaction of ours. */
  markRequestDone(repo: string, requestId: string, signal: AbortSignal, answer?: 'done' | 'refused'): Promise<void>;
  /** Says something below a pull request. Absent: this forge has no comments. */
  comment?(comment: CommentToPost, signal: AbortSignal): Promise<void>;
  /** Opens, updates or closes an issue. Absent: this forge has none. */
  keepIssue?(issue: IssueToKeep, signal: AbortSignal): Promise<void>;
  /** For writes to this repository; without it, where least is left. Absent: nothing limits writing. */
  writeAllowance?(repo?: string): WriteAllowance;
  /**
   * The delivery logs of the hooks that call us. One that cannot be found or read (no permission) is left out and logged, so
   * that it stops no other. Absent: this forge keeps none.
   */
  deliveryLogs?(signal: AbortSignal): Promise<readonly DeliveryLog[]>;
  /** Calls back with the places that moved, as soon as this forge can tell (hook, file watching, poll). Until `signal` aborts. */
  watch(
    hear: (moved: {
      readonly repo: string;
      readonly changeKey: string;
      readonly sha: string | null;
      readonly deliveryId: string;
    }) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
}
