import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openFakeGitHub } from '../../../../test/support/fake-github.ts';
import { type Ask, asker } from '../../../../test/support/github-call.ts';
import { needs } from '../../../../test/support/needs.ts';
import type { CleansUp } from '../../../../test/support/temp-dir.ts';
import { commentsQuery } from '../read/comments-query.ts';
import { viewQuery } from '../read/view-query.ts';
import type { FakeGitHub } from './fake-github.ts';

interface Answered {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly type?: string; readonly path?: readonly unknown[] }[];
}

interface Stage {
  readonly github: FakeGitHub;
  readonly ask: Ask;
  readonly query: (query: string, variables?: unknown) => Promise<Answered>;
}

async function open(context: CleansUp): Promise<Stage> {
  const github = await openFakeGitHub(context);
  github.people.createUser('ada');
  github.people.createUser('eve');
  await github.people.createRepo({ name: 'ada/tool' });
  const ask = asker(github.url, github.people.createToken('ada'));
  return {
    github,
    ask,
    query: async (query, variables) => (await ask('POST /graphql', { query, variables })).body as Answered,
  };
}

test('the queries of our client are answered', needs('git'), async (context) => {
  const { github, query } = await open(context);
  const { people } = github;
  await people.fork('ada/tool', 'eve');
  const sha = await people.commit('eve/tool', {
    branch: 'fix',
    files: { a: '1' },
    message: 'Mend it\n\nwhy',
    by: 'eve',
  });
  await people.openPull('ada/tool', {
    branch: 'fix',
    from: 'eve/tool',
    title: 'Fix',
    labels: ['urgent'],
    isDraft: true,
  });
  const { id } = people.comment('ada/tool', 1, { body: '/test', by: 'eve' });
  people.editComment('ada/tool', id, { body: '/test all', by: 'ada' });
  people.react('ada/tool', id, 'rocket', 'ada');
  people.setStatus('ada/tool', sha, { context: 'unit', state: 'pending', by: 'ada' });
  people.setStatus('ada/tool', sha, { context: 'unit', state: 'success', description: 'fine', by: 'ada' });
  await people.push('ada/tool', { branch: 'copy', sha, from: 'eve/tool' });
  const asked = viewQuery([{ pull: 1 }, { branch: 'copy' }, { branch: 'nothing' }, { branch: 'main' }]);
  const { data, errors } = await query(asked.query, { ...asked.variables, owner: 'ada', name: 'tool' });
  assert.equal(errors, undefined);
  const status = {
    context: 'unit',
    state: 'SUCCESS',
    description: 'fine',
    targetUrl: null,
    creator: { __typename: 'User', login: 'ada' },
  };
  const { repository } = data as { repository: { p0: Record<string, never>; p1: unknown; p2: unknown; p3: unknown } };
  const eve = { __typename: 'User', login: 'eve' };
  assert.partialDeepStrictEqual(repository, {
    p0: {
      state: 'OPEN',
      isDraft: true,
      title: 'Fix',
      headRefOid: sha,
      baseRefName: 'main',
      author: eve,
      labels: { nodes: [{ name: 'urgent' }] },
      comments: { nodes: [{ fullDatabaseId: String(id), body: '/test all', author: eve, editor: { login: 'ada' } }] },
      commits: { nodes: [{ commit: { oid: sha, status: { contexts: [status] } } }] },
    },
    p1: {
      target: {
        oid: sha,
        messageHeadline: 'Mend it',
        author: { name: 'eve', user: eve },
        status: { contexts: [status] },
      },
    },
    p2: null,
    p3: { target: { status: null } },
  });
  const said = await query(commentsQuery, { owner: 'ada', name: 'tool', number: 1 });
  assert.deepEqual(said.data, {
    repository: { pullRequest: { comments: { nodes: [{ body: '/test all', viewerDidAuthor: false }] } } },
  });
});

test(
  'pull requests come in pages, and those that are closed meanwhile take nobody with them',
  needs('git'),
  async (context) => {
    const { github, query } = await open(context);
    const branches = Array.from({ length: 7 }, (_, index) => `b${index}`);
    await github.people.commitMany(
      'ada/tool',
      branches.map((branch) => ({ branch, files: { [branch]: '1' } })),
    );
    await github.people.openPulls(
      'ada/tool',
      branches.map((branch) => ({ branch })),
    );
    const text = `query($after: String) { repository(owner: "ada", name: "tool") { pullRequests(states: [OPEN], first: 3, after: $after,
    orderBy: {field: CREATED_AT, direction: DESC}) { totalCount pageInfo { hasNextPage endCursor } nodes { number } } } }`;
    const seen: number[] = [];
    let after: string | null = null;
    for (let page = 0; page < 3; page += 1) {
      const { data } = await query(text, { after });
      const { pullRequests } = (
        data as {
          repository: {
            pullRequests: {
              totalCount: number;
              pageInfo: { hasNextPage: boolean; endCursor: string };
              nodes: { number: number }[];
            };
          };
        }
      ).repository;
      seen.push(...pullRequests.nodes.map(({ number }) => number));
      assert.equal(pullRequests.pageInfo.hasNextPage, page < 2);
      assert.equal(pullRequests.totalCount, page === 0 ? 7 : 6);
      after = pullRequests.pageInfo.endCursor;
      // The one that the cursor names, too: a cursor is a place in the order.
      if (page === 0) await github.people.editPull('ada/tool', 5, { state: 'closed' });
    }
    assert.deepEqual(seen, [7, 6, 5, 4, 3, 2, 1]);
  },
);

