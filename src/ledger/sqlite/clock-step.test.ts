import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../base/sqlite.ts';
import { isDue, longestPauseMs } from './clock-step.ts';

test('what waits longer than any pause of ours is due: the clock was set back', async () => {
  await using database = openDatabase({ path: ':memory:' });
  const now = 1_000_000_000;
  const due = (at: number): boolean =>
    database.read((sql) => sql.get<{ due: number }>(`SELECT ${isDue('?2', 1)} AS due`, now, at))?.due === 1;
  assert.equal(due(now), true);
  assert.equal(due(now + 1), false);
  assert.equal(due(now + longestPauseMs), false);
  assert.equal(due(now + longestPauseMs + 1), true);
  assert.equal(due(now + 86_400_000), true);
});
