import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, deploy, unit } from '../../test/support/decide-world.ts';
import { anOrder } from '../../test/support/ledger-world.ts';
import type { Plan } from '../core/snapshot.ts';
import { noSuchCheck } from './no-such-check.ts';

const storage = check(anOrder({ context: 'fedora-44/storage' }), true);
const plan: Plan = {
  kind: 'checks',
  checks: [check(unit), check(deploy), storage, check(anOrder({ context: 'arch' }))],
  leftOut: [{ context: 'unit@o/other', why: 'its tests live elsewhere' }],
};

for (const [patterns, said] of [
  [[], null],
  [['unit', 'fedora-44/storage'], null],
  [['fedora-*', '!unit'], null],
  [['unit', 'unti'], 'o/r#7 has no check unti; did you mean unit?'],
  [['fedora-44/storge'], 'o/r#7 has no check fedora-44/storge; did you mean fedora-44/storage?'],
  [['zzz'], 'o/r#7 has no check zzz; there is unit, deploy, fedora-44/storage and 1 more'],
  [['unit@o/other'], 'unit@o/other cannot run at o/r#7: its tests live elsewhere'],
] as const) {
  test(`${patterns.join(' ')}: ${said ?? 'all are there'}`, () => {
    assert.equal(noSuchCheck(plan, patterns, 'o/r#7'), said);
  });
}

test('where nothing is configured or nothing can run, that is what is said', () => {
  assert.equal(noSuchCheck({ kind: 'checks', checks: [] }, ['x'], 'o/r@old'), 'no check is configured for o/r@old');
  assert.equal(
    noSuchCheck({ kind: 'nothing', sentence: 'Nothing to run' }, ['x'], 'o/r@old'),
    'o/r@old: Nothing to run',
  );
});
