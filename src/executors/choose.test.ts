import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseExecutor } from './choose.ts';
import type { Executor } from './executor.ts';

function fake(name: Executor['name']): Executor {
  const never = (): never => assert.fail('choosing runs nothing');
  return { name, isIsolating: name !== 'process', trial: never, start: never, adopt: never, sweep: never };
}

const podman = fake('podman');
const plain = fake('process');
const both = { container: podman, process: plain };
const image = 'example.org/image:1';

void test('an image means containers, silently', () => {
  assert.deepEqual(chooseExecutor({ image, isApproved: false }, both), { executor: podman, notice: null });
});

void test('no image means plain processes, said loudly', () => {
  const choice = chooseExecutor({ image: null, isApproved: true }, both);
  assert.match(choice.executor === plain && 'notice' in choice ? (choice.notice ?? '') : '', /NOTHING/);
});

void test('a stranger’s unapproved change never runs as plain processes', () => {
  for (const asked of ['auto', 'process'] as const) {
    const choice = chooseExecutor({ image: null, isApproved: false }, both, asked);
    assert.equal(choice.executor, null);
  }
});

void test('an image is never run without containers, unless the operator asks for it', () => {
  const without = { container: null, process: plain };
  assert.equal(chooseExecutor({ image, isApproved: true }, without).executor, null);
  assert.equal(chooseExecutor({ image, isApproved: true }, without, 'process').executor, plain);
});

void test('an engine that was asked for is not replaced by another', () => {
  assert.equal(chooseExecutor({ image, isApproved: true }, both, 'docker').executor, null);
  assert.equal(chooseExecutor({ image: null, isApproved: true }, both, 'podman').executor, null);
});
