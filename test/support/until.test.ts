import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from './until.ts';

test('until returns what the probe gives first', async () => {
  let calls = 0;
  const value = await until(() => {
    calls += 1;
    if (calls === 1) throw new Error('not yet');
    return calls === 2 ? null : calls;
  });
  assert.equal(value, 3);
});

test('zero and the empty string are values, not reasons to wait', async () => {
  assert.equal(await until(() => 0), 0);
  assert.equal(await until(() => ''), '');
});

test('until names what it waited for and the last error', async () => {
  const probe = (): never => {
    throw new Error('no such file');
  };
  await assert.rejects(until(probe, { within: 1, what: 'the pid file' }), {
    message: 'waited 1 ms in vain for the pid file: no such file',
  });
});
