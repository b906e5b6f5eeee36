import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobQueueOptions } from '../../core/queue-plan.ts';
import { planBroker, type BrokerMembers, type BrokerPolicy, type BrokerState } from './broker-plan.ts';
import type { ManagementCall } from './management-call.ts';
import { queueArguments } from './queue-arguments.ts';
import type { Rights } from './rights.ts';

const members: BrokerMembers = {
  vhost: 'ci',
  server: 's',
  workers: [{ name: 'w1', pools: ['default'] }],
  revoked: [],
  managers: ['admin'],
};

const nothing: BrokerState = {
  hasVhost: false,
  version: '3.10.8',
  users: new Set(),
  rights: new Map(),
  limits: new Map(),
  exchanges: new Map(),
  policies: new Map(),
  queues: new Map(),
  bindings: [],
};

/** A broker to which these calls were made. */
function after(calls: readonly ManagementCall[], state: BrokerState = nothing): BrokerState {
  const of = (pattern: RegExp): [string, unknown][] =>
    calls.flatMap(({ path, body }) => {
      const name = pattern.exec(path)?.[1];
      return name === undefined ? [] : [[name, body]];
    });
  return {
    ...state,
    hasVhost: true,
    users: new Set(of(/^users\/(.*)$/).map(([name]) => name)),
    rights: new Map(of(/^permissions\/ci\/(.*)$/)) as ReadonlyMap<string, Rights>,
    limits: new Map(
      of(/^user-limits\/(.*)\/max-connections$/).map(([name, body]) => [name, (body as { value: number }).value]),
    ),
    exchanges: new Map(of(/^exchanges\/ci\/(.*)$/).map(([name, body]) => [name, (body as { type: string }).type])),
    policies: new Map(of(/^policies\/ci\/(.*)$/)) as ReadonlyMap<string, BrokerPolicy>,
  };
}

const calls = (state: BrokerState, of = members): readonly ManagementCall[] =>
  planBroker(of, state).flatMap((change) => change.calls);
const news = (state: BrokerState, of = members): readonly string[] => planBroker(of, state).map(({ what }) => what);
const whole = after(calls(nothing));

test('an empty broker gets everything, and then nothing more', () => {
  assert.deepEqual(news(nothing), [
    'virtual host ci',
    'user s',
    'permissions of s',
    'user w1',
    'permissions of w1',
    'at most 4 connections of w1',
    'exchange groundcrew.collector',
    'exchange groundcrew.to-all',
    'exchange groundcrew.to.w1',
    'policy groundcrew-control',
    'policy groundcrew-parked',
  ]);
  assert.deepEqual(news(whole), []);
});

test('RabbitMQ 4 is told that our own queues return messages without a limit', () => {
  assert.deepEqual(news({ ...whole, version: '4.3.6' }), ['policy groundcrew-parked', 'policy groundcrew-keep']);
  const policies = calls({ ...whole, version: '4.3.6' }).map(({ body }) => body as BrokerPolicy);
  for (const name of ['collector', 'dead-jobs', 'parked-messages']) {
    const [only, ...others] = policies.filter(({ pattern }) => new RegExp(pattern).test(name));
    assert.equal(only?.definition['delivery-limit'], -1, name);
    assert.deepEqual(others, [], 'one policy holds for a queue');
  }
  assert.ok(policies.every(({ pattern }) => !new RegExp(pattern).test('jobs.default')));
});

test('a worker whose pools changed gets other permissions, and nothing else changes', () => {
  const moved = { ...members, workers: [{ name: 'w1', pools: ['lab'] }] };
  assert.deepEqual(news(whole, moved), ['permissions of w1']);
});

test('a revoked worker loses its user and its exchange, once', () => {
  const without = { ...members, workers: [], revoked: ['w1'] };
  assert.deepEqual(
    calls(whole, without).map(({ method, path }) => `${method} ${path}`),
    ['DELETE users/w1', 'DELETE exchanges/ci/groundcrew.to.w1'],
  );
  assert.deepEqual(
    calls(nothing, without).filter(({ method }) => method === 'DELETE'),
    [],
  );
});

test('a queue with other arguments is for a person to mend, others’ queues are not looked at', () => {
  const right = queueArguments(jobQueueOptions);
  const queues = new Map<string, Record<string, unknown>>([
    ['jobs.default', right],
    ['jobs.lab', { 'x-queue-type': 'classic' }],
    ['theirs', {}],
  ]);
  const [change, ...others] = planBroker(members, { ...whole, queues });
  assert.match(change?.what ?? '', /^queue jobs\.lab .*x-queue-type/);
  assert.deepEqual([change?.calls, others], [[], []]);
  assert.ok(change?.remedy !== null);
});

test('an exchange of another type is for a person to mend', () => {
  const exchanges = new Map([...whole.exchanges, ['groundcrew.to.w1', 'direct']]);
  assert.deepEqual(news({ ...whole, exchanges }), ['exchange groundcrew.to.w1 is of type direct']);
});

test('what a worker has bound to the way to the server is unbound', () => {
  const ours = {
    source: 'groundcrew.collector',
    destination: 'collector',
    destinationType: 'queue',
    key: '~',
  } as const;
  const stray = {
    source: 'groundcrew.to-all',
    destination: 'groundcrew.collector',
    destinationType: 'exchange',
    key: '~',
  } as const;
  assert.deepEqual(
    calls({ ...whole, bindings: [ours, stray] }).map(({ method, path }) => `${method} ${path}`),
    ['DELETE bindings/ci/e/groundcrew.to-all/e/groundcrew.collector/~'],
  );
});

test('a user of nobody’s is named, not removed; managers and idle ones are let be', () => {
  const rights = new Map([
    ...whole.rights,
    ['guest', { configure: '.*', write: '.*', read: '.*' }],
    ['admin', { configure: '.*', write: '.*', read: '.*' }],
    ['idle', { configure: '', write: '^$', read: '' }],
  ]);
  const changes = planBroker(members, { ...whole, rights });
  assert.deepEqual(
    changes.map((change) => [change.what, change.calls]),
    [['user guest may do things in ci, and has no certificate of ours', []]],
  );
});

test('a virtual host that needs quoting is quoted', () => {
  const odd = { ...members, vhost: 'a/b' };
  assert.equal(calls(nothing, odd)[0]?.path, 'vhosts/a%2Fb');
});
