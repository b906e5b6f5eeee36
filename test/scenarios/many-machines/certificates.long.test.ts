import { strict as assert } from 'node:assert';
import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCrew } from '../../support/crew.ts';
import { needs } from '../../support/needs.ts';
import { openRabbitBroker } from '../../support/rabbit-broker.ts';
import { until } from '../../support/until.ts';

test(
  'by the guide: an authority, a broker that is set up by one command, workers by certificate, and one that is revoked',
  needs('git', 'linux', 'rabbitmq', 'openssl'),
  async (t) => {
    const crew = await openCrew(t);
    const ca = join(crew.root, 'ca');
    const run = async (...words: string[]): Promise<string> => {
      const { code, out, err } = await crew.cli(...words);
      assert.equal(code, 0, `${words.join(' ')}: ${out}${err}`);
      return out;
    };
    const credentials = (...words: string[]): Promise<string> => run('credentials', ...words, '--dir', ca);
    await credentials('ca');
    const issued = JSON.parse(
      await credentials('issue', 'mq', '--for', 'broker', '--host', 'localhost', '--json'),
    ) as Record<'caFile' | 'certFile' | 'keyFile', string>;
    await credentials('issue', 'groundcrew-server', '--for', 'server');
    for (const name of ['w1', 'w2']) await credentials('issue', name);
    assert.equal(statSync(join(ca, 'w1.key')).mode & 0o777, 0o600);

    const broker = await openRabbitBroker({ tls: issued });
    t.after(() => broker.close());
    const password = join(crew.root, 'management');
    writeFileSync(password, broker.password, { mode: 0o600 });
    const queueOf = (name: string, rest = ''): string =>
      `queue:
  kind: amqp
  url: amqps://localhost:${String(broker.tlsPort)}/groundcrew
  tls: {ca: ${ca}/ca.pem, cert: ${ca}/${name}.pem, key: ${ca}/${name}.key}
${rest}store: {dir: ${crew.root}/store}
`;
    const repo = crew.repo();
    const sha = repo.commit({ 'test/run': { script: '#!/bin/sh\necho by certificate\n' } });
    crew.configure(
      `${queueOf(
        'groundcrew-server',
        `  management: {url: '${broker.managementUrl}', user: ${broker.username}, password: {file: ${password}}}\n`,
      )}projects: [{name: demo, path: ${repo.dir}}]\n`,
    );
    const before = await crew.cli('broker', 'check', '--dir', ca);
    assert.equal(before.code, 1);
    assert.match(before.out, /missing {2}virtual host groundcrew/);
    const dry = await run('broker', 'setup', '--dry-run', '--dir', ca);
    assert.equal(dry, before.out, 'a dry run says what is missing');
    assert.match(await run('broker', 'setup', '--dir', ca), /done {5}permissions of w2/);
    assert.equal(await run('broker', 'setup', '--dir', ca), '', 'the second time nothing is left to do');

    const house = await crew.server();
    const start = (name: string, ...words: string[]): ReturnType<typeof crew.start> => {
      const file = join(crew.root, `${name}.yaml`);
      writeFileSync(file, `${queueOf(name)}worker: {executor: process}\n`);
      return crew.start(['worker', '--config', file, '--state-dir', join(crew.root, `state-${name}`), ...words]);
    };
    const misnamed = await start('w2', '--name', 'w3').ended;
    assert.equal(misnamed.code, 2);
    assert.match(misnamed.err, /^groundcrew: .*the broker knows it as w2/m);
    const worker = start('w1');
    const { outcome, detail } = await house.ended(sha).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${worker.err()}`, { cause: error });
    });
    assert.deepEqual(outcome, { kind: 'passed' });
    assert.deepEqual(
      detail.attempts.map((attempt) => attempt.worker),
      ['w1'],
    );
    assert.equal(await run('broker', 'check', '--dir', ca), '', 'the server made its queues as they should be');

    chmodSync(join(ca, 'groundcrew-server.key'), 0o640);
    const doctor = await crew.cli('doctor', '--json');
    const found = (JSON.parse(doctor.out) as readonly { name: string; state: string; finding: string }[]).filter(
      ({ name }) => name === 'broker',
    );
    assert.deepEqual(
      found.map(({ state, finding }) => `${state} ${finding.replace(/:\d+,/, ':PORT,').replace(/[\d.]+$/, 'VERSION')}`),
      [
        `warn ${ca}/groundcrew-server.key is open to other users`,
        'ok localhost:PORT, virtual host groundcrew: lets us in as groundcrew-server, by certificate, over TLS',
        'ok RabbitMQ VERSION',
        'ok permissions, exchanges, policies and queues are as they should be',
      ],
    );

    await credentials('revoke', 'w1');
    await until(() => worker.err().includes('"why":"the broker does not accept our certificate: has w1 been revoked'), {
      within: 20_000,
      what: 'the worker to be told',
    });
    const again = await crew.cli('credentials', 'issue', 'w1', '--dir', ca);
    assert.equal(again.code, 2);
    assert.match(again.err, /w1 was revoked/);
    start('w2');
    const second = repo.commit({ 'test/run': { script: '#!/bin/sh\necho elsewhere\n' } });
    assert.equal((await house.ended(second)).detail.attempts.at(-1)?.worker, 'w2');
  },
);
