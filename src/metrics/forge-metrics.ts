import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client';

/** Counts what a forge's client does; the shape that the adapters call (`GitHubMeter`). Returns at once, never throws. */
export interface ForgeMetrics {
  requested(seen: {
    readonly forge: string;
    readonly kind: string;
    readonly status: number;
    readonly ms: number;
  }): void;
  saved(seen: { readonly forge: string; readonly by: string }): void;
  waited(seen: { readonly forge: string; readonly why: string; readonly ms: number }): void;
  quota(seen: {
    readonly forge: string;
    readonly resource: string;
    readonly limit: number;
    readonly left: number;
    readonly resetAt: number;
  }): void;
}

/** Adds the metrics of forges to a registry. */
export function createForgeMetrics(registry: Registry): ForgeMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: 'groundcrew_forge_requests_total',
    help: 'Requests to a forge by kind and status; 0 is no answer at all.',
    labelNames: ['forge', 'kind', 'status'],
    registers,
  });
  const took = new Histogram({
    name: 'groundcrew_forge_request_seconds',
    help: 'How long a forge took to answer.',
    labelNames: ['forge', 'kind'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const saved = new Counter({
    name: 'groundcrew_forge_requests_saved_total',
    help: 'Answers that cost no quota: not modified, shared, or out of the cache.',
    labelNames: ['forge', 'by'],
    registers,
  });
  const waits = new Counter({
    name: 'groundcrew_forge_wait_seconds_total',
    help: 'How long requests waited before they were sent, by reason.',
    labelNames: ['forge', 'why'],
    registers,
  });
  const left = new Gauge({
    name: 'groundcrew_forge_quota_left',
    help: 'Requests left until the reset, as the forge last told it.',
    labelNames: ['forge', 'resource'],
    registers,
  });
  const limit = new Gauge({
    name: 'groundcrew_forge_quota_limit',
    help: 'Requests of a whole period.',
    labelNames: ['forge', 'resource'],
    registers,
  });
  const reset = new Gauge({
    name: 'groundcrew_forge_quota_reset_timestamp_seconds',
    help: 'When the quota is whole again (Unix time).',
    labelNames: ['forge', 'resource'],
    registers,
  });
  return {
    requested({ forge, kind, status, ms }) {
      requests.inc({ forge, kind, status: String(status) });
      took.observe({ forge, kind }, ms / 1000);
    },
    saved: ({ forge, by }) => {
      saved.inc({ forge, by });
    },
    waited({ forge, why, ms }) {
      waits.inc({ forge, why }, ms / 1000);
    },
    quota({ forge, resource, limit: whole, left: rest, resetAt }) {
      left.set({ forge, resource }, rest);
      limit.set({ forge, resource }, whole);
      reset.set({ forge, resource }, resetAt / 1000);
    },
  };
}
