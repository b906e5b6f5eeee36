import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openTempDir, removeTempDir } from '../../test/support/temp-dir.ts';
import { makeTestAuthority } from '../../test/support/test-certificates.ts';
import { needs } from '../../test/support/needs.ts';
import { isGroundcrewError } from '../base/errors.ts';
import { ConfigError } from './config-error.ts';
import { readConfig } from './load.ts';
import { brokerUser, type AmqpSettings, type QueueSettings } from './queue-settings.ts';
import { settingsOf } from './settings.ts';

async function settle(yaml: string): Promise<QueueSettings | string[]> {
  const dir = await openTempDir();
  const file = join(dir, 'groundcrew.yaml');
  writeFileSync(file, yaml);
  try {
    const { queue } = settingsOf(readConfig(file), { env: {}, cwd: dir, stateDir: '/state' });
    return JSON.parse(JSON.stringify(queue).replaceAll(dir, 'DIR')) as QueueSettings;
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message.split('\n').map((line) => line.replace(/^\S+:\d+:\d+: /, ''));
  } finally {
    await removeTempDir(dir);
  }
}

test('without configuration the queue is embedded', async () => {
  assert.deepEqual(await settle(''), { kind: 'embedded' });
});

test('an address says host, port and virtual host; paths are absolute', async () => {
  const yaml = `queue:
  kind: amqp
  url: amqps://broker.example.org/ci%2Fa
  tls: {ca: ca.pem, cert: /c.pem, key: k.pem}
  management: {url: 'https://broker.example.org:15671/', user: monitor, password: {file: pw}}
`;
  assert.deepEqual(await settle(yaml), {
    kind: 'amqp',
    hosts: [{ host: 'broker.example.org', port: 5671 }],
    vhost: 'ci/a',
    tls: { caFile: 'DIR/ca.pem', certFile: '/c.pem', keyFile: 'DIR/k.pem', servername: null },
    user: null,
    password: null,
    management: {
      url: 'https://broker.example.org:15671',
      user: 'monitor',
      password: { file: 'DIR/pw' },
      caFile: 'DIR/ca.pem',
    },
  });
});

test('several nodes of one broker, on this machine without TLS', async () => {
  const yaml =
    "queue: {kind: amqp, urls: ['amqp://localhost', 'amqp://[::1]:5673/'], user: w1, password: {env: BROKER_PASSWORD}}";
  const queue = (await settle(yaml)) as AmqpSettings;
  assert.deepEqual(queue.hosts, [
    { host: 'localhost', port: 5672 },
    { host: '::1', port: 5673 },
  ]);
  assert.equal(queue.vhost, '/');
  assert.equal(queue.tls, null);
  assert.equal(brokerUser(queue), 'w1');
});

const withUser = 'user: u, password: {env: P}';
const withCertificate = 'tls: {cert: c, key: k}';
for (const [what, fields, ...problems] of [
  ['no address', withUser, 'queue: needs either url or urls'],
  [
    'plain AMQP over the network',
    `url: amqp://10.0.0.1/, ${withUser}`,
    'queue.url: must be amqps: without TLS anybody on the way reads and writes along (amqp is for loopback)',
  ],
  [
    'a password in the address',
    `url: 'amqps://u:hunter2@b/', ${withUser}`,
    'queue.url: must hold no name and no password: say user and password',
  ],
  [
    'a parameter',
    `url: 'amqps://b/?heartbeat=5', ${withUser}`,
    'queue.url: must end after the virtual host: parameters are not known',
  ],
  [
    'a web address',
    `url: 'https://b/', ${withUser}`,
    'queue.url: must be an address such as amqps://broker.example.org/groundcrew',
  ],
  [
    'a virtual host with a slash',
    `url: amqps://b/x/y, ${withUser}`,
    'queue.url: names a virtual host that cannot be: write a slash in it as %2F',
  ],
  [
    'two virtual hosts',
    `urls: ['amqps://a/x', 'amqps://b/y'], ${withUser}`,
    'queue.urls: must all name the same virtual host',
  ],
  ['nothing that says who we are', 'url: amqps://b/', 'queue: needs tls.cert and tls.key, or user and password'],
  [
    'no password where no certificate counts',
    `url: amqp://localhost, ${withCertificate}`,
    'queue.password: is missing: without TLS no certificate says who we are',
  ],
  [
    'a certificate without its key',
    'url: amqps://b/, tls: {cert: c}',
    'queue.tls: needs both cert and key, or neither',
  ],
  [
    'a password without a user',
    'url: amqps://b/, password: {env: P}',
    'queue.user: is missing: a password needs a user',
  ],
  [
    'a management API in the open',
    `url: amqps://b/, ${withCertificate}, management: {url: 'http://b', user: m, password: {env: M}}`,
    'queue.management.url: expected an https address',
  ],
] as const) {
  test(`a queue with ${what} is refused with its place`, async () => {
    const found = await settle(`queue: {kind: amqp, ${fields}}`);
    const said = (found as string[]).map((line) => line.replace(/(an https address): .*/, '$1'));
    assert.deepEqual(said, problems);
  });
}

test('an embedded queue has no address', async () => {
  assert.deepEqual(await settle('queue: {url: amqps://b/}'), ['queue.url: is for kind: amqp']);
});

test('who we are is in the certificate, and nobody else may be said', needs('openssl'), async (t) => {
  const dir = await openTempDir();
  t.after(() => removeTempDir(dir));
  const authority = await makeTestAuthority(dir, 'ca');
  const { caFile, certFile, keyFile } = await authority.issue('w1', 'DNS:w1');
  const queue: AmqpSettings = {
    kind: 'amqp',
    hosts: [{ host: 'b', port: 5671 }],
    vhost: '/',
    tls: { caFile, certFile, keyFile, servername: null },
    user: null,
    password: null,
    management: null,
  };
  assert.equal(brokerUser(queue), 'w1');
  assert.equal(brokerUser({ ...queue, user: 'w1' }), 'w1');
  const isRefused = (error: unknown): boolean => isGroundcrewError(error, 'config/broker-identity');
  assert.throws(() => brokerUser({ ...queue, user: 'w2' }), isRefused);
  assert.throws(
    () => brokerUser({ ...queue, tls: { caFile, certFile: keyFile, keyFile, servername: null } }),
    isRefused,
  );
  assert.throws(
    () => brokerUser({ ...queue, tls: { caFile, certFile: '/none', keyFile, servername: null } }),
    isRefused,
  );
});
