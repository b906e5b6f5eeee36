import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { writeIssued, type Issued } from './credentials-list.ts';
import { createPoolsOf } from './pools-of-workers.ts';

const one = (name: string, pools: readonly string[], revokedAt: number | null = null): Issued => ({
  ...{ name, kind: 'worker', pools: [...pools], hosts: [], serial: '1', issuedAt: 0, expiresAt: 1e15, revokedAt },
});

test('the pools of a worker are those of its newest certificate, as soon as it is made', async (t) => {
  const dir = await tempDir(t);
  const clock = createHandClock();
  const warned: string[] = [];
  const poolsOf = createPoolsOf({ dir, clock, logger: { warn: (message) => void warned.push(message) } });
  assert.equal(poolsOf('w'), null, 'no authority is here');
  writeIssued(dir, [one('w', ['default']), one('w', ['lab']), one('gone', ['lab'], 1)]);
  clock.pass(5_000);
  assert.deepEqual([poolsOf('w'), poolsOf('gone'), poolsOf('other')], [['lab'], null, null]);
  writeFileSync(join(dir, 'issued.json'), 'rubbish');
  clock.pass(5_000);
  assert.deepEqual(poolsOf('w'), ['lab']);
  assert.equal(warned.length, 1);
});
