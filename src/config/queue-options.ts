import { z } from 'zod';
import * as field from './fields.ts';
import { safeAddress } from './safe-address.ts';

/** Hosts that plain AMQP may go to: what stays on this machine nobody else can read. */
const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

// Without what was found: a password may be in it.
const wrongAddress = 'must be an address such as amqps://broker.example.org/groundcrew';

const brokerAddress = z
  .string({ error: 'expected an address such as amqps://broker.example.org/groundcrew' })
  .superRefine((text, context) => {
    const refuse = (message: string): void => {
      context.addIssue({ code: 'custom', message });
    };
    if (!URL.canParse(text)) {
      refuse(wrongAddress);
      return;
    }
    const { protocol, hostname, username, password, search, hash, pathname } = new URL(text);
    if ((protocol !== 'amqps:' && protocol !== 'amqp:') || hostname === '') {
      refuse(wrongAddress);
    } else if (protocol === 'amqp:' && !loopback.test(hostname)) {
      refuse('must be amqps: without TLS anybody on the way reads and writes along (amqp is for loopback)');
    }
    // Not shown: the part in question may be a password.
    if (username !== '' || password !== '') refuse('must hold no name and no password: say user and password');
    if (search !== '' || hash !== '') refuse('must end after the virtual host: parameters are not known');
    if (virtualHost(pathname) === null) refuse('names a virtual host that cannot be: write a slash in it as %2F');
  });

const tlsOptions = z.strictObject(
  {
    ca: field.path
      .nullable()
      .prefault(null)
      .describe("Who signed the broker's certificate (PEM); null: those that Node trusts."),
    cert: field.path.nullable().prefault(null).describe('Our certificate (PEM), with those between it and the CA.'),
    key: field.path.nullable().prefault(null).describe('Its key (PEM), readable by this user alone.'),
    servername: field.line
      .nullable()
      .prefault(null)
      .describe("The name that the broker's certificate must carry; null: the host of the address."),
  },
  { error: 'expected a mapping: {ca: FILE, cert: FILE, key: FILE}' },
);

const managementOptions = z.strictObject(
  {
    url: safeAddress.describe("Address of the broker's management plug-in, such as https://broker.example.org:15671."),
    user: field.line.describe('A user with the tag monitoring; for `broker setup` administrator.'),
    password: field.secretReference.describe('Where its password stands.'),
    ca: field.path.nullable().prefault(null).describe('Who signed its certificate (PEM); null: as tls.ca.'),
  },
  { error: 'expected a mapping: {url: ADDRESS, user: NAME, password: {file: PATH}}' },
);

/** Between server and workers. */
export const queueOptions = z
  .strictObject({
    kind: z
      .enum(['embedded', 'amqp'], { error: 'expected embedded or amqp' })
      .prefault('embedded')
      .describe('embedded: one machine, nothing to set up; amqp: RabbitMQ 3.10 or later, many machines.'),
    url: brokerAddress
      .nullable()
      .prefault(null)
      .describe('Where the broker is: amqps://HOST[:5671]/VHOST; amqp:// to loopback only.'),
    urls: z
      .array(brokerAddress, { error: 'expected a list of addresses' })
      .max(16, 'lists more than 16 addresses')
      .prefault([])
      .describe('Instead of url: the nodes of a cluster, tried in turn; one virtual host.'),
    tls: tlsOptions.prefault({}).describe('TLS towards the broker; its certificate is always verified.'),
    user: field.line
      .nullable()
      .prefault(null)
      .describe("Our user at the broker, for a worker its name; null: the common name of tls.cert's certificate."),
    password: field.secretReference
      .nullable()
      .prefault(null)
      .describe('Where its password stands; null: the certificate says who we are (SASL EXTERNAL).'),
    management: managementOptions
      .nullable()
      .prefault(null)
      .describe('For the server: the management API, which knows what is in whose hands.'),
  })
  .prefault({})
  .superRefine((queue, context) => {
    const refuse = (path: readonly (string | number)[], message: string): void => {
      context.addIssue({ code: 'custom', path: [...path], message });
    };
    const { kind, url, urls, tls, user, password } = queue;
    const hasCertificate = tls.cert !== null;
    if (hasCertificate !== (tls.key !== null)) refuse(['tls'], 'needs both cert and key, or neither');
    if (kind === 'embedded') {
      if (url !== null) refuse(['url'], 'is for kind: amqp');
      if (urls.length > 0) refuse(['urls'], 'is for kind: amqp');
      return;
    }
    if ((url === null) === (urls.length === 0)) refuse([], 'needs either url or urls');
    const places = [...(url === null ? [] : [url]), ...urls].flatMap((text) =>
      URL.canParse(text) ? [new URL(text)] : [],
    );
    if (new Set(places.map(({ pathname }) => virtualHost(pathname))).size > 1) {
      refuse(['urls'], 'must all name the same virtual host');
    }
    if (new Set(places.map(({ protocol }) => protocol)).size > 1) refuse(['urls'], 'must be all amqps or all amqp');
    const isPlain = places.some(({ protocol }) => protocol === 'amqp:');
    if (password !== null && user === null) refuse(['user'], 'is missing: a password needs a user');
    if (password === null && isPlain) refuse(['password'], 'is missing: without TLS no certificate says who we are');
    if (password === null && !isPlain && !hasCertificate)
      refuse([], 'needs tls.cert and tls.key, or user and password');
  });

export type QueueConfig = z.output<typeof queueOptions>;

/** The virtual host of a path: `/` and nothing are the broker's own first one. Null: it cannot be read. */
export function virtualHost(pathname: string): string | null {
  const text = pathname.replace(/^\//, '');
  if (text === '') return '/';
  if (text.includes('/')) return null;
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
