import { strict as assert } from 'node:assert';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { systemRandom } from '../../../src/base/random.ts';
import { jobIdOf } from '../../../src/core/job.ts';
import { formatRunPath } from '../../../src/core/run-link.ts';
import { bucketConfig, bucketKeys } from '../../support/bucket-config.ts';
import type { Program } from '../../support/crew.ts';
import { openFakeS3 } from '../../support/fake-s3.ts';
import { openGitHubCrew, type GitHubCrew } from '../../support/github-crew.ts';
import { needs } from '../../support/needs.ts';
import { openRabbitBroker } from '../../support/rabbit-broker.ts';
import { until } from '../../support/until.ts';

// Eight slots: what is held fills them, and what comes later waits.
const held = ['unsaid', 'gone', 'slow/1', 'slow/2', 'slow/3', 'slow/4'];
const later = ['later/1', 'later/2'];
const ran = ['quick', ...held, ...later];
const contexts = ['docs', ...ran];

interface World {
  readonly story: GitHubCrew;
  readonly worker: (name: string) => Program;
}

async function openWorld(t: TestContext): Promise<World> {
  const broker = await openRabbitBroker();
  t.after(() => broker.close());
  const bucket = await openFakeS3(t);
  const vhost = await broker.addVhost();
  const queueOf = async (user: string): Promise<readonly string[]> => [
    `queue:`,
    `  kind: amqp`,
    `  url: amqp://127.0.0.1:${String(broker.port)}/${vhost}`,
    `  user: ${user}`,
    `  password: {env: PASSWORD_${user.replaceAll('-', '_')}}`,
  ];
  const passwords: Record<string, string> = {};
  for (const user of ['server', 'w1', 'w2']) passwords[`PASSWORD_${user}`] = await broker.addUser(vhost, user);
  const story = await openGitHubCrew(t, {
    settings: [
      ...(await queueOf('server')),
      `  management: {url: '${broker.managementUrl}', user: ${broker.username}, password: {env: MANAGEMENT}}`,
      bucketConfig(bucket).trimEnd(),
      `dispatch: {signingKeys: [{env: SIGNING}]}`,
    ],
    project: [
      'checks:',
      `  - {image: [quick, unsaid, gone]}`,
      // No worker has it, so it is skipped before it runs.
      `  - {image: [docs], needs: [printer]}`,
      `  - {image: [slow], scenario: ['1', '2', '3', '4']}`,
      `  - {image: [later], scenario: ['1', '2']}`,
    ],
  });
  Object.assign(story.crew.env, passwords, {
    MANAGEMENT: broker.password,
    ...bucketKeys(bucket),
    SIGNING: systemRandom.hex(32),
  });
  const queues = new Map<string, readonly string[]>();
  for (const name of ['w1', 'w2']) queues.set(name, await queueOf(name));
  return {
    story,
    worker(name) {
      const file = join(story.crew.root, `${name}.yaml`);
      writeFileSync(
        file,
        [...(queues.get(name) ?? []), 'worker: {executor: process, slots: 4, grace: 5s}', ''].join('\n'),
      );
      return story.crew.start(['worker', '--config', file, '--state-dir', join(story.crew.root, `state-${name}`)]);
    },
  };
}

