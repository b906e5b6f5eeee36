import type { Trusted } from './trust.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { plain } from '../../../base/git.ts';
import { markerLine } from '../tell/comment-marker.ts';
import { resolveLink } from './files.ts';
import { answerReactions, postedApproval, postedContext, meaningOf } from '../tell/status-words.ts';
import { peopleOf, viewOfPull, type ViewPlace } from './view-of.ts';
import { pullNodeSchema, type PullNode, viewQuery } from './view-query.ts';

const place: ViewPlace = {
  key: 'gh|a/b|pull/1',
  forge: 'gh',
  repo: 'a/b',
  me: 'crew[bot]',
  mode: { kind: 'post' },
  now: 0,
  trusts: () => 'no',
};

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('/test', '/ok-to-test', '/cancel\n/help', 'crew', ''),
);
const actor = fc.option(fc.record({ __typename: fc.constantFrom('User', 'Bot', 'Mannequin'), login: text }));
const time = fc.integer({ min: 0, max: 4e12 });
const status = fc.record({
  context: text,
  state: fc.constantFrom('ERROR', 'EXPECTED', 'FAILURE', 'PENDING', 'SUCCESS'),
  description: fc.option(fc.oneof(text, fc.constant('Not yet tested (direct trigger)'))),
  targetUrl: fc.option(text),
  createdAt: time,
  creator: actor,
});
const node = fc.record({
  state: fc.constantFrom('OPEN', 'CLOSED', 'MERGED'),
  isDraft: fc.boolean(),
  title: text,
  updatedAt: time,
  headRefOid: fc.constant('a'.repeat(40)),
  baseRefName: text,
  isCrossRepository: fc.boolean(),
  author: actor,
  headRepositoryOwner: actor,
  labels: fc.option(fc.record({ nodes: fc.array(fc.record({ name: text })) })),
  comments: fc.record({
    nodes: fc.array(
      fc.record({
        fullDatabaseId: fc.nat().map(String),
        body: text,
        createdAt: time,
        lastEditedAt: fc.option(time),
        author: actor,
        editor: actor,
        reactionGroups: fc.option(
          fc.array(fc.record({ content: fc.constantFrom('ROCKET', 'EYES'), viewerHasReacted: fc.boolean() })),
        ),
      }),
    ),
  }),
  commits: fc.constant({ nodes: [] }),
}) as fc.Arbitrary<PullNode>;

test('whatever strangers write, the view is bounded, plain, and believes nobody but us', () => {
  fc.assert(
    fc.property(node, fc.array(status), (pull, statuses) => {
      const view = viewOfPull(pull, { pull: 1, statuses: statuses, place: { ...place, me: 'nobody else' } });
      const shown = [
        view.change.title,
        view.change.author,
        ...view.change.labels,
        ...view.statuses.map(({ description }) => description),
      ];
      for (const one of shown) {
        assert.ok(one.length <= 300);
        assert.doesNotMatch(one, /[\p{Cc}\p{Cf}]/u);
      }
      assert.deepEqual(view.approvedShas, []);
      assert.deepEqual(view.statuses, []);
      assert.ok(
        view.requests.every(({ kind, isRefused }) => isRefused === true || kind === 'cancel' || kind === 'help'),
      );
      if (pull.state !== 'OPEN') assert.deepEqual(view.requests, []);
      const people = peopleOf(pull, statuses as never).map((login) => plain(login.slice(0, 400)).slice(0, 100));
      assert.ok(view.requests.every(({ by }) => people.includes(by)));
    }),
  );
});

test('a trusted person vouches for no repository of a stranger', () => {
  const person = (login: string): { __typename: string; login: string } => ({ __typename: 'User', login });
  const people: Readonly<Record<string, Trusted>> = { ada: 'yes', bob: 'yes', carl: 'unknown' };
  const trustOf = (owner: string | null, isCrossRepository = true): string => {
    const pull = {
      ...emptyPull,
      isCrossRepository,
      author: person('Ada'),
      headRepositoryOwner: owner === null ? null : person(owner),
    };
    const trusts = (login: string): Trusted => people[login.toLowerCase()] ?? 'no';
    return viewOfPull(pull, { pull: 1, statuses: [], place: { ...place, trusts } }).change.trust;
  };
  assert.equal(trustOf('a', false), 'trusted', 'a branch of the repository itself');
  assert.equal(trustOf('ada'), 'trusted', 'a fork of her own');
  assert.equal(trustOf('bob'), 'trusted', 'a fork of somebody whom we trust, too');
  assert.equal(trustOf('A'), 'trusted', 'a fork with the owner of the repository');
  assert.equal(trustOf('mallory'), 'untrusted');
  assert.equal(trustOf(null), 'untrusted', 'whoever pushed there last');
  assert.equal(trustOf('carl'), 'unknown', 'nobody could tell of him');
});

