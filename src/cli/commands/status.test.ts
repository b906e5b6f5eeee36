import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readingWiring, runCliWith, type CliEnd } from '../../../test/support/cli-run.ts';
import { addFakeHeld, addFakeRun, createFakeWorld, type FakeWorld } from '../../../test/support/fake-web-deps.ts';
import type { VerdictState } from '../../core/verdict.ts';
import type { ShadowRow, ShownContext } from '../../ledger/ledger-reader.ts';

const at = { forge: 'git', repo: 'o/r', pull: 7, branch: null };
const status = (world: FakeWorld, ...words: string[]): Promise<CliEnd> =>
  runCliWith(['status', ...words], { wiring: readingWiring(world) });

/** Lets an ended or waiting run of the fake world go on. */
function end(world: FakeWorld, context: string, outcome: 'passed' | 'broken'): void {
  const index = world.runs.findIndex(({ summary }) => summary.context === context);
  const run = world.runs[index];
  assert.ok(run !== undefined);
  world.runs[index] = {
    ...run,
    summary: {
      ...run.summary,
      state: 'ended',
      outcome:
        outcome === 'passed' ? { kind: 'passed' } : { kind: 'broken', cause: 'lost', phase: 'running', detail: '' },
    },
  };
}

test('status shows the contexts of a place at its newest commit, each with its sentence', async () => {
  const world = createFakeWorld();
  const sha = 'a'.repeat(40);
  addFakeRun(world, { ...at, sha: 'b'.repeat(40), context: 'x/old', queuedAt: 1 });
  addFakeRun(world, { ...at, sha, context: 'x/b', outcome: { kind: 'failed', exitCode: 1, reason: 'exit' } });
  addFakeRun(world, { ...at, sha, context: 'x/a' });
  addFakeRun(world, { ...at, sha, context: 'x/c', state: 'waiting' });
  addFakeRun(world, { ...at, pull: 8, context: 'x/other' });
  const { code, out } = await status(world, 'o/r#7');
  assert.equal(code, 0);
  const lines = out.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^o\/r#7 at aaaaaaaaaaaa {2}Make it work$/);
  assert.deepEqual(
    lines.slice(2).map((line) => line.split(/ {2,}/).filter((_, index) => index !== 2)),
    [
      ['x/a', '✔ passed', 'passed'],
      ['x/b', '✘ failed', 'the command failed with exit status 1'],
      ['x/c', '○ waiting', 'next in line: all 4 slots of pool default are taken'],
    ],
  );
  const told = JSON.parse((await status(world, 'o/r', '#7', '--json')).out) as {
    sha: string;
    contexts: { context: string; sentence: string }[];
  };
  assert.equal(told.sha, sha);
  assert.deepEqual(
    told.contexts.map(({ context }) => context),
    ['x/a', 'x/b', 'x/c'],
  );
});

test('status shows what is skipped, not needed or held, and what the forge shows of each', async (t) => {
  const world = createFakeWorld();
  const sha = 'a'.repeat(40);
  const hub = { ...at, forge: 'gh' };
  const change = { key: 'gh|o/r|pull/7', forge: 'gh', repo: 'o/r', pull: 7, headSha: sha, title: 'Make it work' };
  addFakeRun(world, { ...hub, sha, context: 'x/a', outcome: { kind: 'failed', exitCode: 1, reason: 'exit' } });
  const jobId = addFakeRun(world, { ...hub, sha, context: 'x/b' });
  addFakeRun(world, { ...hub, sha: 'b'.repeat(40), context: 'x/old' });
  addFakeHeld(world, change, 'Waiting for approval of this commit');
  const said = (state: VerdictState, sentence: string) => ({ state, sentence, path: '/' });
  const skipped = (sentence: string, isByPolicy: boolean) => ({ kind: 'skipped', sentence, isByPolicy }) as const;
  const line = (context: string, given: Partial<ShownContext>): ShownContext => ({
    ...{ context, jobId: null, notice: null, said: null, isCurrent: true, refused: null },
    ...given,
  });
  const shown: readonly ShownContext[] = [
    line('gone', {}),
    line('groundcrew', { notice: { kind: 'needs-approval', sentence: 'Waiting for approval of this commit' } }),
    line('x/a', { notice: skipped('Skipped by ada: flaky', false), said: said('failure', 'Failed'), isCurrent: false }),
    line('x/b', { jobId, said: said('success', 'Passed') }),
    line('x/c', { notice: skipped('Not needed: changes only docs/', true), refused: 'no right' }),
  ];
  const asked: unknown[] = [];
  const reader = {
    ...world.deps.reader,
    shownAt: async (commit: unknown) => {
      asked.push(commit);
      return shown;
    },
  };
  const wiring = readingWiring({ ...world, deps: { ...world.deps, reader } });
  const dir = mkdtempSync(join(tmpdir(), 'groundcrew-status-'));
  t.after(() => {
    rmSync(dir, { recursive: true });
  });
  const config = join(dir, 'groundcrew.yaml');
  writeFileSync(config, 'forges: {gh: {kind: github, token: {env: T}}}\nprojects: [{name: o/r, forge: gh}]\n');
  const { out, err } = await runCliWith(['status', 'o/r#7', '--config', config], { wiring });
  assert.deepEqual(asked, [{ forge: 'gh', repo: 'o/r', sha }], err);
  assert.deepEqual(
    out
      .trimEnd()
      .split('\n')
      .slice(3)
      .map((text) => text.split(/ {2,}/)),
    [
      ['groundcrew', '○ needs approval', 'nothing', 'Waiting for approval of this commit'],
      ['x/a', '⊘ skipped', 'failure (behind)', 'Skipped by ada: flaky'],
      ['x/b', '✔ passed', jobId.slice(0, 8), 'success', 'passed'],
      ['x/c', '⊘ not needed', 'nothing (refused)', 'Not needed: changes only docs/'],
    ],
  );
  const told = JSON.parse((await runCliWith(['status', 'o/r#7', '--json', '--config', config], { wiring })).out) as {
    readonly contexts: readonly { readonly context: string; readonly shown: unknown }[];
  };
  assert.deepEqual(told.contexts.find(({ context }) => context === 'x/a')?.shown, {
    ...{ state: 'failure', sentence: 'Failed', isCurrent: false, refused: null },
  });
});

