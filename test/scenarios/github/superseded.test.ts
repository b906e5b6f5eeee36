import { test } from 'node:test';
import { pushAgainAndAgain } from '../../support/push-again.ts';
import { needs } from '../../support/needs.ts';

test('a push twice a second, twenty times: only the last is judged', needs('git', 'linux'), async (t) => {
  await pushAgainAndAgain(t, { pushes: 20, everyMs: 500 });
});
