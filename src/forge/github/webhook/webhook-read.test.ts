import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  deliveryId,
  exampleServers,
  webhookExamples,
  webhookHeaders,
  type WebhookExample,
} from '../../../../test/support/webhook-examples.ts';
import { aWebhookReader, readWebhookOf } from '../../../../test/support/webhook-reader.ts';
import type { WebhookReading } from '../../webhook.ts';
import { readEvents } from './webhook-events.ts';

const demo = { repository: { full_name: 'octo/demo' }, sender: { login: 'ada' } };
const sha = 'a'.repeat(40);

function eventsIn(reading: WebhookReading): readonly unknown[] {
  return reading.kind === 'events' ? reading.events : [reading.kind];
}

suite('what it says', () => {
  test('the same payload as a form says the same', () => {
    const payload = { ...demo, ref: 'refs/heads/träume+&=%', after: sha };
    const body = Buffer.from(new URLSearchParams({ payload: JSON.stringify(payload) }).toString());
    const headers = webhookHeaders(body, { type: 'application/x-www-form-urlencoded' });
    assert.deepEqual(aWebhookReader().read({ headers, body }), readWebhookOf('push', payload));
    assert.equal(readWebhookOf('push', payload).kind, 'events');
    const empty = Buffer.from('other=1');
    const reading = aWebhookReader().read({
      headers: webhookHeaders(empty, { type: 'application/x-www-form-urlencoded' }),
      body: empty,
    });
    assert.equal(reading.kind, 'unreadable');
  });

  test('a pull request is looked at after each action that can change what is tested', () => {
    const payload = { ...demo, number: 7, pull_request: { head: { sha } } };
    const expected = { kind: 'change', forge: 'github', repo: 'octo/demo', changeKey: 'github|octo/demo|pull/7', sha };
    const actions = ['opened', 'synchronize', 'reopened', 'labeled', 'unlabeled', 'ready_for_review'];
    for (const action of [...actions, 'converted_to_draft', 'closed'])
      assert.deepEqual(eventsIn(readWebhookOf('pull_request', { ...payload, action })), [expected], action);
    for (const action of ['assigned', 'locked', 'review_requested', 'milestoned', 'enqueued', undefined])
      assert.deepEqual(eventsIn(readWebhookOf('pull_request', { ...payload, action })), ['ignored'], action);
    const edit = (changes: unknown) =>
      eventsIn(readWebhookOf('pull_request', { ...payload, action: 'edited', changes }));
    assert.deepEqual(edit({ title: { from: 'x' } }), [expected]);
    assert.deepEqual(edit({ base: { ref: { from: 'x' }, sha: { from: sha } } }), [expected]);
    assert.deepEqual(edit({ body: { from: 'x' } }), ['ignored']);
  });

  test('a push moves its branch, a deletion too, and a tag nothing', () => {
    const push = (ref: string, after = sha) => eventsIn(readWebhookOf('push', { ...demo, ref, after }));
    const moved = (branch: string, at: string | null) => ({
      kind: 'change',
      forge: 'github',
      repo: 'octo/demo',
      changeKey: `github|octo/demo|branch/${branch}`,
      sha: at,
    });
    assert.deepEqual(push('refs/heads/main'), [moved('main', sha)]);
    assert.deepEqual(push('refs/heads/a|b/c'), [moved('a|b/c', sha)]);
    assert.deepEqual(push('refs/heads/main', '0'.repeat(40)), [moved('main', null)]);
    assert.deepEqual(push('refs/heads/main', 'b'.repeat(64)), [moved('main', 'b'.repeat(64))]);
    assert.deepEqual(push('refs/tags/v1'), ['ignored']);
    for (const ref of [
      'main',
      'refs/heads/',
      'refs/heads/-x',
      'refs/heads/a..b',
      'refs/heads/\ud800',
      'refs/heads/a\n',
    ])
      assert.deepEqual(push(ref), ['unreadable'], ref);
    for (const after of ['', 'HEAD', 'A'.repeat(40), `${sha}\n`, 'a'.repeat(41)])
      assert.deepEqual(push('refs/heads/main', after), ['unreadable'], after);
    const branch = (event: string, type: string) =>
      eventsIn(readWebhookOf(event, { ...demo, ref: 'main', ref_type: type }));
    for (const event of ['create', 'delete']) {
      assert.deepEqual(branch(event, 'branch'), [moved('main', null)]);
      assert.deepEqual(branch(event, 'tag'), ['ignored']);
    }
  });

  test('a status speaks of its commit; our own do not come back, but a trigger does', () => {
    const status = (given: object) => eventsIn(readWebhookOf('status', { ...demo, sha, ...given }));
    const expected = [
      { kind: 'commit', forge: 'github', repo: 'octo/demo', changeKey: `github|octo/demo|commit/${sha}`, sha },
    ];
    assert.deepEqual(status({ description: null, target_url: null }), expected);
    assert.deepEqual(status({ target_url: 'https://elsewhere.example.org/x' }), expected);
    assert.deepEqual(status({ target_url: 'https://ci.example.org.evil.example/runs/1' }), expected);
    const ours = { target_url: 'https://ci.example.org/runs/1' };
    assert.deepEqual(status(ours), ['ignored']);
    assert.deepEqual(status({ sender: { login: 'Groundcrew[bot]' } }), ['ignored']);
    assert.deepEqual(status({ ...ours, description: 'Not yet tested (direct trigger) ' }), expected);
  });

  test('a comment on a pull request is news when it could hold a command, and is not ours', () => {
    const comment = (body: string | null, given: object = {}) =>
      eventsIn(
        readWebhookOf('issue_comment', {
          ...demo,
          action: 'created',
          issue: { number: 7, pull_request: {} },
          comment: { body },
          ...given,
        }),
      );
    const expected = [
      { kind: 'change', forge: 'github', repo: 'octo/demo', changeKey: 'github|octo/demo|pull/7', sha: null },
    ];
    assert.deepEqual(comment('please\n/test'), expected);
    assert.deepEqual(comment('nice work'), ['ignored']);
    assert.deepEqual(comment(null), ['ignored']);
    assert.deepEqual(comment('/test', { issue: { number: 7 } }), ['ignored']);
    assert.deepEqual(comment('/test', { sender: { login: 'groundcrew[bot]' } }), ['ignored']);
  });

  test('an installation is a look at each of its repositories that are configured', () => {
    const look = (repo: string) => ({
      kind: 'repository',
      forge: 'github',
      repo,
      changeKey: `github|${repo}|repository`,
    });
    const installation = { account: { login: 'Octo' } };
    assert.deepEqual(
      eventsIn(
        readWebhookOf('installation', {
          action: 'created',
          installation,
          repositories: [{ full_name: 'OCTO/Demo' }, { full_name: 'octo/x' }],
        }),
      ),
      [look('octo/demo')],
    );
    assert.deepEqual(eventsIn(readWebhookOf('installation', { action: 'unsuspend', installation })), [
      look('octo/demo'),
    ]);
    const repositories = {
      repositories_added: [{ full_name: 'octo/x' }],
      repositories_removed: [{ full_name: 'octo/demo' }],
    };
    assert.deepEqual(eventsIn(readWebhookOf('installation_repositories', { installation, ...repositories })), [
      look('octo/demo'),
    ]);
    assert.deepEqual(
      eventsIn(readWebhookOf('installation', { action: 'created', installation: { account: { login: 'oct' } } })),
      ['ignored'],
    );
  });

  test('a repository that was renamed or given away is looked at under the name that we know', () => {
    const events = (full_name: string, changes: object) =>
      eventsIn(readWebhookOf('repository', { repository: { full_name }, changes }));
    const look = { kind: 'repository', forge: 'github', repo: 'octo/demo', changeKey: 'github|octo/demo|repository' };
    assert.deepEqual(events('octo/new-name', { repository: { name: { from: 'demo' } } }), [look]);
    assert.deepEqual(events('ada/demo', { owner: { from: { user: { login: 'octo' } } } }), [look]);
    assert.deepEqual(events('octo/demo', {}), [look]);
    assert.deepEqual(events('ada/other', {}), ['ignored']);
  });

  test('the case of a repository’s name does not matter, and one that is not configured is ignored', () => {
    const push = (full_name: string) =>
      readWebhookOf('push', { repository: { full_name }, ref: 'refs/heads/main', after: sha });
    assert.deepEqual(eventsIn(push('OCTO/demo')), eventsIn(push('octo/demo')));
    assert.deepEqual(push('octo/other'), { kind: 'ignored', id: deliveryId(1), event: 'push' });
    assert.deepEqual(readWebhookOf('push', { ref: 7 }), { kind: 'ignored', id: deliveryId(1), event: 'push' });
  });

  test('ping answers, unknown events are ignored unparsed, and what is not of its form says where', () => {
    const noise = Buffer.from('{{{');
    const kindOf = (event: string) => aWebhookReader().read({ headers: webhookHeaders(noise, { event }), body: noise });
    assert.equal(kindOf('ping').kind, 'ping');
    assert.deepEqual(kindOf('check_run'), { kind: 'ignored', id: deliveryId(1), event: 'check_run' });
    assert.deepEqual(kindOf('push'), { kind: 'unreadable', id: deliveryId(1), why: 'push: the body is not JSON' });
    const bad = readWebhookOf('pull_request', {
      ...demo,
      action: 'opened',
      number: 7,
      pull_request: { head: { sha: 5 } },
    });
    assert.match(bad.kind === 'unreadable' ? bad.why : '', /^pull_request: pull_request\.head\.sha: /);
    const bytes = Buffer.concat([Buffer.from('{"ref":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]);
    assert.equal(aWebhookReader().read({ headers: webhookHeaders(bytes), body: bytes }).kind, 'unreadable');
  });

  test('a line of the delivery log is read like the delivery itself, without a signature', () => {
    const payload = { ...demo, ref: 'refs/heads/main', after: sha };
    const line = { id: deliveryId(1), event: 'push', deliveredAt: 1, isTaken: false };
    const reader = aWebhookReader();
    assert.deepEqual(reader.readLogged({ ...line, body: JSON.stringify(payload) }), readWebhookOf('push', payload));
    assert.equal(reader.readLogged({ ...line, body: null }).kind, 'unreadable');
    assert.equal(reader.readLogged({ ...line, id: 'x'.repeat(1000), body: '{}' }).id.length, 100);
    assert.equal(reader.readLogged({ ...line, event: 'ping', body: '{}' }).kind, 'ping');
    assert.equal(reader.isRead('push'), true);
    assert.equal(reader.isRead('check_run'), false);
  });
});

suite('the community’s examples', () => {
  const all = exampleServers.flatMap((server) => webhookExamples(server));
  const repoOf = ({ payload }: WebhookExample) =>
    (payload['repository'] as { full_name?: string } | undefined)?.full_name;

  test('all of them pass, as JSON and as a form, and none is unreadable', () => {
    assert.ok(all.length > 500, String(all.length));
    const reader = aWebhookReader({ repos: () => [...new Set(all.flatMap((one) => repoOf(one) ?? []))] });
    for (const example of all) {
      const json = JSON.stringify(example.payload);
      const where = `${example.server} ${example.event} ${json.slice(0, 80)}`;
      const readings = (['application/json', 'application/x-www-form-urlencoded'] as const).map((type) => {
        const body = Buffer.from(
          type === 'application/json' ? json : new URLSearchParams({ payload: json }).toString(),
        );
        return reader.read({ headers: webhookHeaders(body, { event: example.event, type }), body });
      });
      assert.deepEqual(readings[0], readings[1], where);
      const kind = readings[0]?.kind ?? '';
      if (example.event === 'ping') assert.equal(kind, 'ping');
      else assert.ok(kind === 'ignored' || (kind === 'events' && readEvents.has(example.event)), `${kind}: ${where}`);
    }
  });

  test('those of our events lead where they should', () => {
    const counted = new Map<string, number>();
    for (const { event, payload } of webhookExamples()) {
      if (!readEvents.has(event)) continue;
      const key = event === 'pull_request' ? `${event} ${String(payload['action'])}` : event;
      const said = eventsIn(
        readWebhookOf(event, payload, { repos: () => ['Codertocat/Hello-World', 'Octocoders/Hello-World'] }),
      );
      const words = said.map((one) =>
        typeof one === 'string' ? one : (one as { changeKey: string }).changeKey.replace(/\/[0-9a-f]{40}$/, '/SHA'),
      );
      for (const word of new Set(words)) counted.set(`${key}: ${word}`, (counted.get(`${key}: ${word}`) ?? 0) + 1);
    }
    const place = 'github|Codertocat/Hello-World';
    assert.deepEqual(Object.fromEntries(counted), {
      'create: ignored': 5,
      'delete: ignored': 4,
      [`installation: ${place}|repository`]: 5,
      'installation: ignored': 2,
      'installation_repositories: ignored': 3,
      'issue_comment: ignored': 9,
      'pull_request assigned: ignored': 2,
      [`pull_request closed: ${place}|pull/2`]: 2,
      [`pull_request converted_to_draft: ${place}|pull/2`]: 3,
      [`pull_request labeled: ${place}|pull/2`]: 2,
      'pull_request locked: ignored': 2,
      [`pull_request opened: ${place}|pull/2`]: 4,
      [`pull_request ready_for_review: ${place}|pull/2`]: 3,
      [`pull_request reopened: ${place}|pull/2`]: 2,
      'pull_request review_request_removed: ignored': 1,
      'pull_request review_requested: ignored': 1,
      [`pull_request synchronize: ${place}|pull/2`]: 1,
      'pull_request unassigned: ignored': 2,
      [`pull_request unlabeled: ${place}|pull/2`]: 2,
      'pull_request unlocked: ignored': 2,
      [`push: ${place}|branch/master`]: 2,
      'push: ignored': 5,
      [`repository: ${place}|repository`]: 5,
      'repository: github|Octocoders/Hello-World|repository': 8,
      [`status: ${place}|commit/SHA`]: 4,
    });
  });
});
