import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findProgram, gate, needs } from './needs.ts';

test('a test whose parts are all there runs', () => {
  assert.deepEqual(gate([], true), { skip: false });
  assert.deepEqual(needs(), { skip: false });
});

test('a missing part skips on a laptop and says what to install', () => {
  assert.deepEqual(gate(['qemu', 'shellcheck'], false), {
    skip: 'qemu is missing: install the packages qemu-system-x86 and qemu-utils; shellcheck is missing: install the package shellcheck',
  });
});

test('a missing part fails the test in CI and names the part', () => {
  const { skip, signal } = gate(['podman'], true);
  assert.equal(skip, false);
  assert.equal(signal?.aborted, true);
  assert.match(String(signal.reason), /podman is missing: install the package podman/);
});

test('programs are looked for in PATH', () => {
  assert.match(findProgram('sh') ?? '', /\/sh$/);
  assert.equal(findProgram('no-such-program-anywhere'), null);
});
