import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { FakeWorker } from '../../test/support/ledger-world.ts';
import { createLogger } from '../base/logger.ts';
import type { ControlMessage, Hello } from '../core/worker-message.ts';
import type { Delivery } from '../queue/queue.ts';
import { collect, type CollectDeps } from './collect.ts';
import { createNamesakes } from './namesakes.ts';
import { createPresence } from './presence.ts';

function openHouse() {
  const clock = createHandClock();
  const told: ControlMessage[] = [];
  const logged: string[] = [];
  const presence = createPresence(clock);
  const logger = createLogger({
    level: 'debug',
    isTerminal: false,
    hasColour: false,
    write: (line) => logged.push(line),
  });
  const queue: Parameters<typeof createNamesakes>[0]['queue'] = {
    sendControl: (to, { body }) => {
      assert.equal(to, 'w');
      told.push(JSON.parse(body) as ControlMessage);
      return Promise.resolve();
    },
  };
  const isNamesake = createNamesakes({ presence, queue, clock, logger });
  return { clock, told, logged, presence, logger, isNamesake };
}

const speaker = new FakeWorker('w');
const helloFrom = (hostname: string, installation?: string): Hello => {
  const hello = speaker.hello([], 1);
  return { ...hello, offer: { ...hello.offer, hostname, ...(installation === undefined ? {} : { installation }) } };
};

test('a second machine under a name that works gets nothing, and is told why in one line', async () => {
  const { presence, isNamesake, told, logged } = openHouse();
  assert.equal(await isNamesake(helloFrom('one')), false, 'nobody is here');
  presence.heard('w', helloFrom('one'));
  assert.equal(await isNamesake(helloFrom('one')), false, 'a restart on the same machine');
  for (let hello = 0; hello < 3; hello += 1) assert.equal(await isNamesake(helloFrom('two')), true);
  const why =
    'the machine one works under the name w already; give this one, two, another (worker.name, and a certificate), or wait until the other was silent for 75 s';
  assert.deepEqual(told[0], { v: 1, kind: 'refused', why, speaks: [1], host: 'two' });
  assert.equal(told.length, 3, 'each hello is answered');
  assert.equal(logged.length, 1, 'and the log hears of it once');
});

test('the second machine takes over when the first has left, or was silent', async () => {
  const { presence, isNamesake, clock } = openHouse();
  presence.heard('w', helloFrom('one'));
  presence.left('w');
  assert.equal(await isNamesake(helloFrom('two')), false);
  presence.heard('w', helloFrom('one'));
  clock.pass(74_000);
  assert.equal(await isNamesake(helloFrom('two')), true);
  clock.pass(1_000);
  assert.equal(await isNamesake(helloFrom('two')), false);
});

test('a copy of a disk has the same host name, and is told from its original; a restart is not', async () => {
  const { presence, isNamesake, told, clock } = openHouse();
  const [first, second] = ['0'.repeat(16), 'f'.repeat(16)];
  presence.heard('w', helloFrom('one', first));
  assert.equal(await isNamesake(helloFrom('one', first)), false, 'a new life of the same');
  assert.equal(await isNamesake(helloFrom('renamed', first)), false, 'whatever it is called');
  assert.equal(await isNamesake(helloFrom('one', second)), true);
  const [message] = told;
  assert.ok(message?.kind === 'refused');
  assert.deepEqual([message.host, message.installation], ['one', second], 'for the copy alone');
  assert.match(message.why, /another machine with the host name one .*copy.* under the name w already/);
  assert.equal(await isNamesake(helloFrom('one')), false, 'a worker of 0.1 is known by its host name');
  clock.pass(75_000);
  assert.equal(
    await isNamesake(helloFrom('one', second)),
    false,
    'installed anew, it takes over when the old one is gone',
  );
});

test('a hello of a second machine does not reach the ledger, where it would end what the first one runs', async () => {
  const { presence, isNamesake, logger } = openHouse();
  presence.heard('w', helloFrom('one'));
  const deps: Partial<CollectDeps> = {
    isNamesake,
    logger,
    identity: null,
    inTurn: (_worker, _delivery, work) => work(),
  };
  const delivery: Partial<Delivery> = { body: JSON.stringify(helloFrom('two')), from: 'w' };
  assert.equal(await collect(deps as CollectDeps, delivery as Delivery), 'ack');
});

test('what the server says to workers is never set aside, where its grants could be read', async () => {
  const { logger, logged } = openHouse();
  let refused = 0;
  const deps: Partial<CollectDeps> = { logger, identity: 'us', refuse: () => Promise.resolve(void (refused += 1)) };
  const grant = { v: 1, kind: 'grant', grant: { fetch: { username: 'u', password: 'hidden' } } };
  const delivery: Partial<Delivery> = { body: JSON.stringify(grant), from: 'us' };
  assert.equal(await collect(deps as CollectDeps, delivery as Delivery), 'ack');
  assert.doesNotMatch(logged.join(), /hidden/);
  assert.equal(await collect(deps as CollectDeps, { ...delivery, from: 'w' } as Delivery), 'reject');
  assert.equal(refused, 1, 'what a worker says is');
});
