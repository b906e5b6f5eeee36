import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { HeldChange, RunSummary } from '../ledger/ledger-reader.ts';
import { aChange, anOrder } from '../../test/support/ledger-world.ts';
import { until } from '../../test/support/until.ts';
import { createTerminal } from './output/terminal.ts';
import { tellRuns } from './tell-runs.ts';

const order = anOrder();
const run = (given: Partial<RunSummary> = {}): RunSummary => ({
  jobId: order.id,
  generation: 1,
  state: 'running',
  phase: 'running',
  outcome: null,
  attempts: 1,
  forge: 'git',
  repo: 'demo',
  sha: order.subject.sha,
  pull: null,
  branch: 'main',
  title: 'Make it work',
  policyVersion: null,
  context: 'test',
  occasion: 'change',
  queuedAt: 1,
  startedAt: 1_000,
  endedAt: null,
  notBefore: 0,
  pool: 'default',
  needs: [],
  priority: 5,
  worker: 'w1',
  obstacle: null,
  ...given,
});

test('a person is told what starts, how it ends and what waits for them: a line each, nothing twice', async (t) => {
  let runs: readonly RunSummary[] = [];
  let held: readonly HeldChange[] = [];
  let changed: () => void = () => undefined;
  const stream = new PassThrough();
  let text = '';
  stream.setEncoding('utf8').on('data', (more: string) => (text += more));
  const life = new AbortController();
  t.after(() => {
    life.abort();
  });
  const before = run({ jobId: anOrder({ context: 'old' }).id, state: 'ended', outcome: { kind: 'passed' } });
  const lines = async (count: number): Promise<readonly string[]> =>
    await until(() => {
      const found = text.split('\n').slice(0, -1);
      return found.length >= count ? found : null;
    });
  runs = [before];
  await tellRuns(
    {
      reader: {
        listRuns: async ({ state }) => ({ runs: runs.filter((one) => one.state === state), next: null }),
        held: async () => held,
      },
      address: 'http://127.0.0.1:1',
      onChange: (listener) => {
        changed = listener;
      },
    },
    createTerminal(stream, { LANG: 'C.UTF-8' }),
    life.signal,
  );
  runs = [run(), before];
  changed();
  await lines(1);
  changed();
  runs = [run({ state: 'ended', endedAt: 4_000, outcome: { kind: 'failed', exitCode: 3, reason: 'exit' } }), before];
  changed();
  await lines(2);
  held = [
    {
      change: aChange(anOrder({ pull: 7 })),
      sentence: 'Waiting for approval\u001b[2J',
      kind: 'needs-approval',
      since: 1,
    },
  ];
  changed();
  const told = await lines(3);
  assert.equal(told.length, 3, text);
  const link = `http://127.0.0.1:1/runs/${order.id.slice(0, 8)}`;
  assert.ok(told[0]?.startsWith('● demo main aaaaaaa  test  runs'), told[0]);
  assert.ok(told[0]?.endsWith(link), told[0]);
  assert.equal(told[1], `✘ demo main aaaaaaa  test  Tests failed (exit status 3) in 3s  ${link}`);
  assert.match(told[2] ?? '', /^○ demo #7 {2}Waiting for approval\ufffd\[2J: groundcrew approve 'demo#7'$/);
});
