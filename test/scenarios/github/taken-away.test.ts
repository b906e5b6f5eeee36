import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openGitHubCrew } from '../../support/github-crew.ts';
import { needs } from '../../support/needs.ts';
import { until } from '../../support/until.ts';

test(
  'trust is taken away while a job runs: it ends, and the change waits for approval again',
  needs('git', 'linux'),
  async (t) => {
    const story = await openGitHubCrew(t);
    const first = await story.up();
    story.hold();
    const pull = await story.openPull();
    await until(() => story.started().length === 1, { within: 60_000, what: 'the job to begin' });
    await first.program.end('SIGKILL');
    story.people.setCollaborator('acme/demo', 'ada', 'pull');
    // What was known of people would count for ten minutes more.
    for (const name of readdirSync(story.crew.root, { recursive: true, encoding: 'utf8' })) {
      if (name.includes('-github.sqlite')) rmSync(join(story.crew.root, name));
    }
    const house = await story.up();
    await story.untilStatus(pull.sha, 'test', 'error', /^Canceled: its author is not trusted any more/);
    await story.untilStatus(pull.sha, 'groundcrew', 'pending', /\/ok-to-test/);
    const [ended] = (await house.runs()).filter(({ sha }) => sha === pull.sha);
    assert.deepEqual(ended?.outcome, { kind: 'canceled', reason: 'untrusted', by: 'ada' });
    const shown = await story.crew.cli('status', `acme/demo#${String(pull.number)}`);
    assert.match(shown.out, /^groundcrew +\S needs approval +pending /m);
    assert.match(shown.out, /^test +\S canceled +[0-9a-f]{8} +error /m);
    story.release();
    assert.equal((await story.crew.cli('scan')).code, 0);
    await story.settled(house);
    assert.equal(story.started().length, 1, 'a scan starts nothing');

    assert.equal((await story.crew.cli('approve', `acme/demo#${String(pull.number)}`)).code, 0);
    await story.untilStatus(pull.sha, 'test', 'success');
    assert.equal(story.started().length, 2);
  },
);

test(
  'a check is taken out of the configuration while it waits, and put back; a broken edit blinds nobody',
  needs('git', 'linux'),
  async (t) => {
    const story = await openGitHubCrew(t, {
      slots: 1,
      project: ['checks: [{context: one}, {context: two}]', 'branches: [main]'],
    });
    const file = (): string => story.crew.env['GROUNDCREW_CONFIG'] ?? '';
    const house = await story.up();
    const main = story.hub.world.repos.get('acme/demo')?.state.branches.get('main') ?? '';
    for (const context of ['one', 'two']) await story.untilStatus(main, context, 'success');
    story.hold();
    const pull = await story.openPull();
    await until(() => story.started().length === 1, { within: 60_000, what: 'one of them to begin' });
    const place = `acme/demo#${String(pull.number)}`;
    const asked = await story.crew.cli('trigger', place, 'tow');
    assert.equal(asked.code, 2);
    assert.match(asked.err, /acme\/demo#1 has no check tow; did you mean two\?$/m);

    // What was never said to wait would end without a word.
    await story.untilStatus(pull.sha, 'two', 'pending');
    const good = readFileSync(file(), 'utf8');
    story.crew.configure(good.replace(', {context: two}]', ']'));
    await story.untilStatus(pull.sha, 'two', 'error', /^Canceled: the configuration has no such check any more$/);
    story.crew.configure(good.replace('checks:', 'chekcs:'));
    const runs = await story.crew.cli('runs');
    assert.equal(runs.code, 0, runs.err);
    assert.match(runs.out, /canceled/);
    assert.match(runs.err, /chekcs: unknown key.*; going on without that$/m);
    story.crew.configure(good);
    story.release();
    for (const context of ['one', 'two']) await story.untilStatus(pull.sha, context, 'success');
    const made = (await house.runs()).filter(({ sha }) => sha === pull.sha);
    assert.deepEqual(made.map(({ context, generation }) => `${context} ${String(generation)}`).sort(), [
      'one 1',
      'two 2',
    ]);
    const { version } = (await (await house.get('/api/policy')).json()) as { readonly version: string };
    assert.equal(made.find(({ context }) => context === 'two')?.policyVersion, version);
  },
);
