import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createWriteBudget, writeLimits } from './write-budget.ts';

/** Writes as soon as allowed, wanted at these moments; when each went. */
function sent(wantedAt: readonly number[]): number[] {
  const budget = createWriteBudget();
  let now = 0;
  return wantedAt.map((wanted) => {
    now = Math.max(now, wanted, budget.readyAt(now));
    budget.take(now);
    return now;
  });
}

test('57 statuses of one push: the first at once, the last within 65 s', () => {
  const times = sent(Array.from({ length: 57 }, () => 1_000_000));
  assert.equal(times[0], 1_000_000);
  assert.ok((times.at(-1) ?? 0) - 1_000_000 <= 56_000);
});

test('whatever is wanted, no window holds more than GitHub takes', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20_000), { maxLength: 900, minLength: 100 }), (gaps) => {
      let at = 0;
      const times = sent(gaps.map((gap) => (at += gap % 3 === 0 ? gap : 0)));
      for (let i = 0; i < times.length; i += 1) {
        const began = times[i] ?? 0;
        const within = (ms: number): number => times.slice(i).filter((time) => time < began + ms).length;
        assert.ok(within(60_000) <= writeLimits.perMinute);
        assert.ok(within(3_600_000) <= writeLimits.perHour);
        // A burst is the only exception from one a second.
        assert.ok(within(1000) <= writeLimits.burst);
      }
    }),
    { numRuns: 30 },
  );
});

test('writes of an earlier life count', () => {
  const hour = Array.from({ length: 500 }, (_, i) => i * 7000);
  const budget = createWriteBudget(hour);
  assert.equal(budget.leftThisHour(3_500_000), 0);
  assert.equal(budget.readyAt(3_500_000), 3_600_000);
  assert.equal(budget.leftThisHour(3_500_000 + 3_600_000), 500);
});
