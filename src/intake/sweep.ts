import { createBell, type Bell } from '../base/bell.ts';
import { sleep, type Clock } from '../base/clock.ts';
import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Random } from '../base/random.ts';
import type { DeliveryLine, DeliveryLog, Forge } from '../forge/forge.ts';
import type { WebhookReader } from '../forge/webhook.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { recordWord } from './receive.ts';

/** GitHub keeps its delivery log for three days. https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks */
const windowMs = 3 * 24 * 3_600_000;
/** Read again each time (ms): the forge's clock is not ours, and a delivery is logged when it is over. */
const overlapMs = 10 * 60_000;
const everyMs = 10 * 60_000;
/** Each costs a request. What is left over comes with the next sweep; the scan knows the state anyway. */
const mostFetched = 200;

export interface SweepDeps {
  readonly forges: ReadonlyMap<string, Forge>;
  /** By the name of the forge; one without a reader has no webhooks and is not swept. */
  readonly readers: ReadonlyMap<string, WebhookReader>;
  readonly ledger: Pick<
    Ledger,
    'recordDeliveries' | 'recordUnread' | 'knownDeliveries' | 'sweepMark' | 'setSweepMark' | 'settleDays'
  >;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** There is something to handle. */
  readonly onNew: () => void;
}

/** What one sweep did. `recovered`: deliveries that had not come. `failed`: logs or forges that could not be read. */
export interface SweepReport {
  readonly logs: number;
  readonly recovered: number;
  readonly failed: number;
}

/** Finds in the forges' own delivery logs what never reached us, and takes it in as if it had. */
export interface Sweeper {
  /** At once and every ten minutes, each forge by itself, until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** One sweep of every forge, now. Never throws. */
  sweep(signal: AbortSignal): Promise<SweepReport>;
  /** The loops sweep now. */
  sweepSoon(): void;
}

/**
 * Makes the sweeper. Of each log it keeps in the ledger up to when it was read to its end, so that a sweep costs one page of
 * lines and one request for each delivery that is missing. A ledger that never swept a log takes from it only what nobody
 * answered: what an earlier ledger took is the scan's to find.
 */
export function createSweeper(deps: SweepDeps): Sweeper {
  const { clock, logger } = deps;
  const swept = [...deps.readers.values()].flatMap((reader) => {
    const forge = deps.forges.get(reader.forge);
    return forge?.deliveryLogs === undefined ? [] : [{ forge, reader, bell: createBell(clock) }];
  });

  const sweepForge = async (forge: Forge, reader: WebhookReader, signal: AbortSignal): Promise<SweepReport> => {
    let logs: readonly DeliveryLog[];
    try {
      logs = (await forge.deliveryLogs?.(signal)) ?? [];
    } catch (error) {
      if (!signal.aborted)
        logger.warn('a forge does not show its delivery logs', { forge: forge.name, why: errorLine(error) });
      return { logs: 0, recovered: 0, failed: 1 };
    }
    let [recovered, failed] = [0, 0];
    for (const log of logs) {
      if (signal.aborted) break;
      try {
        recovered += await sweepLog(deps, { reader, log }, signal);
      } catch (error) {
        failed += 1;
        logger.warn('a delivery log could not be swept', { forge: forge.name, log: log.name, why: errorLine(error) });
      }
    }
    if (recovered > 0) logger.warn('deliveries had not come and were found', { forge: forge.name, recovered });
    return { logs: logs.length, recovered, failed };
  };

  const loop = async (forge: Forge, reader: WebhookReader, bell: Bell, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      bell.reset();
      await sweepForge(forge, reader, signal);
      await bell.wait(everyMs, signal);
    }
  };

  const settle = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        await deps.ledger.settleDays(clock.now());
      } catch (error) {
        logger.warn('the days of deliveries could not be settled', { why: errorLine(error) });
      }
      await sleep(clock, everyMs, signal);
    }
  };

  return {
    async run(signal) {
      await Promise.all([settle(signal), ...swept.map(({ forge, reader, bell }) => loop(forge, reader, bell, signal))]);
    },
    async sweep(signal) {
      const reports = await Promise.all(swept.map(({ forge, reader }) => sweepForge(forge, reader, signal)));
      const sum = (key: keyof SweepReport): number => reports.reduce((all, report) => all + report[key], 0);
      return { logs: sum('logs'), recovered: sum('recovered'), failed: sum('failed') };
    },
    sweepSoon() {
      for (const { bell } of swept) bell.ring();
    },
  };
}

/** How many deliveries of this log had not come. */
async function sweepLog(
  deps: SweepDeps,
  { reader, log }: { readonly reader: WebhookReader; readonly log: DeliveryLog },
  signal: AbortSignal,
): Promise<number> {
  const { ledger, clock } = deps;
  const startedAt = clock.now();
  const mark = await ledger.sweepMark(reader.forge, log.name);
  const since = Math.max(startedAt - windowMs, mark === null ? 0 : mark - overlapMs);
  const asked = new Set<string>();
  let isWhole = true;
  const choose = async (lines: readonly DeliveryLine[]): Promise<ReadonlySet<string>> => {
    // A redelivery has the id of the first try: one line of each is enough.
    const candidates = new Set(
      lines.filter((line) => reader.isRead(line.event) && (mark !== null || !line.isTaken)).map(({ id }) => id),
    );
    const known = await ledger.knownDeliveries([...candidates].map((id) => id.toLowerCase()));
    const chosen = new Set<string>();
    for (const id of candidates) {
      if (known.has(id.toLowerCase()) || asked.has(id)) continue;
      if (asked.size >= mostFetched) isWhole = false;
      else {
        asked.add(id);
        chosen.add(id);
      }
    }
    return chosen;
  };
  let recovered = 0;
  for await (const delivery of log.read(since, choose, signal)) {
    const word = reader.readLogged(delivery);
    const { isNew } = await recordWord({ ...deps, reader }, word, { source: 'sweep', receivedAt: clock.now() });
    if (isNew) recovered += 1;
  }
  // Only after everything: whoever dies before reads it again, and knows what was taken in.
  if (isWhole && !signal.aborted) await ledger.setSweepMark({ forge: reader.forge, log: log.name, at: startedAt });
  return recovered;
}
