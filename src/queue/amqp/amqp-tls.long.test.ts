import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, suite, test } from 'node:test';
import { brokerOf, linesOf, openTestQueue } from '../../../test/support/amqp-world.ts';
import { needs } from '../../../test/support/needs.ts';
import { openRabbitBroker, type RabbitBroker } from '../../../test/support/rabbit-broker.ts';
import { openTempDir, removeTempDir } from '../../../test/support/temp-dir.ts';
import { makeTestAuthority, type CertificateFiles } from '../../../test/support/test-certificates.ts';
import { isGroundcrewError } from '../../base/errors.ts';
import type { AmqpTls } from './amqp-options.ts';

suite('RabbitMQ over TLS', needs('rabbitmq', 'openssl'), () => {
  let directory: string;
  let broker: RabbitBroker;
  let vhost: string;
  let client: CertificateFiles;
  let strangersCa: string;
  before(async () => {
    directory = await openTempDir();
    const authority = await makeTestAuthority(directory, 'ca');
    const stranger = await makeTestAuthority(directory, 'stranger');
    client = await authority.issue('worker1', 'DNS:worker1');
    strangersCa = await readFile(stranger.caFile, 'utf8');
    broker = await openRabbitBroker({ tls: await authority.issue('broker', 'DNS:localhost') });
    vhost = await broker.addVhost();
  });
  after(async () => {
    await broker.close();
    await removeTempDir(directory);
  });

  async function tryTls(
    host: string,
    change: Partial<AmqpTls>,
    without: readonly (keyof AmqpTls)[] = [],
  ): Promise<Error | null> {
    const { logger, lines } = linesOf();
    const tls: AmqpTls = {
      ca: await readFile(client.caFile, 'utf8'),
      cert: await readFile(client.certFile, 'utf8'),
      key: await readFile(client.keyFile, 'utf8'),
      ...change,
    };
    const kept = Object.fromEntries(Object.entries(tls).filter(([name]) => !without.includes(name as keyof AmqpTls)));
    const hosts = [{ host, port: broker.tlsPort ?? 0 }] as const;
    try {
      const queue = await openTestQueue(brokerOf(broker, vhost, { hosts, tls: () => kept }), logger);
      await queue.declare('a', {});
      await queue.publish('a', { body: '1' });
      await queue.close();
      return null;
    } catch (error) {
      assert.ok(isGroundcrewError(error, 'queue/refused'), String(error));
      assert.equal(lines.length, 1, lines.join('\n'));
      return error;
    }
  }

  test('with the right certificates on both sides it works', async () => {
    assert.equal(await tryTls('localhost', {}), null);
    assert.equal(await tryTls('127.0.0.1', { servername: 'localhost' }), null);
  });

  test('a broker whose certificate another authority signed is refused in one line', async () => {
    assert.match(
      (await tryTls('localhost', { ca: strangersCa }))?.message ?? '',
      /certificate is not trusted .*configured CA/,
    );
    assert.match((await tryTls('localhost', {}, ['ca']))?.message ?? '', /certificate is not trusted/);
  });

  test('a broker whose certificate is for another name is refused in one line', async () => {
    assert.match((await tryTls('127.0.0.1', {}))?.message ?? '', /certificate is for another name/);
    assert.match(
      (await tryTls('localhost', { servername: 'other' }))?.message ?? '',
      /certificate is for another name/,
    );
  });

  test('a client without a certificate is refused by a broker that wants one', async () => {
    assert.match((await tryTls('localhost', {}, ['cert', 'key']))?.message ?? '', /cannot agree on TLS|certificate/);
  });

  test('a certificate that cannot be read is refused in one line', async () => {
    assert.match((await tryTls('localhost', { cert: 'no PEM' }))?.message ?? '', /TLS/);
  });
});
