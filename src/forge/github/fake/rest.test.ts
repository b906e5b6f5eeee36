import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { createHandClock } from '../../../../test/support/hand-clock.ts';
import { asker } from '../../../../test/support/github-call.ts';
import { openGitHubStage } from '../../../../test/support/github-stage.ts';
import { needs } from '../../../../test/support/needs.ts';
import { allRoutes } from './all-routes.ts';

test('every route answers well at least once, as it is described', needs('git'), async (context) => {
  const { github, ask, main } = await openGitHubStage(context);
  const { people, url } = github;
  people.createOrganisation('crew');
  people.setMember('crew', 'ada', 'admin');
  people.setTeamMember('crew', 'core', 'ada');
  people.setStatus('ada/tool', main, { state: 'success', by: 'ada' });
  await people.commit('ada/tool', { branch: 'b', files: { 'dir/ü "x".txt': '1\n', 'README.md': null } });
  const pull = await people.openPull('ada/tool', { branch: 'b', labels: ['a b'] });
  const comment = people.comment('ada/tool', 1, { body: 'x', by: 'eve' });
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const app = people.createApp({
    slug: 'bot',
    owner: 'ada',
    publicKey: keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  });
  const installation = people.installApp(app, { account: 'ada' });
  const hook = people.createHook('ada/tool', { url: `${url}/nowhere`, secret: 's' });
  const appHook = people.createHook(app, { url: `${url}/nowhere` });
  await github.delivered();
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const claims = `${part({ alg: 'RS256' })}.${part({ iss: app.id, iat: now - 10, exp: now + 300 })}`;
  const asApp = asker(
    url,
    `${claims}.${sign('RSA-SHA256', Buffer.from(claims), keys.privateKey).toString('base64url')}`,
  );
  const made = (await asApp(`POST /app/installations/${installation.id}/access_tokens`)).body as { token: string };
  const values: Readonly<Record<string, string | number | undefined>> = {
    owner: 'ada',
    repo: 'tool',
    pull_number: 1,
    issue_number: 1,
    comment_id: comment.id,
    commit_sha: pull.pull.head.sha,
    sha: main,
    ref: 'heads/main',
    branch: 'main',
    path: 'README.md',
    username: 'ada',
    org: 'crew',
    team_slug: 'core',
    hook_id: hook.id,
    installation_id: installation.id,
    name: 'a%20b',
  };
  const bodies: Readonly<Record<string, unknown>> = {
    'POST /repos/{owner}/{repo}/statuses/{sha}': {
      state: 'success',
      context: 'c',
      target_url: 'https://example.com/1',
    },
    'PATCH /repos/{owner}/{repo}/pulls/{pull_number}': { title: 'New', body: 'text', base: 'main' },
    'POST /repos/{owner}/{repo}/issues/{issue_number}/comments': { body: 'hi' },
    'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}': { body: 'ho' },
    'POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions': { content: '+1' },
    'POST /repos/{owner}/{repo}/issues': { title: 'T', body: 'B', labels: ['n'] },
    'PATCH /repos/{owner}/{repo}/issues/{issue_number}': { state: 'open' },
    'POST /repos/{owner}/{repo}/issues/{issue_number}/labels': { labels: ['a b'] },
    'PUT /repos/{owner}/{repo}/issues/{issue_number}/labels': { labels: ['a b', 'c'] },
    'POST /repos/{owner}/{repo}/labels': { name: 'd', color: 'ff0000' },
  };
  // What takes something away goes last.
  const ordered = allRoutes.toSorted((a, b) => Number(a.method === 'DELETE') - Number(b.method === 'DELETE'));
  for (const { method, template, of } of ordered) {
    const [delivery] = template.startsWith('/app/') ? appHook.deliveries : hook.deliveries;
    const [reaction] = people.comments('ada/tool', 1)[0]?.reactions ?? [];
    const all: Record<string, string | number | undefined> = {
      ...values,
      delivery_id: delivery?.id,
      reaction_id: reaction?.id,
    };
    // A comment is deleted before its reaction is asked for: routes stand in that order.
    if (template.endsWith('/comments/{comment_id}') && method === 'DELETE') {
      all['comment_id'] = people.comment('ada/tool', 1, { body: 'y', by: 'ada' }).id;
    }
    const path = template.replace(/\{(\w+)\}/g, (_all, name: string) => String(all[name]));
    const isAppRoute = of === 'app';
    const by = isAppRoute ? asApp : of === 'installation' ? asker(url, made.token) : ask;
    const { status, body } = await by(`${method} ${path}`, bodies[`${method} ${template}`]);
    assert.ok(status >= 200 && status < 300, `${method} ${template}: ${status} ${JSON.stringify(body)}`);
  }
});

test(
  'lists come in pages whose links lead to the others, by the id of the repository',
  needs('git'),
  async (context) => {
    const { github, ask } = await openGitHubStage(context, { limits: { pointsPerMinute: 100_000 } });
    for (let i = 0; i < 205; i += 1) github.people.createIssue('ada/tool', { title: `T${i}`, by: 'ada' });
    const sizes: number[] = [];
    const rels: string[] = [];
    let next: string | null = '/repos/ada/tool/issues?per_page=500&state=all';
    while (next !== null) {
      const page = await ask(`GET ${next}`);
      sizes.push((page.body as unknown[]).length);
      const link = page.headers.get('link') ?? '';
      rels.push([...link.matchAll(/rel="(\w+)"/g)].map(([, rel]) => rel).join(' '));
      const to = /<([^>]+)>; rel="next"/.exec(link)?.[1];
      if (to !== undefined) assert.match(to, /\/repositories\/\d+\/issues\?/);
      next = to === undefined ? null : to.slice(github.url.length);
    }
    assert.deepEqual(sizes, [100, 100, 5]);
    assert.deepEqual(rels, ['next last', 'prev next last first', 'prev first']);
    assert.equal(((await ask('GET /repos/ada/tool/issues')).body as unknown[]).length, 30);
    assert.equal((await ask('GET /repos/ada/tool/labels')).headers.get('link'), null);
  },
);