const wrongQueries: Readonly<Record<string, readonly [string, RegExp]>> = {
  'an unknown field': ['{ viewer { nothing } }', /Field 'nothing' doesn't exist on type 'User'/],
  'a missing argument': ['{ repository(owner: "ada") { id } }', /missing required arguments: name/],
  'an unknown argument': ['{ viewer(x: 1) { id } }', /doesn't accept argument 'x'/],
  'an object without braces': ['{ viewer }', /must have selections/],
  'a scalar with braces': ['{ viewer { login { x } } }', /can't be made on scalars/],
  'an unused fragment': ['{ viewer { id } } fragment f on User { id }', /was defined, but not used/],
  'an unknown fragment': ['{ viewer { ...f } }', /was used, but not defined/],
  'a fragment that cannot be': ['{ viewer { ... on Repository { id } } }', /can't be spread/],
  'a fragment in itself': ['{ viewer { ...f } } fragment f on User { ...f }', /infinite loop/],
  'an unused variable': ['query($a: Int) { viewer { id } }', /declared by .* but not used/],
  'an undeclared variable': ['{ repository(owner: $a, name: "x") { id } }', /used by .* but not declared/],
  'a variable that is not given': [
    'query($a: String!) { repository(owner: $a, name: "x") { id } }',
    /provided invalid/,
  ],
  'no bounds of a list': [
    '{ repository(owner: "ada", name: "tool") { labels: pullRequests { totalCount } } }',
    /`first` or `last`/,
  ],
  'more than a hundred': [
    '{ repository(owner: "ada", name: "tool") { pullRequests(first: 101) { totalCount } } }',
    /limit of 100/,
  ],
  'too many nodes': [
    `{ repository(owner: "ada", name: "tool") { pullRequests(first: 100) { nodes { comments(first: 100) { nodes { id } }
      labels(first: 100) { nodes { id } } commits(last: 100) { nodes { commit { id } } }
      l2: labels(first: 100) { nodes { id } } } }
      issues(first: 100) { nodes { c1: comments(first: 100) { nodes { id } } c2: comments(last: 100) { nodes { id } } } } ${Array.from(
        { length: 50 },
        (_, index) => `x${index}: issues(first: 100) { nodes { comments(first: 100) { nodes { id } } } }`,
      ).join(' ')} } }`,
    /maximum limit of 500,000/,
  ],
  'no GraphQL': ['{ viewer {', /Parse error/],
  'no query': ['mutation { x }', /knows no mutation/],
};

test('wrong queries are refused before they run', needs('git'), async (context) => {
  const { query } = await open(context);
  for (const [name, [text, says]] of Object.entries(wrongQueries)) {
    const { data, errors } = await query(text);
    assert.equal(data, undefined, name);
    assert.match(errors?.map(({ message }) => message).join('; ') ?? '', says, name);
  }
});

test('what is not there is null and an error with its path', needs('git'), async (context) => {
  const { query } = await open(context);
  const pull = await query(
    '{ viewer { login } repository(owner: "ada", name: "tool") { p: pullRequest(number: 9) { id } } }',
  );
  assert.deepEqual(pull.data, { viewer: { login: 'ada' }, repository: { p: null } });
  assert.deepEqual([pull.errors?.[0]?.type, pull.errors?.[0]?.path], ['NOT_FOUND', ['repository', 'p']]);
  const repo = await query('{ repository(owner: "ada", name: "no") { id } }');
  assert.deepEqual(repo.data, { repository: null });
  assert.match(repo.errors?.[0]?.message ?? '', /Could not resolve to a Repository with the name 'ada\/no'/);
});

test('a query costs by its lists, and an empty quota is said with 200', needs('git'), async (context) => {
  const { github, ask, query } = await open(context);
  const pulls = Array.from(
    { length: 100 },
    (_, i) =>
      `p${i}: pullRequests(first: 1) { nodes { labels(first: 1) { totalCount } comments(first: 1) { totalCount } } }`,
  );
  const { data } = await query(
    `{ repository(owner: "ada", name: "tool") { ${pulls.join(' ')} } rateLimit { cost nodeCount remaining } }`,
  );
  assert.deepEqual(data?.['rateLimit'], { cost: 3, nodeCount: 300, remaining: 4997 });
  const { body } = await ask('GET /user');
  github.limits.leave(`user ID ${(body as { id: number }).id}`, 'graphql', 0);
  const refused = await ask('POST /graphql', { query: '{ viewer { login } }' });
  assert.equal(refused.status, 200);
  assert.equal((refused.body as Answered).errors?.[0]?.type, 'RATE_LIMITED');
  assert.equal(refused.headers.get('x-ratelimit-remaining'), '0');
  assert.equal((await ask('GET /user')).status, 200, 'the other quota is untouched');
});