const said = (body: string, given: object = {}): PullNode => ({
  ...emptyPull,
  comments: {
    nodes: [
      {
        fullDatabaseId: '1',
        body,
        createdAt: 1_000,
        lastEditedAt: null,
        author: { __typename: 'User', login: 'ada' },
        editor: null,
        reactionGroups: [],
        ...given,
      },
    ],
  },
});
const isDone = (pull: PullNode, given: Partial<ViewPlace>): boolean | undefined =>
  viewOfPull(pull, { pull: 1, statuses: [], place: { ...place, ...given } }).requests[0]?.isDone;

test('a command of long ago, given to whoever was here before us, is nothing to carry out or to answer', () => {
  const threeDays = 3 * 24 * 3_600_000;
  assert.equal(isDone(said('/test'), { now: 1_000 + threeDays }), false);
  assert.equal(isDone(said('/test'), { now: 1_001 + threeDays }), true);
  assert.equal(isDone(said('/test', { lastEditedAt: 2_000 }), { now: 1_001 + threeDays }), false);
});

test('beside another server of the same account each knows its own answers only', () => {
  const reacted = (content: string): PullNode =>
    said('/ok-to-test', { reactionGroups: [{ content, viewerHasReacted: true }] });
  for (const [production, beside] of [
    [{ kind: 'post' }, { kind: 'prefix', prefix: 'shadow/' }],
    [{ kind: 'prefix', prefix: 'shadow/' }, { kind: 'post' }],
  ] as const) {
    for (const answer of ['done', 'refused'] as const) {
      const pull = reacted(answerReactions(production)[answer].toUpperCase());
      assert.equal(isDone(pull, { mode: production }), true);
      assert.equal(isDone(pull, { mode: beside }), false);
    }
  }
});

test('an App and a person of the same name are two', () => {
  const by = (__typename: string): unknown[] => [
    {
      context: 'c',
      state: 'SUCCESS',
      description: '',
      targetUrl: null,
      createdAt: 1,
      creator: { __typename, login: 'crew' },
    },
  ];
  const seen = (typename: string): number =>
    viewOfPull(emptyPull, { pull: 1, statuses: by(typename) as never, place }).statuses.length;
  assert.equal(seen('Bot'), 1);
  assert.equal(seen('User'), 0);
});

test('what GitHub answers is read as documented, and nothing else', () => {
  const raw = { ...emptyPull, updatedAt: '2026-11-22T10:00:00Z', title: 'x' };
  assert.equal(pullNodeSchema.parse(raw).updatedAt, Date.parse('2026-11-22T10:00:00Z'));
  assert.equal(pullNodeSchema.safeParse({ ...raw, state: 'LOST' }).success, false);
  assert.equal(pullNodeSchema.safeParse({ ...raw, headRefOid: null }).success, false);
});

test('names of branches go into variables, never into the query', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.record({ pull: fc.nat() }), fc.record({ branch: fc.string({ minLength: 12 }) })), {
        minLength: 1,
      }),
      (places) => {
        const { query, variables } = viewQuery(places);
        for (const one of places) if ('branch' in one) assert.ok(!query.includes(one.branch));
        assert.equal(Object.keys(variables).length, places.length);
      },
    ),
  );
});

test('a context that is posted is recognised, whatever the prefix', () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ minLength: 1 }), (context, prefix) => {
      for (const mode of [{ kind: 'post' }, { kind: 'prefix', prefix }] as const) {
        if (context !== 'groundcrew/approval') {
          assert.deepEqual(meaningOf(postedContext(context, mode), mode), { kind: 'check', context });
        }
        assert.deepEqual(meaningOf(postedApproval(mode), mode), { kind: 'approval' });
      }
    }),
  );
});

test('a marker is one HTML comment, whatever it names', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.constantFrom('-->', '--', 'a-', '<!--', 'x\n-->')), (name) => {
      assert.match(markerLine(name), /^<!-- groundcrew:(?:(?!--|>|\n).)* -->$/);
    }),
  );
});

test('a link leads to a place inside, or nowhere', () => {
  assert.equal(resolveLink('a/b/c', '../d'), 'a/d');
  assert.equal(resolveLink('a', './b//c'), 'b/c');
  assert.equal(resolveLink('a/b', '../../..'), null);
  fc.assert(
    fc.property(fc.array(fc.constantFrom('..', '.', 'a', '', '/', '~')), (parts) => {
      const found = resolveLink('x/y', parts.join('/'));
      assert.ok(found === null || found.split('/').every((part) => !['', '.', '..'].includes(part)));
    }),
  );
});

const emptyPull: PullNode = {
  state: 'OPEN',
  isDraft: false,
  title: '',
  updatedAt: 1,
  headRefOid: 'a'.repeat(40),
  baseRefName: 'main',
  isCrossRepository: false,
  author: null,
  headRepositoryOwner: null,
  labels: null,
  comments: { nodes: [] },
  commits: { nodes: [] },
};
