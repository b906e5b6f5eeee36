import { strict as assert } from 'node:assert';
import { setTimeout as pause } from 'node:timers/promises';
import { openGitHubCrew, type Opened } from './github-crew.ts';
import type { CleansUp } from './temp-dir.ts';
import { until } from './until.ts';

/** A story: somebody pushes to a pull request again and again, while each test would take a minute. */
export async function pushAgainAndAgain(
  context: CleansUp,
  { pushes, everyMs }: { readonly pushes: number; readonly everyMs: number },
): Promise<void> {
  const story = await openGitHubCrew(context, { slots: 2 });
  const house = await story.up();
  story.hold();
  const pull: Opened = await story.openPull();
  const shas = [pull.sha];
  while (shas.length < pushes) {
    // This is the story's beat, not a wait for anything.
    await pause(everyMs);
    shas.push(await story.push(pull, { 'topic.txt': `${String(shas.length)}\n` }));
  }
  const [last = ''] = shas.slice(-1);
  await until(() => story.started().includes(`${last} test`), { within: 30_000, what: 'the last push to run' });
  story.release();
  await story.untilStatus(last, 'test', 'success');

  const runs = await house.runs();
  const seen = shas.slice(0, -1).flatMap((sha) => runs.find((run) => run.sha === sha) ?? []);
  assert.ok(seen.length >= pushes / 2, `only ${String(seen.length)} of ${String(pushes)} were seen in time`);
  for (const run of seen) {
    const { summary, attempts } = await house.run(run.jobId);
    const { outcome, sha, endedAt } = summary;
    assert.equal(outcome?.kind === 'canceled' && outcome.reason, 'superseded', sha);
    const by = outcome?.kind === 'canceled' ? outcome.by : '';
    assert.ok(shas.indexOf(by) > shas.indexOf(sha), 'by a later push');
    const next = runs.find((one) => one.sha === by);
    assert.ok(next !== undefined);
    const tookMs = (endedAt ?? Infinity) - next.queuedAt;
    assert.ok(tookMs < 2_500, `${sha} ended ${String(tookMs)} ms after the push was seen`);
    if (!story.started().includes(`${sha} test`)) continue;
    const page = await (await house.get(`/runs/${run.jobId}`)).text();
    assert.match(page, /Superseded by/);
    assert.match(page, /kept\.txt/);
    assert.match(await house.log(run.jobId), /^got TERM$/m);
    assert.ok(attempts.length >= 1);
  }
  // What was superseded is told when there is room: nobody waits for it.
  await until(
    () =>
      shas.slice(0, -1).every((sha) => {
        const shown = story.statuses(sha, 'test').at(-1);
        return shown === undefined || /^Superseded by [0-9a-f]{12}$/.test(shown.description ?? '');
      }),
    { within: 90_000, what: 'every earlier commit that shows anything to show that it is superseded' },
  );
  for (const sha of shas.slice(0, -1)) {
    assert.ok(
      story.statuses(sha).every(({ state }) => state === 'pending' || state === 'error'),
      'nothing but the last is judged',
    );
    assert.ok(story.statuses(sha, 'test').length <= 3);
  }
}
