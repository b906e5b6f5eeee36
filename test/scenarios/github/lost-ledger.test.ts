import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { jobIdOf } from '../../../src/core/job.ts';
import { formatRunPath } from '../../../src/core/run-link.ts';
import type { RunSummary } from '../../../src/ledger/ledger-reader.ts';
import { openGitHubCrew } from '../../support/github-crew.ts';
import { needs } from '../../support/needs.ts';
import { until } from '../../support/until.ts';

const scenarios = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => String(i + 1));
const quick = scenarios(4).map((n) => `quick/${n}`);
const unsaid = scenarios(2).map((n) => `unsaid/${n}`);
const slow = scenarios(20).map((n) => `slow/${n}`);

const all = [...quick, ...unsaid, ...slow];

test(
  'the ledger is deleted while 20 jobs run: nothing is contradicted, forgotten, or run again',
  needs('git', 'linux'),
  async (t) => {
    const checks = [
      `  - {image: [quick], scenario: ['${scenarios(4).join("', '")}']}`,
      `  - {image: [unsaid], scenario: ['1', '2']}`,
      `  - {image: [slow], scenario: ['${scenarios(20).join("', '")}']}`,
    ];
    const story = await openGitHubCrew(t, { slots: 26, project: ['checks:', ...checks] });
    const { people } = story;
    // The branch was judged by an earlier life of ours.
    const main = story.hub.world.repos.get('acme/demo')?.state.branches.get('main') ?? '';
    for (const context of all) {
      const subject = { forge: 'github', repo: 'acme/demo', sha: main, pull: null, branch: 'main', baseRef: 'main' };
      const jobId = jobIdOf({ subject, context, occasion: 'change', commandSubject: null, isTrusted: true });
      const link = formatRunPath({ jobId, generation: 1, changeJobId: jobId, isCanceled: false });
      const said = { state: 'success', description: 'Passed', targetUrl: `https://ci.example.org${link}` } as const;
      people.setStatus('acme/demo', main, { context, ...said, by: 'crew-bot' });
    }
    story.hold('slow');
    story.hold('unsaid');
    const first = await story.up();
    const pull = await story.openPull();
    await until(() => story.started().length === all.length, { within: 60_000, what: 'all jobs to begin' });
    for (const context of quick) await story.untilStatus(pull.sha, context, 'success');
    const before: ReadonlyMap<string, string> = new Map((await first.runs()).map((run) => [run.context, run.jobId]));
    assert.equal(before.size, all.length, 'nothing was run for the branch');

    // Two more end while GitHub takes nothing: only the store knows.
    const away = story.hub.faults.add({ does: 'answer', method: 'POST', path: /\/statuses\//, status: 502 });
    story.release('unsaid');
    const isSealed = async (context: string): Promise<boolean> =>
      typeof (await first.run(before.get(context) ?? '')).attempts[0]?.logSha256 === 'string';
    for (const context of unsaid) await until(() => isSealed(context), { within: 30_000, what: `${context} to end` });
    await first.program.end('SIGKILL');
    away.lift();
    story.loseLedger();
    const house = await story.up();
    const running = async (): Promise<number> => (await house.runs()).filter(({ state }) => state === 'running').length;
    await until(async () => (await running()) === 20, { within: 60_000, what: 'the 20 to be known again' });
    assert.deepEqual([...story.started()].sort(), [...new Set(story.started())].sort(), 'none was begun again');
    story.release('slow');
    for (const context of [...unsaid, ...slow]) await story.untilStatus(pull.sha, context, 'success');
    // Whatever is still to be said or found would come now.
    assert.equal((await story.crew.cli('scan')).code, 0);
    await story.settled(house);

    const runs = new Map<string, RunSummary>((await house.runs()).map((run) => [run.jobId, run]));
    for (const context of all) {
      const finals = story.statuses(pull.sha, context).filter(({ state }) => state !== 'pending');
      assert.equal(finals.length, 1, `${context}: ${story.history(pull.sha, context).join(' | ')}`);
      const jobId = before.get(context) ?? '';
      assert.ok(finals[0]?.targetUrl?.includes(jobId) === true, `${context} shows the run that there was`);
      // What GitHub showed as judged is not ours to know again; what ran is.
      if (!quick.includes(context)) assert.equal(runs.get(jobId)?.outcome?.kind, 'passed', context);
    }
    const twice = story.started().filter((line, i, all) => all.indexOf(line) !== i);
    assert.deepEqual(twice, [], `each ran once\n${house.program.err()}`);
    assert.deepEqual(
      story.people.statuses('acme/demo', main).map(({ state }) => state),
      Array.from({ length: all.length }, () => 'success'),
    );
    assert.equal((await story.counted(house)).missed, 0);
  },
);
