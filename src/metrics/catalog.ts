import { collectDefaultMetrics, Counter, Gauge, Registry } from '@prometheus-io/client';
import { createForgeMetrics, type ForgeMetrics } from './forge-metrics.ts';

/** What the ledger counts, as the metrics show it. */
export interface LedgerCounts {
  readonly waiting: number;
  readonly offered: number;
  readonly running: number;
  readonly ended: number;
  readonly deliveries: number;
  readonly deliveriesPending: number;
  readonly deliveriesParked: number;
  readonly reportsDue: number;
  readonly reportsRefused: number;
  readonly messagesParked: number;
  readonly messagesDropped: number;
  readonly grantObstacles: number;
}

/** What came in, by forge and way, ever since the ledger began; see `DeliveryDay`. */
export interface DeliveryCounts {
  readonly bySource: readonly { readonly forge: string; readonly source: string; readonly n: number }[];
  readonly missed: readonly { readonly forge: string; readonly n: number }[];
  /** How long the oldest that is not handled waits (ms); 0 when none does. */
  readonly oldestPendingMs: number;
}

/** Our metrics; every name begins with `groundcrew_`. */
export interface Metrics {
  /** Prometheus exposition text, with the counts of this moment. */
  expose(counts: LedgerCounts, deliveries: DeliveryCounts): Promise<string>;
  /** A webhook was answered; 0: its sender went away before. */
  webhookAnswered(forge: string, status: number): void;
  /** Whether the configuration file is what is in force; `version` is of what is. */
  policyIs(version: string, isValid: boolean): void;
  /** Whether the last thing that was asked of a mirror of the store went well. */
  storeMirrorIs(name: string, isOk: boolean): void;
  /** Where the clients of forges count. */
  readonly forges: ForgeMetrics;
}

/** Makes the catalog. @see https://prometheus.io/docs/practices/naming/ */
export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  // In ms; the defaults, 10 and 100, wake an idle process a hundred and ten times a second, which was most of what it did.
  // Nobody scrapes more often than every few seconds.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 500, eventLoopUtilizationTimeout: 5_000 });
  const registers = [registry];
  const info = new Gauge({
    name: 'groundcrew_info',
    help: 'Always 1; the version is in the label.',
    labelNames: ['version'],
    registers,
  });
  info.set({ version }, 1);
  const jobs = new Gauge({
    name: 'groundcrew_jobs',
    help: 'Jobs by where they stand.',
    labelNames: ['state'],
    registers,
  });
  const deliveries = new Counter({
    name: 'groundcrew_deliveries_total',
    help: 'What came in, by the way it came: event, sweep, scan, request, schedule.',
    labelNames: ['forge', 'source'],
    registers,
  });
  const missed = new Counter({
    name: 'groundcrew_deliveries_missed_total',
    help: 'Deliveries that nothing followed from: unreadable, or given up.',
    labelNames: ['forge'],
    registers,
  });
  const oldest = new Gauge({
    name: 'groundcrew_deliveries_oldest_pending_seconds',
    help: 'How long the oldest delivery that is not handled waits; 0 when none does.',
    registers,
  });
  const answers = new Counter({
    name: 'groundcrew_webhook_answers_total',
    help: 'Answers to webhooks by status; 0 is a sender that went away before.',
    labelNames: ['forge', 'status'],
    registers,
  });
  const pending = new Gauge({ name: 'groundcrew_deliveries_pending', help: 'Recorded, not handled yet.', registers });
  const parked = new Gauge({
    name: 'groundcrew_deliveries_parked',
    help: 'Set aside because handling them failed.',
    registers,
  });
  const reports = new Gauge({
    name: 'groundcrew_reports_due',
    help: 'Statuses that the forge does not show yet.',
    registers,
  });
  const refused = new Gauge({
    name: 'groundcrew_reports_refused',
    help: 'Statuses that the forge refuses for good.',
    registers,
  });
  const messagesParked = new Gauge({
    name: 'groundcrew_messages_parked',
    help: 'Messages of workers that could not be read or applied: groundcrew queue --parked shows them.',
    registers,
  });
  const messagesDropped = new Counter({
    name: 'groundcrew_messages_dropped_total',
    help: 'Messages of workers that could not be read or applied and were not kept: there were too many.',
    registers,
  });
  const obstacles = new Gauge({
    name: 'groundcrew_grant_obstacles',
    help: 'What cannot be granted to workers now, so that jobs wait: repositories without a token to fetch them, and the store.',
    registers,
  });
  const policyValid = new Gauge({
    name: 'groundcrew_policy_valid',
    help: '1 while the configuration file is what is in force; 0: it is wrong, and an earlier one is.',
    registers,
  });
  const policyInfo = new Gauge({
    name: 'groundcrew_policy_info',
    help: 'Always 1; the version of the policy in force is in the label.',
    labelNames: ['version'],
    registers,
  });
  policyValid.set(1);
  const mirrors = new Gauge({
    name: 'groundcrew_store_mirror_up',
    help: '1 while a mirror of the store takes its copies; 0: it fails, and will get what it misses later.',
    labelNames: ['mirror'],
    registers,
  });
  return {
    forges: createForgeMetrics(registry),
    storeMirrorIs(mirror, isOk) {
      mirrors.set({ mirror }, isOk ? 1 : 0);
    },
    policyIs(version, isValid) {
      policyValid.set(isValid ? 1 : 0);
      policyInfo.reset();
      policyInfo.set({ version }, 1);
    },
    webhookAnswered(forge, status) {
      answers.inc({ forge, status: String(status) });
    },
    async expose(counts, { bySource, missed: missedBy, oldestPendingMs }) {
      for (const state of ['waiting', 'offered', 'running', 'ended'] as const) jobs.set({ state }, counts[state]);
      deliveries.reset();
      for (const { forge, source, n } of bySource) deliveries.inc({ forge, source }, n);
      missed.reset();
      for (const { forge, n } of missedBy) missed.inc({ forge }, n);
      oldest.set(oldestPendingMs / 1000);
      pending.set(counts.deliveriesPending);
      parked.set(counts.deliveriesParked);
      reports.set(counts.reportsDue);
      refused.set(counts.reportsRefused);
      messagesParked.set(counts.messagesParked);
      messagesDropped.reset();
      messagesDropped.inc(counts.messagesDropped);
      obstacles.set(counts.grantObstacles);
      return await registry.metrics();
    },
  };
}
