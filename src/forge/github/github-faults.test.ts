import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type GitHubWorld, openGitHubWorld } from '../../../test/support/github-world.ts';
import { needs } from '../../../test/support/needs.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import { isGroundcrewError } from '../../base/errors.ts';
import type { LogFields, Logger } from '../../base/logger.ts';

const signal = (): AbortSignal => AbortSignal.timeout(30_000);
/** Pauses between tries of a few milliseconds. */
const hasty: Clock = { ...systemClock, after: (ms, fire) => systemClock.after(ms / 100, fire) };

async function open(context: Parameters<typeof openGitHubWorld>[0], logger?: Logger): Promise<GitHubWorld> {
  const world = await openGitHubWorld(context, {
    forge: { clock: hasty, ...(logger === undefined ? {} : { logger }) },
  });
  await world.setPull(3, await world.commit({ branch: 'topic', files: { a: '1' } }));
  return world;
}

const away = (error: unknown): boolean =>
  isGroundcrewError(error) && error.code === 'forge/unreachable' && error.retry === 'later';

test('a comment whose answer was lost is not said twice', needs('git'), async (context) => {
  const { hub, forge, repo, remembered } = await open(context);
  const comment = { repo, pull: 3, text: 'hello', marker: 'one' };
  hub.faults.add({ does: 'drop', when: 'after', method: 'POST', path: /comments/, times: 1 });
  await assert.rejects(forge.comment?.(comment, signal()) ?? assert.fail(), away);
  await forge.comment?.(comment, signal());
  assert.equal((await remembered.comments(3)).length, 1);
});

test('an issue whose answer was lost is not opened twice', needs('git'), async (context) => {
  const { hub, forge, repo, remembered } = await open(context);
  const issue = { repo, key: 'k', title: 'nightly fails', text: 'x', labels: [], isOpen: true };
  hub.faults.add({ does: 'drop', when: 'after', method: 'POST', path: /issues/, times: 1 });
  await assert.rejects(forge.keepIssue?.(issue, signal()) ?? assert.fail(), away);
  await forge.keepIssue?.(issue, signal());
  assert.equal((await remembered.openIssues()).length, 1);
});

test(
  'a reaction whose answer was lost is sent again at once, a status by whoever knows what came after it',
  needs('git'),
  async (context) => {
    const { hub, forge, repo, remembered } = await open(context);
    const sha = (await forge.headOf(repo, 'main', signal())) ?? '';
    const id = await remembered.comment(3, 'ada', '/test');
    hub.faults.add({ does: 'drop', when: 'after', method: 'POST', path: /statuses/, times: 1 });
    const status = { repo, sha, context: 'c', state: 'success', description: '', targetUrl: null } as const;
    await assert.rejects(forge.setStatus(status, signal()), away);
    await forge.setStatus(status, signal());
    assert.equal(hub.people.statuses(repo, sha).length, 2, 'once too often does no harm');
    hub.faults.add({ does: 'drop', when: 'after', method: 'POST', path: /reactions/, times: 2 });
    await forge.markRequestDone(repo, id, signal());
    assert.equal((await forge.view(repo, `gh|${repo}|pull/3`, signal()))?.requests[0]?.isDone, true);
  },
);

test(
  '502 for a while is waited out by reads, for longer is an error to come back from',
  needs('git'),
  async (context) => {
    const { hub, forge, repo } = await open(context);
    const key = `gh|${repo}|pull/3`;
    const fault = hub.faults.add({ does: 'answer', status: 502, times: 2 });
    assert.notEqual(await forge.view(repo, key, signal()), null);
    assert.equal(fault.hits, 2);
    hub.faults.add({ does: 'answer', status: 502 });
    for (const call of [
      () => forge.view(repo, key, signal()),
      () => forge.places(repo, signal()),
      () => forge.fileAt(repo, 'a'.repeat(40), 'a', signal()),
      () => forge.pullHeadOf?.(repo, 3, signal()) ?? assert.fail(),
    ]) {
      await assert.rejects(call, away);
    }
  },
);

test(
  'answers that are none are errors to come back from, never a crash, and no log shows the token',
  needs('git'),
  async (context) => {
    const lines: string[] = [];
    const note = (message: string, fields?: LogFields): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
    const logger: Logger = { debug: note, info: note, warn: note, error: note, with: () => logger };
    const { hub, forge, repo, token } = await open(context, logger);
    hub.faults.add({ does: 'answer', status: 200 });
    const calls = [
      () => forge.view(repo, `gh|${repo}|pull/3`, signal()),
      () => forge.places(repo, signal()),
      () => forge.headOf(repo, 'main', signal()),
      () => forge.pullHeadOf?.(repo, 3, signal()) ?? assert.fail(),
    ];
    for (const call of calls) {
      await assert.rejects(call, (error) => {
        assert.ok(isGroundcrewError(error) && error.code.startsWith('forge/'), String(error));
        assert.ok(!`${String(error)} ${String(error.cause)}`.includes(token));
        return error.retry === 'later';
      });
    }
    assert.ok((await forge.check(signal())).some(({ ok }) => !ok));
    assert.ok(!lines.join('\n').includes(token));
  },
);

test(
  'a file of a commit that is not everywhere yet is asked for again, one that is known never',
  needs('git'),
  async (context) => {
    const { hub, forge, repo } = await open(context);
    const sha = (await forge.headOf(repo, 'main', signal())) ?? '';
    const lag = hub.faults.add({ does: 'answer', status: 404, path: /contents|commits/ });
    await assert.rejects(forge.fileAt(repo, sha, 'README', signal()), away);
    lag.lift();
    hub.forgetRequests();
    for (let i = 0; i < 3; i += 1) {
      assert.equal(await forge.fileAt(repo, sha, 'README', signal()), 'hello\n');
      assert.equal(await forge.fileAt(repo, sha, 'none', signal()), null);
    }
    assert.equal(hub.requests.length, 3);
  },
);
