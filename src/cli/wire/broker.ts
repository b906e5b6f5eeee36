import { statSync } from 'node:fs';
import { systemClock } from '../../base/clock.ts';
import { UsageError, errorLine, isGroundcrewError } from '../../base/errors.ts';
import { silentLogger } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import type { AmqpSettings } from '../../config/queue-settings.ts';
import type { Settings } from '../../config/settings.ts';
import type { AmqpBroker, AmqpManagement } from '../../queue/amqp/amqp-options.ts';
import { openAmqpQueue } from '../../queue/amqp/amqp-queue.ts';
import { applyChange, endConnections, readBroker, readBrokerHealth } from '../../queue/amqp/broker-admin.ts';
import { planBroker, revocations, type BrokerMembers } from '../../queue/amqp/broker-plan.ts';
import type { CliContext } from '../cli-context.ts';
import { brokerOf, managementOf } from './queue.ts';
import type { BrokerNews, BrokerOrder, ForgeFinding } from '../wiring.ts';

/** For a broker that does not answer (ms). */
const patienceMs = 10_000;

/** RabbitMQ below has no time to live on quorum queues. */
const leastVersion = [3, 10] as const;

/** See `Wiring.tendBroker`. */
export async function tendBroker(order: BrokerOrder, { env }: Pick<CliContext, 'env'>): Promise<readonly BrokerNews[]> {
  const { queue } = order.settings;
  if (queue.kind === 'embedded') throw new UsageError('cli/no-broker', 'queue.kind is embedded: there is no broker');
  const api = managementOf(queue, env);
  if (api === null) throw new UsageError('cli/no-broker', 'queue.management is not set; the broker is set up over it');
  const members: BrokerMembers = { ...order.members, vhost: queue.vhost, managers: [api.username] };
  const state = await readBroker(api, queue.vhost);
  const changes = order.isRevoking ? revocations(members, state) : planBroker(members, state);
  for (const change of order.isDryRun ? [] : changes) await applyChange(api, change);
  // RabbitMQ ends them by itself when the user goes; that is seen, not promised.
  if (!order.isDryRun) for (const name of members.revoked) await endConnections(api, name);
  return changes.map(({ what, remedy }) => ({ what, remedy }));
}

/** See `Wiring.checkBroker`. */
export async function checkBroker(
  settings: Settings,
  { env, version }: Pick<CliContext, 'env' | 'version'>,
  signal: AbortSignal,
): Promise<readonly ForgeFinding[]> {
  const { queue } = settings;
  if (queue.kind === 'embedded') return [];
  const findings: ForgeFinding[] = [];
  let broker: AmqpBroker;
  try {
    broker = brokerOf(queue, env, 'worker');
  } catch (error) {
    if (!isGroundcrewError(error)) throw error;
    return [bad(errorLine(error), 'groundcrew credentials issue NAME makes certificate and key')];
  }
  const keyFile = queue.tls?.keyFile ?? null;
  if (keyFile !== null && (statSync(keyFile).mode & 0o077) !== 0) {
    findings.push({ ...bad(`${keyFile} is open to other users`, `chmod 600 ${keyFile}`), isLesser: true });
  }
  findings.push(...(await tryBroker(broker, version, signal)));
  if (broker.management === null) {
    const remedy = 'the server needs queue.management; a worker does not';
    return [
      ...findings,
      { ...bad('queue.management is not set: what is in whose hands is guessed', remedy), isLesser: true },
    ];
  }
  return [...findings, ...(await askBroker(queue, broker.username, broker.management))];
}

/** Comes in as we are, and looks. */
async function tryBroker(broker: AmqpBroker, version: string, signal: AbortSignal): Promise<readonly ForgeFinding[]> {
  const { host, port } = broker.hosts[0];
  const at = `${host}:${String(port)}, virtual host ${broker.vhost}`;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
  try {
    const queue = await openAmqpQueue({
      broker,
      clientName: `groundcrew doctor ${version}`,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      patienceMs,
      signal: limit,
    });
    await queue.close();
    const how = broker.password === null ? 'by certificate' : 'by password';
    const over = broker.tls === null ? 'without TLS' : 'over TLS';
    return [good(`${at}: lets us in as ${broker.username}, ${how}, ${over}`)];
  } catch (error) {
    if (!isGroundcrewError(error)) throw error;
    return [bad(`${at}: ${errorLine(error)}`, 'see docs/guides/many-machines.md, "Broker"')];
  }
}

/** What the management API tells of the broker and of our place in it. */
async function askBroker(queue: AmqpSettings, server: string, api: AmqpManagement): Promise<readonly ForgeFinding[]> {
  try {
    const health = await readBrokerHealth(api);
    const findings = [versionFinding(health.version)];
    for (const alarm of health.alarms)
      findings.push(bad(alarm, 'free memory or disk there; nothing is lost meanwhile, everything waits'));
    if (queue.password === null && health.mechanisms.length > 0 && !health.mechanisms.includes('EXTERNAL')) {
      findings.push(
        bad('the broker does not take certificates for names', 'enable its plug-in rabbitmq_auth_mechanism_ssl'),
      );
    }
    const state = await readBroker(api, queue.vhost).catch((error: unknown) => {
      // RabbitMQ tells who may do what to administrators alone, and a server needs to be none.
      // https://www.rabbitmq.com/docs/management#permissions
      if (isGroundcrewError(error, 'queue/no-management') && error.retry === 'never') return null;
      throw error;
    });
    if (state === null) {
      return [...findings, good(`who may do what is not told to ${api.username}; groundcrew broker check looks`)];
    }
    // Who else may come is in the list of certificates, which `broker check` reads.
    const members = { vhost: queue.vhost, server, workers: [], revoked: [], managers: [...state.rights.keys()] };
    const changes = planBroker(members, state);
    for (const { what, remedy } of changes) {
      findings.push({
        ...bad(`not as it should be: ${what}`, remedy ?? 'groundcrew broker setup mends it'),
        isLesser: true,
      });
    }
    if (changes.length === 0) findings.push(good('permissions, exchanges, policies and queues are as they should be'));
    return findings;
  } catch (error) {
    if (!isGroundcrewError(error)) throw error;
    return [bad(errorLine(error), 'see queue.management, and whether the plug-in rabbitmq_management runs')];
  }
}

function versionFinding(version: string): ForgeFinding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isNew = major > leastVersion[0] || (major === leastVersion[0] && minor >= leastVersion[1]);
  return isNew
    ? good(`RabbitMQ ${version}`)
    : bad(`RabbitMQ ${version} is too old`, `use ${leastVersion.join('.')} or later`);
}

const good = (what: string): ForgeFinding => ({ ok: true, what, remedy: null });
const bad = (what: string, remedy: string): ForgeFinding => ({ ok: false, what, remedy });
