import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { Finished, WorkerMessage } from '../core/worker-message.ts';
import { commitMoved } from '../core/forge-event.ts';
import type { Job } from '../core/job.ts';
import { createDispatcher, type Dispatcher } from '../dispatch/dispatcher.ts';
import type { GrantSource } from '../dispatch/give-grants.ts';
import type { Forge } from '../forge/forge.ts';
import { createIntake, type Intake } from '../intake/intake.ts';
import type { PlanSource } from '../intake/plan-source.ts';
import { readBack, recoverFromStore, type RecoverDeps } from '../intake/recover.ts';
import type { ScanReport } from '../intake/scan.ts';
import { createScanLoop } from '../intake/scan-loop.ts';
import { createScheduler, slotsToResume, type RepoSchedule } from '../intake/schedule.ts';
import type { Ledger, NewDelivery } from '../ledger/ledger.ts';
import type { Queue } from '../queue/queue.ts';
import { createOutbox, type OutboxDeps } from '../report/outbox.ts';

/** The server's parts, opened by whoever wires them; `serve` closes none. */
export interface ServerDeps {
  readonly ledger: Ledger;
  readonly queue: Queue;
  readonly forges: ReadonlyMap<string, Forge>;
  readonly plan: PlanSource;
  /** The finals that workers left in the store for a job (R9). */
  readonly runRecords: (job: Job) => Promise<readonly Finished[]>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signingKey: string;
  readonly verifyKeys: readonly string[];
  readonly knownQueues: readonly string[];
  /** What workers of other machines have to be given; absent: they share this machine's configuration. */
  readonly grants?: GrantSource;
  /** See `DispatcherDeps.poolsOf`. */
  readonly poolsOf?: (worker: string) => readonly string[] | null;
  /** See `DispatcherDeps.onHeard`. */
  readonly onHeard?: (message: WorkerMessage) => void;
  /** See `DispatcherDeps.identity`. */
  readonly identity?: string | null;
  /** See `DispatcherDeps.hadEarlierLife`. */
  readonly hadEarlierLife?: boolean;
  /** Where statuses and issues link to. Read at each use, as the outbox does; null: nowhere yet. */
  readonly publicUrl: () => string | null;
  /** What a status says of a job that waits. */
  readonly askWaiting?: NonNullable<OutboxDeps['askWaiting']>;
  readonly scanPeriodMs: number;
  /** The schedules of the policy, read at each turn; absent: none. */
  readonly schedules?: () => readonly RepoSchedule[];
  /** Something in the ledger changed; pages look again. */
  readonly onChanged: () => void;
  /** Recovered, listening, feeding. */
  readonly onReady: () => void;
}

/** A running server, for those who speak to it in this process. */
export interface Server {
  /** Durable when it resolves; false: known already. Possible from the first moment, also while the server recovers. */
  receive(delivery: NewDelivery): Promise<boolean>;
  /** Scans every repository now, every place anew: the policy or its schedules may be others. */
  scanSoon(): void;
  /**
   * Scans one repository now, every place anew. Null: it is not configured.
   * @throws GroundcrewError when the forge cannot be listed, or time is over
   */
  scanNow(forge: string, repo: string): Promise<ScanReport | null>;
  readonly dispatcher: Dispatcher;
  readonly intake: Intake;
  /** Resolves after the signal aborted and the loops have ended; rejects when the start failed. */
  readonly done: Promise<void>;
}

/**
 * Runs everything between the forges and the queue until the signal aborts. Order at start: listen to events, hear the
 * workers, and only then decide, scan and feed (R3, R9).
 */
export function serve(deps: ServerDeps, signal: AbortSignal): Server {
  const { ledger, clock, logger, forges } = deps;
  const changed = (): void => {
    outbox.wake();
    deps.onChanged();
  };
  const recovering: RecoverDeps = {
    ...deps,
    vouched: (worker, order) => dispatcher.vouchesFor(worker, order),
    slots: () => slotsToResume(deps.schedules?.() ?? [], deps),
  };
  const dispatcher: Dispatcher = createDispatcher({
    ...deps,
    onChanged: changed,
    recover: (stop) => recoverFromStore(recovering, stop),
    readBack: (job) => readBack(recovering, job),
  });
  const intake = createIntake({
    ...deps,
    onDecided: async (stops) => {
      dispatcher.wake();
      changed();
      await dispatcher.stop(stops);
    },
  });
  const outbox = createOutbox({
    ...deps,
    lookAgain: (commit) => {
      const id = `doubt/${deps.random.hex(16)}`;
      const event = commitMoved(commit);
      return receive({ id, source: 'doubt', event, receivedAt: clock.now(), traceId: deps.random.hex(16) });
    },
  });

  const receive = async (delivery: NewDelivery): Promise<boolean> => {
    const isNew = await ledger.recordDelivery(delivery);
    if (isNew) intake.wake();
    return isNew;
  };

  const watch = async (forge: Forge): Promise<void> => {
    while (!signal.aborted) {
      try {
        await forge.watch(async ({ repo, changeKey, sha, deliveryId }) => {
          const event = { kind: 'change', forge: forge.name, repo, changeKey, sha } as const;
          await receive({ id: deliveryId, event, receivedAt: clock.now(), traceId: deps.random.hex(16) });
        }, signal);
      } catch (error) {
        logger.error('watching failed; trying again', { forge: forge.name, why: errorLine(error) });
        await sleep(clock, 5_000, signal);
      }
    }
  };

  const scans = createScanLoop({ ...deps, intake, periodMs: deps.scanPeriodMs });
  const scheduler = createScheduler({
    ...deps,
    policies: deps.schedules ?? (() => []),
    onSlot: () => {
      intake.wake();
    },
  });

  const starting = dispatcher.start(signal);

  const run = async (): Promise<void> => {
    const watching = [...forges.values()].map(watch);
    await starting;
    if (!signal.aborted) deps.onReady();
    await Promise.all([
      ...watching,
      dispatcher.run(signal),
      intake.run(signal),
      intake.roll(signal),
      outbox.run(signal),
      scans.run(signal),
      scheduler.run(signal),
    ]);
  };

  return {
    receive,
    scanSoon() {
      scans.soon();
      scheduler.wake();
    },
    async scanNow(forge, repo) {
      // Before the workers have been heard nothing may be decided (R9).
      await starting;
      const report = await intake.scan(forge, repo, signal, { isAnew: true });
      if (report === null) await intake.endRemoved();
      return report;
    },
    dispatcher,
    intake,
    done: run(),
  };
}
