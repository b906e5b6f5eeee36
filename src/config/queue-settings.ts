import { X509Certificate } from 'node:crypto';
import { UsageError } from '../base/errors.ts';
import type { SecretReference } from './fields.ts';
import { virtualHost, type QueueConfig } from './queue-options.ts';
import { readTextFile } from './read-yaml.ts';
import { absoluteReference } from './secrets.ts';

/** The management API of a broker. The address has no slash at the end. */
export interface ManagementSettings {
  readonly url: string;
  readonly user: string;
  readonly password: SecretReference;
  readonly caFile: string | null;
}

/** A broker and who we are to it. */
export interface AmqpSettings {
  readonly kind: 'amqp';
  readonly hosts: readonly [BrokerHost, ...BrokerHost[]];
  readonly vhost: string;
  /** Null: plain text, to loopback. Paths are absolute. */
  readonly tls: {
    readonly caFile: string | null;
    readonly certFile: string | null;
    readonly keyFile: string | null;
    readonly servername: string | null;
  } | null;
  /** Null: the certificate's common name. */
  readonly user: string | null;
  /** Null: SASL EXTERNAL, by the certificate. */
  readonly password: SecretReference | null;
  readonly management: ManagementSettings | null;
}

/** One node of a broker. */
export interface BrokerHost {
  readonly host: string;
  readonly port: number;
}

/** Between server and workers. */
export type QueueSettings = { readonly kind: 'embedded' } | AmqpSettings;

/** Fills in what follows from the rest; `expand` makes paths absolute. */
export function queueSettings(queue: QueueConfig, expand: (path: string) => string): QueueSettings {
  if (queue.kind === 'embedded') return { kind: 'embedded' };
  const places = [...(queue.url === null ? [] : [queue.url]), ...queue.urls].map((text) => new URL(text));
  const [first, ...others] = places.map(hostOf);
  // The schema lets none through without an address.
  if (first === undefined) return { kind: 'embedded' };
  const file = (path: string | null): string | null => (path === null ? null : expand(path));
  const reference = (of: SecretReference): SecretReference => absoluteReference(of, expand);
  const { tls, management } = queue;
  return {
    kind: 'amqp',
    hosts: [first, ...others],
    vhost: virtualHost(places[0]?.pathname ?? '') ?? '/',
    tls:
      places[0]?.protocol === 'amqps:'
        ? { caFile: file(tls.ca), certFile: file(tls.cert), keyFile: file(tls.key), servername: tls.servername }
        : null,
    user: queue.user,
    password: queue.password === null ? null : reference(queue.password),
    management:
      management === null
        ? null
        : {
            url: management.url.replace(/\/+$/, ''),
            user: management.user,
            password: reference(management.password),
            caFile: file(management.ca ?? tls.ca),
          },
  };
}

/** Every reference of the queue under the key path where it stands, for checks. */
export function queueReferences(queue: QueueSettings): Readonly<Record<string, SecretReference>> {
  if (queue.kind === 'embedded') return {};
  const { password, management } = queue;
  return {
    ...(password === null ? {} : { 'queue.password': password }),
    ...(management === null ? {} : { 'queue.management.password': management.password }),
  };
}

/**
 * Who we are to the broker: the configured user, else the common name of our certificate.
 * @throws UsageError `config/broker-identity`
 */
export function brokerUser(queue: AmqpSettings): string {
  if (queue.user !== null && queue.password !== null) return queue.user;
  const file = queue.tls?.certFile ?? null;
  if (file === null)
    throw new UsageError('config/broker-identity', 'queue: needs tls.cert and tls.key, or user and password');
  const name = commonName(file);
  if (queue.user !== null && queue.user !== name) {
    const text = `queue.user is ${queue.user}, but the certificate ${file} is for ${name}; leave queue.user out`;
    throw new UsageError('config/broker-identity', text);
  }
  return name;
}

/** The common name in a certificate. @throws UsageError `config/broker-identity` */
export function commonName(file: string): string {
  const pem = readPem(file, 'queue.tls.cert');
  let subject: string;
  try {
    ({ subject } = new X509Certificate(pem));
  } catch (cause) {
    throw new UsageError('config/broker-identity', `${file}: holds no certificate; see queue.tls.cert`, { cause });
  }
  const name = /^CN=(.+)$/m.exec(subject)?.[1];
  if (name === undefined) {
    throw new UsageError('config/broker-identity', `${file}: the certificate has no common name; see queue.tls.cert`);
  }
  return name;
}

/** A PEM file of the queue's TLS. @throws UsageError `config/broker-identity` */
export function readPem(file: string, key: string): string {
  try {
    return readTextFile(file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError('config/broker-identity', `${why}; see ${key}`, { cause });
  }
}

function hostOf({ hostname, port, protocol }: URL): BrokerHost {
  const isTls = protocol === 'amqps:';
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? (isTls ? 5671 : 5672) : Number(port) };
}
