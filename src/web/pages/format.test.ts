import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byteSize, cut, duration, relativeTime, shortRepo } from './format.ts';

test('times are said as people say them', () => {
  const now = Date.UTC(2026, 10, 22, 15, 0, 0);
  const ago = (seconds: number): string => relativeTime(now - seconds * 1000, now);
  assert.deepEqual([-5, 3, 30, 90, 7200, 47 * 3600, 3 * 86_400, 20 * 86_400].map(ago), [
    'just now',
    'just now',
    '30 s ago',
    '1 min ago',
    '2 h ago',
    '47 h ago',
    '3 days ago',
    '2026-11-02',
  ]);
  assert.deepEqual([-1, 40, 940, 1400, 59_400, 61_000, 3_600_000, 7_380_000].map(duration), [
    '0 s',
    '0 s',
    '0.9 s',
    '1 s',
    '59 s',
    '1 min 1 s',
    '1 h 0 min',
    '2 h 3 min',
  ]);
});

test('sizes have two digits at least and a unit', () => {
  assert.deepEqual([0, 999, 1000, 15_400, 999_600, 3_200_000_000].map(byteSize), [
    '0 B',
    '999 B',
    '1.0 kB',
    '15 kB',
    '1.0 MB',
    '3.2 GB',
  ]);
});

test('repositories are named by their last part, forge names stay whole', () => {
  assert.deepEqual(
    [
      '/home/ada/src/hello',
      '/srv/git/hello.git/',
      'cockpit-project/bots',
      'https://x.org/a/b.git',
      'git@x.org:a/b',
      '/',
      '',
    ].map(shortRepo),
    ['hello', 'hello', 'cockpit-project/bots', 'b', 'b', '/', ''],
  );
});

test('long text is cut between characters', () => {
  assert.equal(cut('short', 5), 'short');
  assert.equal(cut('longer', 5), 'long…');
  assert.equal(cut('😀😀😀😀', 3), '😀😀…');
  assert.equal(cut('x'.repeat(1_000_000), 10), `${'x'.repeat(9)}…`);
});
