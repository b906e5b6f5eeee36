import type { AttemptKey } from './attempt.ts';
import type { Grant, GrantKind } from './grant.ts';
import type { JobEnvelope } from './job-envelope.ts';
import type { CancelReason, Outcome, Phase } from './outcome.ts';

/** Protocol version of the messages below; a reader parks what it does not know. */
export const protocolVersion = 1;

/**
 * Who speaks: the worker's lasting name, which start of it this is (counted on its disk), and the how-manieth message of
 * that start. A broker may repeat an old message after newer ones; (session, seq) tells.
 */
export interface WorkerIdentity {
  readonly worker: string;
  readonly session: number;
  readonly seq: number;
}

/** What a worker can do and how much of it at once. */
export interface WorkerOffer {
  readonly pool: string;
  readonly capabilities: readonly string[];
  readonly slots: number;
  readonly hostname: string;
  readonly version: string;
  /**
   * 16 hex digits: this state directory on this machine since it booted. A restart has the same, a copy of the disk another, and so
   * has a machine that was installed anew, or booted. Absent: a worker of 0.1, known by its host name.
   */
  readonly installation?: string;
  /** For people: what the machine is. Absent where a worker does not tell. */
  readonly arch?: string;
  readonly cpus?: number;
  readonly memoryBytes?: number;
}

/** Whether a worker takes jobs now. `why`: one line when it does not. `isPaused`: because it was told to. */
export interface WorkerStanding {
  readonly takesJobs: boolean;
  readonly isPaused: boolean;
  readonly why: string | null;
}

/** One owner's view of an attempt: which order, and the nonce that it drew when claiming. */
export interface Holding {
  readonly envelope: JobEnvelope;
  readonly nonce: string;
}

interface FromWorker extends WorkerIdentity {
  readonly v: 1;
}

/**
 * Follows the spooled finals after every (re)start, and is repeated each 30 s as the worker's own sign of life;
 * attempts of this worker that it does not list are lost (R3).
 */
export interface Hello extends FromWorker {
  readonly kind: 'hello';
  readonly offer: WorkerOffer;
  readonly holds: readonly Holding[];
  /** Nonces of what it holds besides: a message has room for so many orders only, and each comes with the next beat. */
  readonly alsoHolds?: readonly string[];
  readonly standing?: WorkerStanding;
}

/**
 * Ownership is asked for; never spooled (R2). `isRedelivered` is the broker's flag of the delivery (R6). `takesForms`, here and in
 * `ask`: this worker knows `forms` in a grant (since 0.2).
 */
export interface Claimed extends FromWorker, Holding {
  readonly kind: 'claimed';
  readonly isRedelivered: boolean;
  readonly takesForms?: boolean;
}

/** Still at it; each 15 s, and at every change of phase that lasts. Only the newest counts. */
export interface Beat extends FromWorker, Holding {
  readonly kind: 'beat';
  readonly phase: Phase;
  readonly logBytes: number;
}

/** The attempt is over; spooled until the broker has it (R5). `testedSha` is the commit after merge or rebase. */
export interface Finished extends FromWorker, Holding {
  readonly kind: 'finished';
  readonly outcome: Outcome;
  readonly startedAt: number | null;
  readonly endedAt: number;
  readonly testedSha: string | null;
  readonly imageDigest: string | null;
  readonly peakMemoryBytes: number | null;
  readonly oom: 'yes' | 'no' | 'unknown';
}

/** The log is complete in the store; spooled (R5). */
export interface Sealed extends FromWorker, Holding {
  readonly kind: 'sealed';
  readonly logSha256: string;
  readonly logBytes: number;
  readonly isTruncated: boolean;
}

/** Leaves; hands back what it still holds, which may run elsewhere at once. */
export interface Bye extends FromWorker {
  readonly kind: 'bye';
  readonly handsBack: readonly Holding[];
}

/**
 * Grant me again what this attempt needs: the answer to the claim was lost, or ends soon. Never spooled; repeated until
 * answered, also after `finished`, while the log is on its way.
 */
export interface Ask extends FromWorker, Holding {
  readonly kind: 'ask';
  /** Of what its order names; who is past the checkout wants no `fetch`. Absent: all of it. */
  readonly wants?: readonly GrantKind[];
  /** The forge did not take what was granted for the fetch: another one is asked for. */
  readonly isFetchRefused?: boolean;
  readonly takesForms?: boolean;
}

/** All that a worker says; travels in the `collector` queue, durable, in order per worker. */
export type WorkerMessage = Hello | Claimed | Beat | Finished | Sealed | Bye | Ask;

/**
 * All that a worker is told; travels over the control channel, best effort, so each is repeated at the next beat.
 * - `cancel`: stop this owner's attempt (nonce null: whoever holds it).
 * - `pause`: take nothing new until `resume`. - `drain`: take nothing new, finish, leave. - `who-runs`: say hello again (R9).
 * - `serve`: these queues exist; listen to those that you may serve. The answer to every `hello`; before it a worker takes nothing.
 *   `host` (`WorkerOffer.hostname`) and `installation`, here and in `refused`: for that machine alone, whoever else has its name;
 *   absent: whoever has it. Of a hello that could not be read, `host` is what it says there.
 * - `grant`: the answer to a claim or an `ask` of this owner.
 * - `watch`: somebody looks at this attempt's log: for `forMs` from now send it often, and a beat after each piece.
 * - `refused`: the server cannot work with this worker (its protocol is none of `speaks`, or its identity is wrong): say so, take
 *   nothing new.
 */
export type ControlMessage =
  | {
      readonly v: 1;
      readonly kind: 'cancel';
      readonly attempt: AttemptKey;
      readonly nonce: string | null;
      readonly reason: CancelReason;
      readonly by: string;
    }
  | { readonly v: 1; readonly kind: 'pause' }
  | { readonly v: 1; readonly kind: 'drain' }
  | { readonly v: 1; readonly kind: 'resume' }
  | { readonly v: 1; readonly kind: 'who-runs' }
  | {
      readonly v: 1;
      readonly kind: 'serve';
      readonly queues: readonly string[];
      readonly host?: string;
      readonly installation?: string;
    }
  | {
      readonly v: 1;
      readonly kind: 'grant';
      readonly attempt: AttemptKey;
      readonly nonce: string;
      readonly grant: Grant;
    }
  | {
      readonly v: 1;
      readonly kind: 'watch';
      readonly attempt: AttemptKey;
      readonly nonce: string;
      readonly forMs: number;
    }
  | {
      readonly v: 1;
      readonly kind: 'refused';
      readonly why: string;
      readonly speaks: readonly number[];
      readonly host?: string;
      readonly installation?: string;
    };
