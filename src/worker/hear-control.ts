import type { Grant } from '../core/grant.ts';
import { attemptOf } from '../core/job-envelope.ts';
import { controlMessageSchema, decodeMessage } from '../core/message-schema.ts';
import type { Holding } from '../core/worker-message.ts';
import type { RunningAttempt, StopRequest } from './attempt-runner.ts';

/** What a word from the server can do to a worker. */
export interface ControlHearer {
  /** This machine: what is said to another one of the same name is not for us. */
  readonly host: string;
  /** See `WorkerOffer.installation`. */
  readonly installation?: string | undefined;
  /** What the worker holds now. */
  held(): Iterable<{ readonly holding: Holding; readonly attempt: RunningAttempt }>;
  pause(): void;
  resume(): void;
  /** Take nothing new, finish, leave. */
  drain(): void;
  /** The server asks who runs: everything is said anew. */
  hello(): void;
  /** These queues exist; also: the server works with us. */
  serve(queues: readonly string[]): void;
  /** For the attempt with this nonce, whether it still runs or its log is on its way. */
  grant(nonce: string, grant: Grant): void;
  /** The server does not work with us. */
  refused(why: string, speaks: readonly number[]): void;
}

/** Two copies of one disk have one host name, too: what the server knows of them besides decides. */
function isForUs(
  message: { readonly host?: string | undefined; readonly installation?: string | undefined } | object,
  { host, installation }: Pick<ControlHearer, 'host' | 'installation'>,
): boolean {
  if ('installation' in message && message.installation !== undefined && installation !== undefined)
    return message.installation === installation;
  return !('host' in message) || message.host === undefined || message.host === host;
}

/** Does what a control message says; one that cannot be read is left alone. `nonce` null means whoever has the attempt. */
export function hearControl(body: string, worker: ControlHearer): void {
  const message = decodeMessage(controlMessageSchema, body);
  if (message === null || !isForUs(message, worker)) return;
  switch (message.kind) {
    case 'cancel': {
      const request: StopRequest = { kind: 'cancel', reason: message.reason, by: message.by };
      const { attempt: meant, nonce } = message;
      for (const { holding, attempt } of worker.held()) {
        const { jobId, generation, n } = attemptOf(holding.envelope);
        const isMeant =
          jobId === meant.jobId &&
          generation === meant.generation &&
          n === meant.n &&
          (nonce === null || nonce === holding.nonce);
        if (isMeant) attempt.stop(request);
      }
      return;
    }
    case 'pause':
      worker.pause();
      return;
    case 'drain':
      worker.drain();
      return;
    case 'resume':
      worker.resume();
      return;
    case 'who-runs':
      worker.hello();
      return;
    case 'serve':
      worker.serve(message.queues);
      return;
    case 'grant':
      worker.grant(message.nonce, message.grant);
      return;
    case 'watch':
      for (const { holding, attempt } of worker.held())
        if (holding.nonce === message.nonce) attempt.watch?.(message.forMs);
      return;
    case 'refused':
      worker.refused(message.why, message.speaks);
      return;
    default:
      message satisfies never;
  }
}
