import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { PersonRequest } from '../core/request.ts';
import type { AttemptKey } from '../core/attempt.ts';
import type { AttemptDetail, LedgerReader, RunSummary, WorkerWish } from '../ledger/ledger-reader.ts';
import type { ObjectStore } from '../storage/object-store.ts';
import type { Operator } from './operator.ts';

/** Which bytes of which attempt's log. `follow`: go on until the log is sealed; else end with what is there now. */
export interface LogWanted {
  readonly storePrefix: string;
  readonly fromByte: number;
  readonly follow: boolean;
}

/**
 * Opens an attempt's log, growing or sealed. Byte-exact; a log that is not there yet gives no bytes (and with `follow`
 * waits for them). Ends early when `signal` aborts. The reader's pace is the writer's: nothing is read ahead by much.
 */
export type OpenLog = (wanted: LogWanted, signal: AbortSignal) => AsyncIterable<Uint8Array>;

/**
 * What a person asked for on a page or the command line, checked and resolved: the place exists and a `jobId` is whole.
 * `sha` null: the head of the change as it is when the request is carried out (only for `test`).
 */
export interface Submission extends Pick<PersonRequest, 'kind' | 'by' | 'contexts' | 'jobId'> {
  readonly forge: string;
  readonly repo: string;
  readonly changeKey: string;
  readonly sha: string | null;
}

/** An attempt whose log somebody reads along. */
export type WatchedAttempt = Pick<AttemptDetail, 'worker' | 'nonce' | 'generation' | 'n'> & Pick<AttemptKey, 'jobId'>;

/** The sentences that people read about a run; they live in `report/words.ts`. */
export interface RunWords {
  /** Why a waiting run waits. `position`: how many would be fed before it. */
  whyWaiting(run: RunSummary, position: number): string | Promise<string>;
  /** How an ended run ended, or how far a running one is. */
  standing(run: RunSummary): string;
}

/** Addresses at which the forge itself shows what a run is of; null: it has no pages for that. */
export type ForgeLinks = (
  run: Pick<RunSummary, 'forge' | 'repo' | 'pull' | 'branch' | 'sha'>,
) => { readonly change: string | null; readonly commit: string } | null;

/** All that the web part needs, as ports and functions; wired in `cli/wire.ts`. */
export interface WebDeps {
  readonly reader: LedgerReader;
  readonly store: ObjectStore;
  readonly openLog: OpenLog;
  /** Told while somebody reads a growing log; returns how to say that they left. Absent: nobody needs to know. */
  readonly watchLog?: (attempt: WatchedAttempt) => () => void;
  /**
   * Records the request as a delivery, durable when it resolves.
   * @throws GroundcrewError whose message is for the person who asked, e.g. because the place is gone
   */
  readonly submitRequest: (submission: Submission) => Promise<{ readonly deliveryId: string }>;
  /** Wants this of a worker from now on. False: none of that name was ever heard. Absent: this server tells workers nothing. */
  readonly wishOfWorker?: (worker: string, wish: WorkerWish, by: string) => Promise<boolean>;
  /** Hears of every change of the ledger's state; returns how to stop hearing. */
  readonly onChange: (listener: () => void) => () => void;
  readonly words: RunWords;
  /** Absent: no run leads back to its forge. */
  readonly linksOf?: ForgeLinks;
  /** The exposition text of our metrics. */
  readonly metrics: () => Promise<string>;
  readonly isReady: () => boolean;
  /** Absent: nothing is asked of the forges by way of the pages, and they do not show the policy. */
  readonly operator?: Operator;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What must be shown to act; at least 16 characters. */
  readonly token: string;
  /** A whole sentence that says where a person finds the token. */
  readonly tokenHint: string;
  /** Where people reach us, e.g. `https://ci.example.org`; null: only by loopback or address. */
  readonly publicAddress: string | null;
  readonly version: string;
}
