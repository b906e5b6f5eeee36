import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { agePerPriorityMs, feedOrder, type FeedItem } from './feed-order.ts';

interface Named extends FeedItem {
  readonly name: string;
}

const now = 100 * agePerPriorityMs;
const item = (name: string, project: string, priority = 0, hoursOld = 0): Named => ({
  name,
  project,
  priority,
  queuedAt: now - hoursOld * agePerPriorityMs,
});
const order = (items: readonly Named[], underway: Readonly<Record<string, number>> = {}): string =>
  feedOrder(items, new Map(Object.entries(underway)), now)
    .map(({ name }) => name)
    .join(' ');

test('inside a project the more urgent goes first, then the older', () => {
  assert.equal(order([item('low', 'p'), item('high', 'p', 5), item('old', 'p', 0, 0.5)]), 'high old low');
});

test('an hour of waiting weighs as much as a step of priority, so nothing starves', () => {
  assert.equal(order([item('urgent', 'p', 3), item('patient', 'p', 0, 4)]), 'patient urgent');
  assert.equal(order([item('urgent', 'p', 3), item('patient', 'p', 0, 3)]), 'patient urgent', 'the older of equals');
});

test('projects take turns, whatever the length of their queues', () => {
  const many = Array.from({ length: 4 }, (_, at) => item(`a${at}`, 'a', 9, 4 - at));
  assert.equal(order([...many, item('b0', 'b')]), 'a0 b0 a1 a2 a3');
});

test('the project with the fewest jobs on their way goes first', () => {
  assert.equal(order([item('a0', 'a', 9), item('b0', 'b'), item('b1', 'b')], { a: 1 }), 'b0 a0 b1');
});

test('nothing is lost or doubled, the arguments stay as they were, and the clock does not matter', () => {
  const wish = fc.record({
    project: fc.constantFrom('a', 'b', 'c'),
    priority: fc.integer({ min: 0, max: 9 }),
    queuedAt: fc.integer({ min: 0, max: now }),
  });
  fc.assert(
    fc.property(fc.array(wish), fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.nat(5)), (items, loads) => {
      const [before, underway] = [structuredClone(items), new Map(Object.entries(loads))];
      const ordered = feedOrder(items, underway, now);
      assert.deepEqual(new Set(ordered), new Set(items));
      assert.equal(ordered.length, items.length);
      assert.deepEqual(structuredClone(items), before);
      assert.deepEqual(ordered, feedOrder(items, underway, 0));
      const taken = new Map(underway);
      for (const { project } of ordered) {
        const load = taken.get(project) ?? 0;
        const rest = ordered.slice([...taken.values()].reduce((sum, n) => sum + n, 0) - sumOf(underway));
        for (const other of rest) assert.ok(load <= (taken.get(other.project) ?? 0), 'never past one with less');
        taken.set(project, load + 1);
      }
    }),
  );
});

function sumOf(numbers: ReadonlyMap<string, number>): number {
  return [...numbers.values()].reduce((sum, n) => sum + n, 0);
}
