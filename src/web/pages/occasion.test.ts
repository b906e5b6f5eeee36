import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askedBy } from './occasion.ts';

for (const [occasion, words] of [
  ['change', 'the change itself'],
  ['schedule:nightly@2026-11-22T02:00:00.000Z', 'the schedule nightly, for 2026-11-22T02:00:00.000Z'],
  ['request:comment/1080', 'a comment'],
  ['request:status/0123456789ab/unit/1', 'a status (direct trigger)'],
  ['request:request-93bc16b754206af9', 'a person, here or on the command line'],
  ['something new', 'something new'],
] as const) {
  test(`${occasion} is shown as ${words}`, () => {
    assert.equal(askedBy(occasion), words);
  });
}
