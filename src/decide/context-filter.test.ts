import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createContextFilter } from './context-filter.ts';

for (const [patterns, context, isMeant] of [
  [[], 'a', false],
  [['**'], 'fedora-44/storage@x/y/main', true],
  [['fedora-44'], 'fedora-44', true],
  [['fedora-44'], 'fedora-44/storage', false],
  [['fedora-*'], 'fedora-44/storage', true],
  [['fedora-*'], 'fedora-44@x/y/main', true],
  [['fedora-*'], 'rhel-9/fedora-44', false],
  [['*/storage'], 'fedora-44/storage', true],
  [['*/storage'], 'fedora-44/storage@x/y', false],
  [['fedora-*/**'], 'fedora-44/storage@x/y', true],
  [['**', '!rhel-*'], 'rhel-9/storage', false],
  [['!rhel-*'], 'debian', true],
  [['!rhel-*', 'rhel-9'], 'rhel-9', true],
] as const) {
  test(`${JSON.stringify(patterns)} ${isMeant ? 'means' : 'does not mean'} ${context}`, () => {
    assert.equal(createContextFilter(patterns)(context), isMeant);
  });
}
