import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCliWith } from '../../../test/support/cli-run.ts';
import { createFakeWorld } from '../../../test/support/fake-web-deps.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import type { Approval } from '../../ledger/ledger-reader.ts';

const approval: Approval = {
  changeKey: 'hub|team/project|pull/7',
  forge: 'hub',
  repo: 'team/project',
  sha: '7'.repeat(40),
  by: 'ada\u001b[2J',
  at: Date.UTC(2026, 10, 22, 12),
  requestId: 'comment/1',
  standing: 'outdated',
};

test('approvals lists who let which commit in, and no name steers the terminal', async (context) => {
  const asked: (readonly [string | null, number])[] = [];
  const { reader: quiet } = createFakeWorld().deps;
  const reader = {
    ...quiet,
    approvals: async (repo: string | null, limit: number) => {
      asked.push([repo, limit]);
      return repo === 'team/other' ? [] : [approval];
    },
  };
  const dir = await tempDir(context);
  const run = (...args: readonly string[]) =>
    runCliWith(['approvals', ...args], {
      cwd: dir,
      env: { GROUNDCREW_STATE_DIR: dir },
      wiring: { openReader: async () => reader },
    });
  const table = await run();
  assert.equal(table.code, 0, table.err);
  assert.match(table.out, /^WHEN +CHANGE +COMMIT +BY +VIA +STANDING$/m);
  assert.match(
    table.out,
    /^2026-11-22T12:00:00Z +team\/project#7 +777777777777 +ada\ufffd\[2J +forge +outdated by a push$/m,
  );
  const [listed] = JSON.parse((await run('team/project', '--limit', '3', '--json')).out) as readonly unknown[];
  assert.deepEqual(listed, { ...approval, at: '2026-11-22T12:00:00.000Z' });
  assert.match((await run('team/other')).err, /nothing was approved yet/);
  assert.deepEqual(asked, [
    [null, 50],
    ['team/project', 3],
    ['team/other', 50],
  ]);
});
