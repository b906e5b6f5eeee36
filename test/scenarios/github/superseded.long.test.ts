import { test } from 'node:test';
import { pushAgainAndAgain } from '../../support/push-again.ts';
import { needs } from '../../support/needs.ts';

test('a push every second for a minute: only the last is judged', needs('git', 'linux'), async (t) => {
  await pushAgainAndAgain(t, { pushes: 60, everyMs: 1_000 });
});
