import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { slotTimes } from './slot-times.ts';

const at = (iso: string): number => Date.parse(iso);
const iso = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString());

/** Every slot of a span, walked as the scheduler walks. */
function slotsIn(cron: string, timezone: string, from: string, to: string): string[] {
  const times = slotTimes({ cron, timezone });
  const found: string[] = [];
  for (let next = times.nextAfter(at(from)); next !== null && next <= at(to); next = times.nextAfter(next))
    found.push(new Date(next).toISOString());
  return found;
}

test('a slot is at its time in its time zone, and belongs to the time before it only when it has come', () => {
  const times = slotTimes({ cron: '30 2 * * *', timezone: 'Europe/Berlin' });
  assert.equal(iso(times.nextAfter(at('2026-11-22T00:00:00Z'))), '2026-11-22T01:30:00.000Z');
  assert.equal(iso(times.lastUntil(at('2026-11-22T01:30:00Z'))), '2026-11-22T01:30:00.000Z');
  assert.equal(iso(times.lastUntil(at('2026-11-22T01:29:59.999Z'))), '2026-11-21T01:30:00.000Z');
  assert.equal(iso(times.nextAfter(at('2026-11-22T01:30:00Z'))), '2026-11-23T01:30:00.000Z');
});

test('an hour that is left out in spring runs once, after the gap', () => {
  assert.deepEqual(slotsIn('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z'), [
    '2026-03-29T01:00:00.000Z',
    '2026-03-30T00:30:00.000Z',
  ]);
});

test('an hour that comes twice in autumn runs once, in a list of hours, too', () => {
  for (const cron of ['30 2 * * *', '30 2,3 * * *']) {
    const found = slotsIn(cron, 'Europe/Berlin', '2026-10-24T12:00:00Z', '2026-10-25T12:00:00Z');
    assert.equal(found.filter((slot) => slot.endsWith('T00:30:00.000Z') || slot.endsWith('T01:30:00.000Z')).length, 1);
  }
});

test('every hour goes on through both changes of the clocks', () => {
  assert.equal(slotsIn('0 * * * *', 'Europe/Berlin', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z').length, 25);
  assert.equal(slotsIn('0 * * * *', 'Europe/Berlin', '2026-03-28T23:00:00Z', '2026-03-29T22:00:00Z').length, 23);
});

test('what never comes has no slot, and what is no expression is refused', () => {
  const never = slotTimes({ cron: '0 0 30 2 *', timezone: 'UTC' });
  assert.equal(never.nextAfter(at('2026-01-01T00:00:00Z')), null);
  assert.equal(never.lastUntil(at('2026-01-01T00:00:00Z')), null);
  assert.throws(() => slotTimes({ cron: 'now and then', timezone: 'UTC' }));
  assert.throws(() => slotTimes({ cron: '0 2 * * *', timezone: 'Nowhere/Town' }).nextAfter(0));
});

test('looking back from the next slot finds the last one: none is between', () => {
  const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata');
  const minutes = fc.integer({ min: 0, max: 59 });
  const hours = fc.oneof(fc.constant('*'), fc.integer({ min: 0, max: 23 }).map(String), fc.constant('2,14'));
  const when = fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2027-12-31T00:00:00Z') });
  fc.assert(
    fc.property(zones, minutes, hours, when, (timezone, minute, hour, now) => {
      const times = slotTimes({ cron: `${String(minute)} ${hour} * * *`, timezone });
      const next = times.nextAfter(now);
      assert.ok(next !== null && next > now);
      assert.equal(iso(times.lastUntil(next)), iso(next));
      const last = times.lastUntil(next - 1);
      assert.ok(last !== null && last <= now, `${iso(last) ?? ''} is between ${iso(now) ?? ''} and ${iso(next) ?? ''}`);
      assert.equal(iso(times.lastUntil(now)), iso(last));
    }),
    { numRuns: 200 },
  );
});
