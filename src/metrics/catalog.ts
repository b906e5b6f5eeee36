import { collectDefaultMetrics, Counter, Gauge, Registry } from '@prometheus-io/client';

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
}

/** Our metrics; every name begins with `groundcrew_`. */
export interface Metrics {
  /** Prometheus exposition text, with the counts of this moment. */
  expose(counts: LedgerCounts): Promise<string>;
}

/** Makes the catalog. @see https://prometheus.io/docs/practices/naming/ */
export function createMetrics(version: string): Metrics {
  const registry = new Registry();
  // In ms; the default of 10 wakes an idle process a hundred times a second, which was most of what it did.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 250 });
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
    help: 'Events and requests recorded in this ledger.',
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
  return {
    async expose(counts) {
      for (const state of ['waiting', 'offered', 'running', 'ended'] as const) jobs.set({ state }, counts[state]);
      deliveries.reset();
      deliveries.inc(counts.deliveries);
      pending.set(counts.deliveriesPending);
      parked.set(counts.deliveriesParked);
      reports.set(counts.reportsDue);
      return await registry.metrics();
    },
  };
}
