import { z } from 'zod';
import type { Grant } from './grant.ts';
import type { JobId } from './job.ts';
import type { Job } from './job.ts';
import type { JobEnvelope } from './job-envelope.ts';
import type { Outcome } from './outcome.ts';
import { installationPattern } from './message-speaker.ts';
import type { ControlMessage, WorkerMessage } from './worker-message.ts';

// Texts come from strangers by way of job and worker: bounded here, escaped where they are shown.
const text = z.string().max(10_000);
const name = z.string().min(1).max(1_000);
const sha = z.string().regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/);
const jobId = z.custom<JobId>((value) => typeof value === 'string' && /^[0-9a-f]{32}$/.test(value), 'not a job id');
const count = z.int().min(0);
const nullableCount = count.nullable();
const size = z.number().positive().nullable();

const subject = z.object({
  forge: name,
  repo: name,
  sha,
  pull: z.int().positive().nullable(),
  baseRef: text,
  branch: text.nullable(),
});

const job: z.ZodType<Job> = z.object({
  id: jobId,
  subject,
  context: name,
  occasion: name,
  command: z.array(text).max(1_000).nullable(),
  container: text.nullable(),
  env: z.record(name, text),
  secrets: z.array(name).max(100),
  needs: z.array(name).max(20),
  pool: name,
  priority: z.number(),
  timeoutMs: z.number().positive(),
  exclusive: z.boolean(),
  integration: z.enum(['none', 'merge', 'rebase']),
  network: z.enum(['default', 'none']),
  limits: z.object({ memoryBytes: size, pids: size, shmBytes: size, cpus: size, diskBytes: size, logBytes: size }),
  isTrusted: z.boolean(),
  commandSubject: subject.nullable(),
  foreignShas: z.array(sha).max(10).exactOptional(),
  reportsIssue: z.boolean().exactOptional(),
});

const grantKinds = z.array(z.enum(['fetch', 'store'])).max(2);

const envelope: z.ZodType<JobEnvelope> = z.object({
  v: z.literal(1),
  job,
  generation: z.int().positive(),
  n: z.int().positive(),
  baseSha: sha.nullable(),
  cloneUrl: text,
  avoid: z.array(name).max(100),
  traceId: name,
  grants: grantKinds.exactOptional(),
  signature: z.string().regex(/^[0-9a-f]{64}$/),
});

const phase = z.enum(['claimed', 'checkout', 'starting', 'running', 'saving']);
const cancelReason = z.enum(['superseded', 'closed', 'untrusted', 'policy', 'person', 'withdrawn']);
const outcome: z.ZodType<Outcome> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('passed') }),
  z.object({
    kind: z.literal('failed'),
    exitCode: z.int().nullable(),
    reason: z.enum([
      'exit',
      'merge-conflict',
      'container-file',
      'unknown-image',
      'nothing-to-run',
      'disk-limit',
      'log-limit',
      'out-of-memory',
    ]),
    detail: text.exactOptional(),
  }),
  z.object({ kind: z.literal('timed-out'), afterMs: count }),
  z.object({ kind: z.literal('canceled'), reason: cancelReason, by: text }),
  z.object({
    kind: z.literal('broken'),
    cause: z.enum([
      'lost',
      'gave-back',
      'checkout',
      'image-pull',
      'executor',
      'disk',
      'store',
      'poison',
      'worker-restart',
      'refused',
      'internal',
    ]),
    phase,
    detail: text.exactOptional(),
  }),
]);

/** The fields of a `Holding`. */
export const holdingSchema = { envelope, nonce: z.string().regex(/^[0-9a-f]{16}$/) };
const speaker = { v: z.literal(1), worker: name, session: count, seq: count };
const installation = z.string().regex(installationPattern);
const offer = z.object({
  pool: name,
  capabilities: z.array(name).max(20),
  // Feeding follows it (R8): nobody may ask for the whole backlog.
  slots: count.max(10_000),
  hostname: text,
  version: text,
  installation: installation.exactOptional(),
  arch: name.exactOptional(),
  cpus: count.exactOptional(),
  memoryBytes: count.exactOptional(),
});
const standing = z.object({ takesJobs: z.boolean(), isPaused: z.boolean(), why: text.nullable() });
const holds = z.array(z.object(holdingSchema)).max(1_000);