test('an Enterprise server has the same below /api/v3 and /api/graphql', needs('git'), async (context) => {
  const { github } = await openGitHubStage(context);
  const token = github.people.createToken('ada');
  assert.equal((await asker(github.enterpriseUrl, token)('GET /repos/ada/tool')).status, 200);
  const { body } = await asker(github.url, token)('POST /api/graphql', { query: '{ viewer { login } }' });
  assert.deepEqual(body, { data: { viewer: { login: 'ada' } } });
});

test('pull requests are listed by state, base, head and last change', needs('git'), async (context) => {
  const clock = createHandClock();
  const { github, ask } = await openGitHubStage(context, { clock });
  const { people } = github;
  await people.commit('ada/tool', { branch: 'stable', files: { s: '1' } });
  for (const branch of ['one', 'two', 'three']) {
    await people.commit('ada/tool', { branch, files: { [branch]: '1' } });
    clock.pass(1000);
    await people.openPull('ada/tool', { branch, base: branch === 'two' ? 'stable' : 'main' });
  }
  clock.pass(1000);
  people.comment('ada/tool', 1, { body: 'x', by: 'eve' });
  await people.editPull('ada/tool', 3, { state: 'closed' });
  const list = async (query: string): Promise<number[]> =>
    ((await ask(`GET /repos/ada/tool/pulls${query}`)).body as { number: number }[]).map(({ number }) => number);
  assert.deepEqual(await list(''), [2, 1]);
  assert.deepEqual(await list('?sort=updated&direction=desc'), [1, 2]);
  assert.deepEqual(await list('?state=closed'), [3]);
  assert.deepEqual(await list('?state=all&sort=created&direction=asc'), [1, 2, 3]);
  assert.deepEqual(await list('?base=stable'), [2]);
  assert.deepEqual(await list('?head=ada:one'), [1]);
});

test(
  'files are read as JSON and raw: links inside are followed, others are told as links',
  needs('git'),
  async (context) => {
    const { github, ask } = await openGitHubStage(context);
    const sha = await github.people.commit('ada/tool', {
      branch: 'main',
      files: {
        'dir/plain': 'hello\n',
        near: { link: 'dir/plain' },
        far: { link: '../../etc/passwd' },
        big: 'x'.repeat(1024 * 1024 + 1),
      },
    });
    const get = (path: string, accept = 'application/vnd.github+json'): ReturnType<typeof ask> =>
      ask(`GET /repos/ada/tool/contents/${path}`, undefined, { accept });
    const raw = 'application/vnd.github.raw+json';
    const text = async (path: string): Promise<unknown> => (await get(path, raw)).body;
    assert.equal(await text('dir/plain'), 'hello\n');
    assert.equal(await text('near'), 'hello\n');
    assert.equal(String(await text('big')).length, 1024 * 1024 + 1);
    const json = async (path: string): Promise<Record<string, unknown>> =>
      (await get(path)).body as Record<string, unknown>;
    const plain = await json('dir/plain');
    assert.deepEqual([plain['type'], Buffer.from(String(plain['content']), 'base64').toString()], ['file', 'hello\n']);
    assert.deepEqual([(await json('far'))['type'], (await json('far'))['target']], ['symlink', '../../etc/passwd']);
    assert.deepEqual([(await json('big'))['encoding'], (await json('big'))['content']], ['none', '']);
    assert.deepEqual(
      ((await get('dir')).body as { name: string; type: string }[]).map(({ name, type }) => [name, type]),
      [['plain', 'file']],
    );
    assert.equal((await get('nothing')).status, 404);
    assert.equal((await get('dir/plain?ref=nothing')).status, 404);
    assert.equal((await get(`dir/plain?ref=${sha}`)).status, 200);
    assert.equal((await get(`dir/plain?ref=${sha}~1`)).status, 404);
  },
);

test('evil names of branches, files and titles come through as they are', needs('git'), async (context) => {
  const { github, ask } = await openGitHubStage(context);
  const branch = `x/$(id)'"<b>ü%20`;
  const file = 'a\n"b\\c\t<script>';
  const title = '\u001b[31m<script>alert(1)</script> \u202e`x`';
  await github.people.commit('ada/tool', { branch, files: { [file]: '1' } });
  await github.people.openPull('ada/tool', { branch, title });
  const [pull] = (await ask('GET /repos/ada/tool/pulls')).body as {
    title: string;
    head: { ref: string; sha: string };
  }[];
  assert.deepEqual([pull?.title, pull?.head.ref], [title, branch]);
  const files = (await ask('GET /repos/ada/tool/pulls/1/files')).body as { filename: string }[];
  assert.deepEqual(
    files.map(({ filename }) => filename),
    [file],
  );
  const one = await ask(`GET /repos/ada/tool/branches/${encodeURIComponent(branch)}`);
  assert.equal((one.body as { name: string }).name, branch);
  const status = await ask(`GET /repos/ada/tool/commits/heads/${encodeURIComponent(branch)}/status`);
  assert.equal((status.body as { sha: string }).sha, pull?.head.sha);
});
