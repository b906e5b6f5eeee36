import { strict as assert } from 'node:assert';
import { request } from 'node:http';
import { test } from 'node:test';
import { openGitHubCrew } from '../../support/github-crew.ts';
import { needs } from '../../support/needs.ts';
import { until } from '../../support/until.ts';
import { webhookHeaders } from '../../support/webhook-examples.ts';

test('the same delivery twice at once on two connections: one record, one job', needs('git', 'linux'), async (t) => {
  const story = await openGitHubCrew(t, { hasHook: false });
  const house = await story.up();
  const pull = await story.openPull();
  const payload = {
    action: 'opened',
    number: pull.number,
    pull_request: {
      number: pull.number,
      head: { sha: pull.sha, ref: pull.branch },
      base: { ref: 'main' },
      updated_at: new Date().toISOString(),
    },
    repository: { full_name: 'acme/demo' },
    sender: { login: 'ada' },
  };
  const body = JSON.stringify(payload);
  const headers = webhookHeaders(body, { event: 'pull_request', secret: 'shared with GitHub' });
  const before = await story.counted(house);
  // Both connections are open, and both requests are whole but for their last byte, before either ends.
  const half = (): { readonly end: () => Promise<{ status: number; text: string }> } => {
    const sent = request(`${house.url}/webhook/github`, {
      method: 'POST',
      agent: false,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    });
    const answer = new Promise<{ status: number; text: string }>((resolve, reject) => {
      sent.once('error', reject).once('response', (response) => {
        let text = '';
        response
          .setEncoding('utf8')
          .on('data', (part: string) => (text += part))
          .once('end', () => {
            resolve({ status: response.statusCode ?? 0, text });
          });
      });
    });
    sent.write(body.slice(0, -1));
    return {
      end: () => {
        sent.end(body.slice(-1));
        return answer;
      },
    };
  };
  const both = [half(), half()];
  const answers = await Promise.all(both.map(({ end }) => end()));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [202, 202],
  );
  assert.deepEqual(answers.map(({ text }) => text.trim().split(/[ ,]/)[0]).sort(), ['known', 'stored']);
  await story.untilStatus(pull.sha, 'test', 'success');
  await story.settled(house);
  assert.equal((await story.counted(house)).received - before.received, 1);
  assert.equal((await house.runs()).filter(({ sha }) => sha === pull.sha).length, 1);
  assert.deepEqual(story.started(), [`${pull.sha} test`]);
});

test(
  'a pull request that is meant for another base is tested again, for that one',
  needs('git', 'linux'),
  async (t) => {
    const story = await openGitHubCrew(t, { project: ['branches: [main, stable]'] });
    const { people } = story;
    await people.commit('acme/demo', { branch: 'stable', files: { 'base.txt': 'stable\n' }, by: 'ada' });
    const house = await story.up();
    const pull = await story.openPull({
      files: {
        '.groundcrew/run': { script: '#!/bin/sh\necho "$TEST_REVISION on $BASE_BRANCH" >>"$GATE/started"\nls\n' },
      },
    });
    await story.untilStatus(pull.sha, 'test', 'success');
    const [first] = (await house.runs()).filter(({ sha }) => sha === pull.sha);
    assert.doesNotMatch(await house.log(first?.jobId ?? ''), /^base\.txt$/m);

    story.hold();
    await people.editPull('acme/demo', pull.number, { base: 'stable', by: 'ada' });
    const second = await until(
      async () => (await house.runs()).find(({ sha, jobId }) => sha === pull.sha && jobId !== first?.jobId),
      { within: 30_000, what: 'a run for the new base' },
    );
    await until(() => story.started().includes(`${pull.sha} on stable`), { within: 30_000 });
    await until(async () => (await house.log(second.jobId)).includes('base.txt'), { within: 30_000 });
    await until(() => story.statuses(pull.sha, 'test').at(-1)?.targetUrl?.includes(second.jobId), {
      within: 30_000,
      what: 'the status to show the run for the new base',
    });
    await story.untilStatus(pull.sha, 'test', 'success');
    // An edit of the title is an event of the same kind, and asks for nothing.
    await people.editPull('acme/demo', pull.number, { title: 'another name', by: 'ada' });
    await story.settled(house);
    assert.deepEqual(
      story.started().filter((line) => line.startsWith(pull.sha)),
      [`${pull.sha} on main`, `${pull.sha} on stable`],
    );
  },
);

test('A is pushed, then B, then A again: A is tested again', needs('git', 'linux'), async (t) => {
  const story = await openGitHubCrew(t);
  const house = await story.up();
  story.hold();
  const pull = await story.openPull();
  const a = pull.sha;
  await until(() => story.started().includes(`${a} test`), { within: 30_000, what: 'A to run' });
  const b = await story.push(pull, { 'topic.txt': 'B\n' });
  await story.untilStatus(a, 'test', 'error', new RegExp(`^Superseded by ${b.slice(0, 12)}$`));
  await until(() => story.started().includes(`${b} test`), { within: 30_000, what: 'B to run' });
  await story.people.push('acme/demo', { branch: pull.branch, sha: a, by: 'ada' });
  await story.untilStatus(b, 'test', 'error', new RegExp(`^Superseded by ${a.slice(0, 12)}$`));
  story.release();
  await story.untilStatus(a, 'test', 'success');
  const runs = (await house.runs()).filter(({ sha }) => sha === a);
  assert.equal(runs.length, 1, 'it is the same job, open again');
  assert.deepEqual(story.started(), [`${a} test`, `${b} test`, `${a} test`]);
  const links = story.statuses(a, 'test').map(({ targetUrl }) => /\?g=(\d+)/.exec(targetUrl ?? '')?.[1]);
  assert.equal(links.at(-1), '2', 'the status tells of its second generation');
});

test('removing the label no-test starts the tests', needs('git', 'linux'), async (t) => {
  const story = await openGitHubCrew(t);
  const house = await story.up();
  const pull = await story.openPull({ labels: ['no-test'] });
  await story.settled(house);
  const explained = await story.crew.cli('policy', 'explain', `acme/demo#${String(pull.number)}`);
  assert.match(explained.out, /^test +no .*the label no-test holds it back/m);
  assert.equal((await story.crew.cli('scan')).code, 0);
  assert.deepEqual(story.started(), []);
  assert.deepEqual(story.history(pull.sha), []);
  story.people.unlabel('acme/demo', pull.number, 'no-test', 'ada');
  await story.untilStatus(pull.sha, 'test', 'success');
  assert.deepEqual(story.started(), [`${pull.sha} test`]);
});
