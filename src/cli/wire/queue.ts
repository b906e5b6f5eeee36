import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { UsageError, isGroundcrewError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import type { Database } from '../../base/sqlite.ts';
import { brokerUser, readPem, type AmqpSettings } from '../../config/queue-settings.ts';
import { readReferenceAt } from '../../config/secrets.ts';
import type { Settings } from '../../config/settings.ts';
import type { AmqpBroker, AmqpManagement } from '../../queue/amqp/amqp-options.ts';
import type { Queue } from '../../queue/queue.ts';
import type { CliContext } from '../cli-context.ts';

/** An open queue, and what belongs to it. */
export interface OpenQueue {
  readonly queue: Queue;
  /** Who the broker knows us as; a worker has no other name. Null: nobody asks (embedded). */
  readonly identity: string | null;
  /** Aborts, with the reason, when another server took our place while we were cut off (R15). */
  readonly ousted: AbortSignal;
  close(): Promise<void>;
}

/** What opening a queue needs. `signal` ends the wait for a broker that is away. */
export interface QueuePlace {
  readonly settings: Settings;
  readonly env: CliContext['env'];
  readonly version: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * The server's end: in the ledger's file, or at the broker, where it holds the place of the one server (R15).
 * @throws UsageError `cli/server-runs`; GroundcrewError `queue/refused`, `queue/unreachable`
 */
export async function openServerQueue(place: QueuePlace, database: Database): Promise<OpenQueue> {
  const { settings } = place;
  if (settings.queue.kind === 'embedded') return await openEmbedded(place, database);
  const { openAmqpQueue } = await import('../../queue/amqp/amqp-queue.ts');
  const broker = brokerOf(settings.queue, place.env, 'server');
  const queue = await openAmqpQueue({ ...amqpPlace(place), broker, clientName: `groundcrew server ${place.version}` });
  const lost = new AbortController();
  try {
    await queue.holdServerQueue((error) => {
      lost.abort(error);
    });
  } catch (error) {
    await queue.close();
    if (!isGroundcrewError(error, 'queue/server-held')) throw error;
    throw new UsageError('cli/server-runs', `another groundcrew server runs: ${error.message}`, { cause: error });
  }
  return { queue, identity: broker.username, ousted: lost.signal, close: () => queue.close() };
}

/** The end of a worker in a process of its own: nothing of the server's is opened where a broker is between them. */
export async function openWorkerQueue(place: QueuePlace): Promise<OpenQueue> {
  const { settings } = place;
  if (settings.queue.kind === 'embedded') {
    const { openDatabase } = await import('../../base/sqlite.ts');
    const database = openDatabase({ path: settings.paths.ledgerFile });
    const opened = await openEmbedded(place, database);
    return {
      ...opened,
      async close() {
        await opened.close();
        await database.close();
      },
    };
  }
  const { openAmqpQueue } = await import('../../queue/amqp/amqp-queue.ts');
  const broker = brokerOf(settings.queue, place.env, 'worker');
  const clientName = `groundcrew worker ${place.version}`;
  const queue = await openAmqpQueue({ ...amqpPlace(place), broker, clientName });
  return { queue, identity: broker.username, ousted: new AbortController().signal, close: () => queue.close() };
}

/**
 * A configured broker as the adapter takes it. Secrets and certificates are read at each connect, so that a renewed one
 * needs no restart; what is unreadable now is said at once.
 * @throws UsageError `config/broker-identity`, `config/secret-unreadable`
 */
export function brokerOf(queue: AmqpSettings, env: CliContext['env'], role: AmqpBroker['role']): AmqpBroker {
  const { hosts, vhost, tls, password } = queue;
  const pem = (file: string | null, key: string): string | null => (file === null ? null : readPem(file, key));
  const tlsNow = (files: NonNullable<typeof tls>): ReturnType<NonNullable<AmqpBroker['tls']>> => {
    const [ca, cert, key] = [
      pem(files.caFile, 'queue.tls.ca'),
      pem(files.certFile, 'queue.tls.cert'),
      pem(files.keyFile, 'queue.tls.key'),
    ];
    return {
      ...(ca === null ? {} : { ca }),
      ...(cert === null ? {} : { cert }),
      ...(key === null ? {} : { key }),
      ...(files.servername === null ? {} : { servername: files.servername }),
    };
  };
  const broker: AmqpBroker = {
    role,
    hosts,
    vhost,
    username: brokerUser(queue),
    password: password === null ? null : () => readReferenceAt('queue.password', password, env),
    tls: tls === null ? null : () => tlsNow(tls),
    management: managementOf(queue, env),
  };
  broker.password?.();
  broker.tls?.();
  return broker;
}

/** The management API, for which no certificate of ours is needed. @throws UsageError `config/broker-identity` */
export function managementOf({ management }: AmqpSettings, env: CliContext['env']): AmqpManagement | null {
  if (management === null) return null;
  const { url, user, password, caFile } = management;
  const key = 'queue.management.password';
  return {
    url,
    username: user,
    password: () => readReferenceAt(key, password, env),
    ...(caFile === null ? {} : { ca: readPem(caFile, 'queue.management.ca') }),
  };
}

function amqpPlace({ logger, signal }: QueuePlace): {
  readonly clock: typeof systemClock;
  readonly random: typeof systemRandom;
  readonly logger: Logger;
  readonly signal: AbortSignal;
} {
  return { clock: systemClock, random: systemRandom, logger, signal };
}

async function openEmbedded({ settings, logger }: QueuePlace, database: Database): Promise<OpenQueue> {
  const { openEmbeddedQueue } = await import('../../queue/embedded/embedded-queue.ts');
  const directory = join(settings.paths.stateDir, 'queue');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const queue = await openEmbeddedQueue({ database, directory, clock: systemClock, random: systemRandom, logger });
  return { queue, identity: null, ousted: new AbortController().signal, close: () => queue.close() };
}
