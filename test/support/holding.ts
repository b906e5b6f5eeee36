import { randomBytes } from 'node:crypto';
import { signEnvelope } from '../../src/core/job-envelope.ts';
import { jobIdOf, type Job } from '../../src/core/job.ts';
import type { Holding } from '../../src/core/worker-message.ts';

/** A guard ends every process of this machine that carries its nonce: tests that run beside each other must not share one. */
const ownNonce = randomBytes(8).toString('hex');

/** What a worker holds of a job that wants the secret `token` and says `true`. */
export function holdingOf(limits: Partial<Job['limits']> = {}): Holding {
  const subject = { forge: 'git', repo: 'a', sha: 'c'.repeat(40), pull: null, baseRef: 'main', branch: 'main' };
  const identity = { subject, context: 'test', occasion: 'change', commandSubject: null, isTrusted: true };
  const job: Job = {
    ...identity,
    id: jobIdOf(identity),
    command: ['true'],
    container: null,
    env: {},
    secrets: ['token'],
    needs: [],
    pool: 'default',
    priority: 5,
    timeoutMs: 60_000,
    exclusive: false,
    integration: 'none',
    network: 'default',
    limits: { memoryBytes: null, pids: null, shmBytes: null, cpus: null, diskBytes: null, logBytes: null, ...limits },
  };
  const order = {
    v: 1,
    job,
    generation: 1,
    n: 1,
    baseSha: null,
    cloneUrl: '/nowhere',
    avoid: [],
    traceId: 't',
  } as const;
  return { envelope: signEnvelope(order, 'key'), nonce: ownNonce };
}