/** Checks what comes out of the collector queue; unknown keys are dropped, an unknown version or kind fails. */
export const workerMessageSchema: z.ZodType<WorkerMessage> = z.discriminatedUnion('kind', [
  z.object({
    ...speaker,
    kind: z.literal('hello'),
    offer,
    holds,
    alsoHolds: z.array(holdingSchema.nonce).max(10_000).exactOptional(),
    standing: standing.exactOptional(),
  }),
  z.object({
    ...speaker,
    ...holdingSchema,
    kind: z.literal('claimed'),
    isRedelivered: z.boolean(),
    takesForms: z.boolean().exactOptional(),
  }),
  z.object({ ...speaker, ...holdingSchema, kind: z.literal('beat'), phase, logBytes: count }),
  z.object({
    ...speaker,
    ...holdingSchema,
    kind: z.literal('finished'),
    outcome,
    startedAt: z.int().nullable(),
    endedAt: z.int(),
    testedSha: sha.nullable(),
    imageDigest: text.nullable(),
    peakMemoryBytes: nullableCount,
    oom: z.enum(['yes', 'no', 'unknown']),
  }),
  z.object({
    ...speaker,
    ...holdingSchema,
    kind: z.literal('sealed'),
    logSha256: z.string().regex(/^[0-9a-f]{64}$/),
    logBytes: count,
    isTruncated: z.boolean(),
  }),
  z.object({
    ...speaker,
    ...holdingSchema,
    kind: z.literal('ask'),
    wants: grantKinds.exactOptional(),
    isFetchRefused: z.boolean().exactOptional(),
    takesForms: z.boolean().exactOptional(),
  }),
  z.object({ ...speaker, kind: z.literal('bye'), handsBack: holds }),
]);

/** Checks what comes out of a job queue. */
export const jobEnvelopeSchema = envelope;

const attemptKey = z.object({ jobId, generation: z.int().positive(), n: z.int().positive() });
const grant: z.ZodType<Grant> = z.object({
  validMs: z.number().positive(),
  fetch: z.object({ username: text, password: text }).nullable(),
  fetchHint: z.string().max(500).exactOptional(),
  store: z
    .discriminatedUnion('kind', [
      z.object({
        kind: z.literal('s3-form'),
        url: text,
        fields: z.record(name, text),
        forms: z
          .array(
            z.object({
              contentType: text.nullable(),
              disposition: z.enum(['inline', 'attachment']),
              policy: text,
              signature: text,
            }),
          )
          .max(100)
          .exactOptional(),
        maxObjectBytes: z.number().positive(),
      }),
      z.object({ kind: z.literal('http'), url: text, token: text.nullable() }),
    ])
    .nullable(),
});

/** Checks what comes over the control channel. */
export const controlMessageSchema: z.ZodType<ControlMessage> = z.discriminatedUnion('kind', [
  z.object({
    v: z.literal(1),
    kind: z.literal('cancel'),
    attempt: attemptKey,
    nonce: z.string().nullable(),
    reason: cancelReason,
    by: text,
  }),
  z.object({ v: z.literal(1), kind: z.literal('pause') }),
  z.object({ v: z.literal(1), kind: z.literal('drain') }),
  z.object({ v: z.literal(1), kind: z.literal('resume') }),
  z.object({ v: z.literal(1), kind: z.literal('who-runs') }),
  z.object({
    v: z.literal(1),
    kind: z.literal('serve'),
    queues: z.array(name).max(1_000),
    host: text.exactOptional(),
    installation: installation.exactOptional(),
  }),
  z.object({
    v: z.literal(1),
    kind: z.literal('grant'),
    attempt: attemptKey,
    nonce: holdingSchema.nonce,
    grant,
  }),
  z.object({
    v: z.literal(1),
    kind: z.literal('watch'),
    attempt: attemptKey,
    nonce: holdingSchema.nonce,
    forMs: z.number().positive(),
  }),
  z.object({
    v: z.literal(1),
    kind: z.literal('refused'),
    why: text,
    speaks: z.array(z.int()).max(100),
    host: text.exactOptional(),
    installation: installation.exactOptional(),
  }),
]);

/** The message in a JSON text, or null when it is none (not JSON, unknown version, wrong shape). */
export function decodeMessage<T>(schema: z.ZodType<T>, body: string): T | null {
  try {
    const parsed = schema.safeParse(JSON.parse(body));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
