import { seededRandom } from '../kill/seeded-random.ts';

/** All that goes wrong. */
export const faultKinds = [
  'kill-worker',
  'kill-machine',
  'kill-server',
  'kill-broker',
  'kill-s3',
  'pause-worker',
  'pause-server',
  'pause-broker',
  'pause-s3',
  'cut',
  'black-hole',
  'partition',
  'latency',
  'disk-full',
  's3-503',
  'github-5xx',
  'github-lost',
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** What each kind is, for people. */
export const faultWords: Readonly<Record<FaultKind, string>> = {
  'kill-worker': 'SIGKILL to a worker; its jobs run on and are found again',
  'kill-machine': 'SIGKILL to a worker and all its jobs, as when the machine stops',
  'kill-server': 'SIGKILL to the server',
  'kill-broker': 'SIGKILL to RabbitMQ',
  'kill-s3': 'SIGKILL to the S3 server',
  'pause-worker': 'SIGSTOP to a worker, then SIGCONT',
  'pause-server': 'SIGSTOP to the server, then SIGCONT',
  'pause-broker': 'SIGSTOP to RabbitMQ, then SIGCONT',
  'pause-s3': 'SIGSTOP to the S3 server, then SIGCONT',
  cut: 'all connections of a line are reset',
  'black-hole': 'all connections of a line go nowhere from then on, nobody is told',
  partition: 'nothing passes on a line for a while, then all of it arrives',
  latency: 'each piece on a line takes 0.2 to 1.2 s longer',
  'disk-full': "not a byte is left on a worker's disk",
  's3-503': 'the S3 server answers most requests with 503',
  'github-5xx': 'GitHub answers with 502 or cuts the connection after it did what was asked',
  'github-lost': 'GitHub loses webhook deliveries',
};

/** One fault that is to come. `dice`: uniform in [0, 1), for what is chosen when it comes. */
export interface PlannedFault {
  /** From the beginning. */
  readonly atMs: number;
  readonly kind: FaultKind;
  readonly forMs: number;
  readonly dice: number;
}

/**
 * Each kind `perKind` times, at instants drawn uniformly from the whole time but its first seconds, so that no moment is safe. Most faults are
 * short; of what makes a worker silent, one in ten lasts longer than the minute after which its attempts are given up, when
 * the time allows.
 */
export function planFaults(options: {
  readonly seed: number;
  readonly lengthMs: number;
  readonly perKind: number;
  readonly kinds: readonly FaultKind[];
}): readonly PlannedFault[] {
  const random = seededRandom(options.seed);
  const quietMs = Math.min(mostQuietMs, options.lengthMs / 10);
  const plan = options.kinds.flatMap((kind) =>
    Array.from({ length: options.perKind }, (_, at): PlannedFault => {
      const isLong = silences.includes(kind) && options.lengthMs > 240_000 && at % 10 === 9;
      return {
        atMs: Math.round(quietMs + random.fraction() * (options.lengthMs - quietMs)),
        kind,
        forMs: isLong ? 65_000 + random.below(20_000) : 500 + random.below(longestMs[kind]),
        dice: random.fraction(),
      };
    }),
  );
  return plan.sort((one, other) => one.atMs - other.atMs);
}

/**
 * Before the first fault. RabbitMQ 3.10, killed in the half second after its queues were made, forgets who leads them; that takes a
 * minute in which nobody dies, and a whole campaign passed without a job. `amqp-faults.long.test.ts` does just that to it.
 */
const mostQuietMs = 5_000;

const silences: readonly FaultKind[] = ['kill-machine', 'pause-worker', 'partition'];

const longestMs: Readonly<Record<FaultKind, number>> = {
  'kill-worker': 2_000,
  'kill-machine': 3_000,
  'kill-server': 2_500,
  'kill-broker': 1_000,
  'kill-s3': 2_500,
  'pause-worker': 8_000,
  'pause-server': 6_000,
  'pause-broker': 5_000,
  'pause-s3': 6_000,
  cut: 500,
  'black-hole': 500,
  partition: 10_000,
  latency: 8_000,
  'disk-full': 6_000,
  's3-503': 5_000,
  'github-5xx': 5_000,
  'github-lost': 8_000,
};
