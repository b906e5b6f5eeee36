import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createHandClock } from '../../../../test/support/hand-clock.ts';
import { openGitHubStage } from '../../../../test/support/github-stage.ts';
import { needs } from '../../../../test/support/needs.ts';
import type { CleansUp } from '../../../../test/support/temp-dir.ts';

interface Heard {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** A receiver of webhooks that answers with `status` (0: never). */
async function listen(
  context: CleansUp,
  answer: { status: number } = { status: 202 },
): Promise<{ url: string; heard: Heard[] }> {
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      heard.push({ headers: request.headers, body: Buffer.concat(parts) });
      if (answer.status > 0) response.writeHead(answer.status).end('taken');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, heard };
}

const events = (heard: readonly Heard[]): string[] =>
  heard.map(({ headers, body }) => {
    const { action } = JSON.parse(body.toString('utf8')) as { action?: string };
    return [headers['x-github-event'], action].filter((word) => word !== undefined).join('.');
  });

test('a delivery is signed over its very bytes, as JSON or as a form', needs('git'), async (context) => {
  const { github } = await openGitHubStage(context);
  for (const contentType of ['json', 'form'] as const) {
    const { url, heard } = await listen(context);
    github.people.createHook('ada/tool', { url, secret: 'süß', contentType, events: ['issues'], pings: false });
    github.people.createIssue('ada/tool', { title: 'Größe ✓', by: 'eve' });
    await github.delivered();
    const [one] = heard;
    assert.ok(one !== undefined);
    const sign = (hash: string): string => `${hash}=${createHmac(hash, 'süß').update(one.body).digest('hex')}`;
    assert.equal(one.headers['x-hub-signature-256'], sign('sha256'));
    assert.equal(one.headers['x-hub-signature'], sign('sha1'));
    assert.match(String(one.headers['x-github-delivery']), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.match(String(one.headers['user-agent']), /^GitHub-Hookshot\//);
    const text =
      contentType === 'json'
        ? one.body.toString('utf8')
        : new URLSearchParams(one.body.toString('utf8')).get('payload');
    const payload = JSON.parse(text ?? '') as {
      issue: { title: string };
      sender: { login: string };
      repository: { full_name: string };
    };
    assert.deepEqual(
      [payload.issue.title, payload.sender.login, payload.repository.full_name],
      ['Größe ✓', 'eve', 'ada/tool'],
    );
  }
});

test('the life of a pull request is told, and only to hooks that want it', needs('git'), async (context) => {
  const { github } = await openGitHubStage(context);
  const { people } = github;
  const all = await listen(context);
  const few = await listen(context);
  people.createHook('ada/tool', { url: all.url });
  people.createHook('ada/tool', { url: few.url, events: ['status'], pings: false });
  const step = async (expected: readonly string[], act: () => unknown): Promise<void> => {
    all.heard.length = 0;
    await act();
    await github.delivered();
    assert.deepEqual(events(all.heard).sort(), [...expected].sort());
  };
  await step(['ping'], () => undefined);
  let sha = '';
  await step(
    ['push', 'create'],
    async () => (sha = await people.commit('ada/tool', { branch: 'b', files: { a: '1' } })),
  );
  await step(['pull_request.opened', 'pull_request.labeled'], () =>
    people.openPull('ada/tool', { branch: 'b', labels: ['x'] }),
  );
  await step(
    ['push', 'pull_request.synchronize'],
    async () => (sha = await people.commit('ada/tool', { branch: 'b', files: { a: '2' } })),
  );
  await step(['status'], () => people.setStatus('ada/tool', sha, { state: 'pending', by: 'ada' }));
  assert.deepEqual(events(few.heard), ['status']);
  await step(['pull_request.edited'], () => people.editPull('ada/tool', 1, { title: 'New' }));
  await step(['pull_request.unlabeled'], () => {
    people.unlabel('ada/tool', 1, 'X');
  });
  await step(['pull_request.converted_to_draft'], () => people.editPull('ada/tool', 1, { isDraft: true }));
  await step(['pull_request.ready_for_review'], () => people.editPull('ada/tool', 1, { isDraft: false }));
  await step(['issue_comment.created'], () => people.comment('ada/tool', 1, { body: '/test', by: 'eve' }));
  const [comment] = people.comments('ada/tool', 1);
  await step(['issue_comment.edited'], () => people.editComment('ada/tool', comment?.id ?? 0, { body: '/retry' }));
  await step([], () => {
    people.react('ada/tool', comment?.id ?? 0, 'rocket', 'ada');
  });
  await step(['issue_comment.deleted'], () => {
    people.deleteComment('ada/tool', comment?.id ?? 0);
  });
  await step(['push', 'create'], () => people.commit('ada/tool', { branch: 'stable', files: { s: '1' } }));
  await step(['pull_request.edited'], () => people.editPull('ada/tool', 1, { base: 'stable' }));
  await step(['pull_request.closed'], () => people.editPull('ada/tool', 1, { state: 'closed' }));
  await step(['pull_request.reopened'], () => people.editPull('ada/tool', 1, { state: 'open' }));
  await step(['push', 'pull_request.closed'], () => people.mergePull('ada/tool', 1));
  await step(['push', 'delete'], () => people.deleteBranch('ada/tool', 'b'));
  await step(['issues.opened', 'issues.labeled', 'issues.edited', 'issues.closed'], () => {
    people.createIssue('ada/tool', { title: 'T', by: 'ada' });
    people.editIssue('ada/tool', 2, { title: 'U', labels: ['n'], state: 'closed' });
  });
  await step(['issues.reopened', 'issues.unlabeled', 'issues.locked'], () => {
    people.editIssue('ada/tool', 2, { labels: [], state: 'open', isLocked: true });
  });
});

interface Logged {
  readonly id: number;
  readonly guid: string;
  readonly status_code: number;
  readonly redelivery: boolean;
  readonly event: string;
}

test('the log tells each delivery, in pages, and delivers again with the same GUID', needs('git'), async (context) => {
  const clock = createHandClock();
  const { github, ask } = await openGitHubStage(context, { clock });
  const answer = { status: 500 };
  const { url, heard } = await listen(context, answer);
  const hook = github.people.createHook('ada/tool', { url, secret: 's', events: ['issues'], pings: false });
  for (let i = 0; i < 5; i += 1) {
    github.people.createIssue('ada/tool', { title: `T${i}`, by: 'ada' });
    await github.delivered();
    clock.pass(1000);
    answer.status = 202;
  }
  const base = `/repos/ada/tool/hooks/${hook.id}/deliveries`;
  const logged: Logged[] = [];
  for (let next: string | null = `${base}?per_page=2`; next !== null;) {
    const page = await ask(`GET ${next}`);
    logged.push(...(page.body as Logged[]));
    const link = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
    next = link === undefined ? null : link.slice(github.url.length);
  }
  assert.deepEqual(
    logged.map(({ status_code }) => status_code),
    [202, 202, 202, 202, 500],
  );
  const failed = logged.at(-1);
  assert.ok(failed !== undefined);
  const one = (await ask(`GET ${base}/${failed.id}`)).body as {
    request: { headers: Record<string, string>; payload: unknown };
  };
  assert.deepEqual(one.request.payload, JSON.parse(heard[0]?.body.toString('utf8') ?? ''));
  assert.equal(one.request.headers['X-GitHub-Delivery'], failed.guid);
  assert.equal((await ask(`POST ${base}/${failed.id}/attempts`)).status, 202);
  await github.delivered();
  assert.equal(heard.length, 6);
  assert.equal(heard[5]?.headers['x-github-delivery'], failed.guid);
  assert.deepEqual(heard[5].body, heard[0]?.body);
  const [newest] = (await ask(`GET ${base}`)).body as Logged[];
  assert.deepEqual([newest?.guid, newest?.redelivery, newest?.status_code], [failed.guid, true, 202]);
  clock.pass(3 * 24 * 3_600_000);
  assert.deepEqual((await ask(`GET ${base}`)).body, [], 'after three days it is forgotten');
});

test('a log keeps only its newest entries', needs('git'), async (context) => {
  const { github } = await openGitHubStage(context, { mostDeliveries: 3 });
  const { url, heard } = await listen(context);
  const hook = github.people.createHook('ada/tool', { url, events: ['issues'], pings: false });
  for (let i = 0; i < 5; i += 1) github.people.createIssue('ada/tool', { title: `T${i}`, by: 'ada' });
  await github.delivered();
  assert.deepEqual([heard.length, hook.deliveries.length], [5, 3]);
});

test('on order deliveries are lost, repeated and late', needs('git'), async (context) => {
  const { github, ask } = await openGitHubStage(context);
  const { url, heard } = await listen(context);
  const hook = github.people.createHook('ada/tool', { url, events: ['issues'], pings: false });
  const open = async (): Promise<void> => {
    github.people.createIssue('ada/tool', { title: 'T', by: 'ada' });
    await github.delivered();
  };
  const log = async (): Promise<readonly Logged[]> =>
    (await ask(`GET /repos/ada/tool/hooks/${hook.id}/deliveries`)).body as Logged[];
  const lost = github.faults.add({ does: 'lose-delivery', isLogged: true, times: 1 });
  await open();
  assert.deepEqual([heard.length, lost.hits, (await log()).map(({ status_code }) => status_code)], [0, 1, [502]]);
  github.faults.add({ does: 'lose-delivery', isLogged: false, times: 1, event: 'issues' });
  await open();
  assert.deepEqual([heard.length, (await log()).length], [0, 1]);
  github.faults.add({ does: 'lose-delivery', isLogged: false, event: 'push' });
  github.faults.add({ does: 'repeat-delivery', times: 1 });
  await open();
  assert.equal(heard.length, 2);
  assert.equal(heard[0]?.headers['x-github-delivery'], heard[1]?.headers['x-github-delivery']);
  github.faults.add({ does: 'delay-delivery', ms: 50, times: 1 });
  const startedAt = performance.now();
  await open();
  assert.ok(performance.now() - startedAt >= 49);
  assert.equal(heard.length, 3);
});

test('a receiver that does not answer in time, or is not there, is logged as failed', needs('git'), async (context) => {
  const { github } = await openGitHubStage(context, { hookTimeoutMs: 50 });
  const { url } = await listen(context, { status: 0 });
  const slow = github.people.createHook('ada/tool', { url, events: ['issues'], pings: false });
  const gone = github.people.createHook('ada/tool', { url: 'http://127.0.0.1:1/', events: ['issues'], pings: false });
  github.people.createIssue('ada/tool', { title: 'T', by: 'ada' });
  await github.delivered();
  assert.deepEqual([slow.deliveries[0]?.statusCode, slow.deliveries[0]?.status], [504, 'timed out']);
  assert.deepEqual([gone.deliveries[0]?.statusCode, gone.deliveries[0]?.status], [502, 'failed to connect to host']);
});