test(
  'an empty machine, the configuration and the secrets: all that GitHub, broker and store know goes on, and nothing runs twice',
  needs('git', 'linux', 'rabbitmq'),
  async (t) => {
    const { story, worker } = await openWorld(t);
    const { people, crew } = story;
    const main = story.hub.world.repos.get('acme/demo')?.state.branches.get('main') ?? '';
    for (const context of contexts) {
      const subject = { forge: 'github', repo: 'acme/demo', sha: main, pull: null, branch: 'main', baseRef: 'main' };
      const jobId = jobIdOf({ subject, context, occasion: 'change', commandSubject: null, isTrusted: true });
      const link = formatRunPath({ jobId, generation: 1, changeJobId: jobId, isCanceled: false });
      const said = { state: 'success', description: 'Passed', targetUrl: `https://ci.example.org${link}` } as const;
      people.setStatus('acme/demo', main, { context, ...said, by: 'crew-bot' });
    }
    for (const what of ['unsaid', 'gone', 'slow', 'later']) story.hold(what);
    const first = await story.server();
    const workers = [worker('w1'), worker('w2')];
    const explain = (error: unknown): never => {
      throw new Error(`${String(error)}\n${workers.map((one) => one.err()).join('\n')}`, { cause: error });
    };
    const pull = await story.openPull();
    await story.untilStatus(pull.sha, 'quick', 'success').catch(explain);
    await story.say(pull, '/skip docs nothing of it is read');
    await story.untilStatus(pull.sha, 'docs', 'success');
    await until(() => story.started().length >= 9, { within: 60_000, what: 'eight to run' }).catch(explain);
    const strange = await story.openPull({ isStrangers: true });
    await story.untilStatus(strange.sha, 'groundcrew', 'pending', /ok-to-test/);
    await story.say(strange, `/ok-to-test ${strange.sha}`);
    await story.untilStatus(strange.sha, 'quick', 'pending');
    await story.settled(first);
    const ids = new Map(
      (await first.runs()).filter(({ sha }) => sha === pull.sha).map((run) => [run.context, run.jobId]),
    );
    const running = story.started().map((line) => line.split(' ').slice(1).join(' '));
    assert.deepEqual([...running].sort(), [...ran].sort(), 'the stranger’s wait');

    // One ends while GitHub takes nothing, so only the store knows; one ends while there is no server, so only the broker knows.
    const away = story.hub.faults.add({ does: 'answer', method: 'POST', path: /\/statuses\//, status: 502 });
    story.release('unsaid');
    await until(async () => typeof (await first.run(ids.get('unsaid') ?? '')).attempts[0]?.logSha256 === 'string', {
      within: 30_000,
      what: 'unsaid to end',
    }).catch(explain);
    await first.program.end('SIGKILL');
    away.lift();
    story.release('gone');

    // The machine is gone, with all that was on it but the configuration and the secrets.
    rmSync(crew.stateDir, { recursive: true });
    mkdirSync(crew.stateDir, { mode: 0o700 });
    const begun = Date.now();
    const house = await story.server();
    t.diagnostic(`running again after ${String(Date.now() - begun)} ms`);
    const known = async (): Promise<number> => (await house.runs()).filter(({ state }) => state === 'running').length;
    const stillHeld = running.filter((name) => name.startsWith('slow') || name.startsWith('later')).length;
    await until(async () => (await known()) >= stillHeld, {
      within: 60_000,
      what: 'what runs to be known again',
    }).catch(explain);
    for (const what of ['unsaid', 'slow', 'later']) story.release(what);
    for (const { sha } of [pull, strange])
      for (const context of ran) await story.untilStatus(sha, context, 'success').catch(explain);
    assert.equal((await crew.cli('scan')).code, 0);
    await story.settled(house);

    const twice = story.started().filter((line, i, all) => all.indexOf(line) !== i);
    assert.deepEqual(twice, [], `each ran once\n${house.program.err()}`);
    assert.ok(!story.started().includes(`${pull.sha} docs`), 'the skip is remembered');
    assert.deepEqual(await house.held(), [], 'the approval is remembered');
    for (const { sha } of [pull, strange])
      for (const context of sha === pull.sha ? contexts : ran) {
        const finals = story.statuses(sha, context).filter(({ state }) => state !== 'pending');
        assert.equal(finals.length, 1, `${context}: ${story.history(sha, context).join(' | ')}`);
      }
    for (const context of running) {
      const final = story.statuses(pull.sha, context).at(-1);
      assert.ok(
        final?.targetUrl?.includes(ids.get(context) ?? '?') === true,
        `${context} shows the run that there was`,
      );
    }
    for (const context of ['slow/1', 'unsaid', 'gone'])
      assert.match(await house.log(ids.get(context) ?? ''), new RegExp(`^began ${context}$`, 'm'), context);
    assert.equal(
      story.people.statuses('acme/demo', main).filter(({ creator }) => creator === 'crew-bot').length,
      contexts.length,
      'a judged branch is left alone',
    );
  },
);