test('status --wait ends with the last verdict, and its exit status is the worst of them', async () => {
  const world = createFakeWorld();
  const sha = 'a'.repeat(40);
  addFakeRun(world, { ...at, sha, context: 'x/a', state: 'waiting' });
  addFakeRun(world, { ...at, sha, context: 'x/b', state: 'running' });
  const waiting = status(world, 'o/r#7', '--wait');
  end(world, 'x/a', 'passed');
  end(world, 'x/b', 'passed');
  assert.equal((await waiting).code, 0);

  addFakeRun(world, { ...at, sha, context: 'x/c', outcome: { kind: 'failed', exitCode: 1, reason: 'exit' } });
  assert.equal((await status(world, 'o/r#7', '--wait')).code, 1);
  end(world, 'x/a', 'broken');
  assert.equal((await status(world, 'o/r#7', '--wait')).code, 3);
});

test('a change that waits for an approval says so, and --wait goes on until it is interrupted', async () => {
  const world = createFakeWorld();
  addFakeHeld(world, { key: 'git|o/r|pull/7', forge: 'git', repo: 'o/r', pull: 7 }, 'Waits for approval');
  const { out, err } = await status(world, 'o/r#7');
  assert.match(out, /\nWaits for approval\n$/);
  assert.equal(err, 'groundcrew approve o/r#7 lets it be tested\n');
  const stop = new AbortController();
  const waiting = runCliWith(['status', 'o/r#7', '--wait'], { wiring: readingWiring(world), signal: stop.signal });
  stop.abort();
  assert.equal((await waiting).code, 130);
});

test('status --wait says that no server runs instead of waiting for ever', async () => {
  const world = createFakeWorld();
  addFakeRun(world, { ...at, sha: 'a'.repeat(40), context: 'x/a', state: 'waiting' });
  const { code, err } = await status(world, 'o/r#7', '--wait');
  assert.equal(code, 3);
  assert.match(err, /no server runs on .*; start one: groundcrew up/);
});

test('a place of which nothing is known is an error, not an empty table', async () => {
  const { code, err } = await status(createFakeWorld(), 'o/r#99');
  assert.equal(code, 2);
  assert.match(err, /o\/r#99: nothing is known of it/);
});

test('deliveries tells day by day what came and what was missed', async () => {
  const world = createFakeWorld();
  const day = { day: '2026-11-22', forge: 'github', received: 12, bySweep: 1, byScan: 2, missed: 0 };
  const deps = { ...world.deps, reader: { ...world.deps.reader, deliveryDays: async () => [day] } };
  const wiring = readingWiring({ ...world, deps });
  const { code, out } = await runCliWith(['deliveries'], { wiring });
  assert.equal(code, 0);
  assert.match(out, /^2026-11-22 +github +12 +1 +2 +0$/m);
  assert.deepEqual(JSON.parse((await runCliWith(['deliveries', '--json'], { wiring })).out), [day]);
  assert.match((await runCliWith(['deliveries'], { wiring: readingWiring(world) })).err, /nothing was delivered yet/);
});

test('shadow report compares with the other CI, and says so when none was seen', async () => {
  const world = createFakeWorld();
  const rows: ShadowRow[] = [
    {
      forge: 'github',
      repo: 'o/r',
      sha: 'a'.repeat(40),
      context: 'fedora-44',
      ours: { outcome: { kind: 'passed' }, queuedAt: 0, endedAt: 60_000 },
      theirs: { state: 'failure', creator: 'other-bot', pendingAt: 0, finalAt: 120_000 },
    },
  ];
  const asked: number[] = [];
  const shadowRows = async (since: number): Promise<readonly ShadowRow[]> => {
    asked.push(since);
    return rows;
  };
  const wiring = readingWiring({ ...world, deps: { ...world.deps, reader: { ...world.deps.reader, shadowRows } } });
  const { code, out } = await runCliWith(['shadow', 'report', '--since', '7d'], { wiring });
  assert.equal(code, 0);
  assert.match(out, /^0 of 1 verdicts are the same/);
  assert.match(out, /1 we green, they red/);
  assert.ok(Math.abs((asked[0] ?? 0) - (Date.now() - 7 * 86_400_000)) < 60_000);
  const told = JSON.parse((await runCliWith(['shadow', 'report', '--json'], { wiring })).out) as { compared: number };
  assert.equal(told.compared, 1);
  assert.match((await runCliWith(['shadow', 'report'], { wiring: readingWiring(world) })).out, /No other CI was seen/);
  assert.equal((await runCliWith(['shadow', 'report', '--since', 'x'], { wiring })).code, 2);
});
