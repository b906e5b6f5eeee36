import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serverRights, workerRights, type Rights } from './rights.ts';

const may = (rights: Rights, right: keyof Rights, name: string): boolean => new RegExp(rights[right]).test(name);

test('a worker may use its own queue, its own exchange, and the way to the server', () => {
  const rights = workerRights('w1', ['default']);
  assert.ok(may(rights, 'configure', 'groundcrew.control.w1.0123456789ab'));
  assert.ok(may(rights, 'write', 'groundcrew.collector'));
  for (const name of ['jobs.default', 'jobs.default+arch:arm64+kvm', 'groundcrew.to.w1', 'groundcrew.to-all']) {
    assert.ok(may(rights, 'read', name), name);
  }
});

test('a worker may use nothing of others, however the names are alike', () => {
  const rights = workerRights('w.1', ['lab']);
  for (const right of ['configure', 'write', 'read'] as const) {
    for (const name of [
      'amq.default',
      'amq.direct',
      'collector',
      'dead-jobs',
      'parked-messages',
      'groundcrew.server',
      'groundcrew.to.w11',
      'groundcrew.to.w',
      'groundcrew.to.wx1',
      'groundcrew.to.w.1.x',
      'groundcrew.control.w.2.0123456789ab',
      // Another worker's, called `w.1.0123456789ab`.
      'groundcrew.control.w.1.0123456789ab.0123456789ab',
      'jobs.default',
      'jobs.labour',
      'xjobs.lab',
    ]) {
      assert.ok(!may(rights, right, name), `${right} ${name}`);
    }
  }
  assert.ok(!may(rights, 'write', 'jobs.lab'));
  assert.ok(!may(rights, 'configure', 'jobs.lab'));
  assert.ok(!may(rights, 'read', 'groundcrew.collector'));
});

test('a worker without pools takes no jobs', () => {
  assert.ok(!may(workerRights('w', []), 'read', 'jobs.'));
  assert.ok(!may(workerRights('w', []), 'read', 'jobs.default'));
});

test('the server may use what is ours, and the default exchange to write to it', () => {
  for (const name of ['jobs.default+kvm', 'collector', 'groundcrew.server', 'groundcrew.to.w1', 'dead-jobs']) {
    for (const right of ['configure', 'write', 'read'] as const) assert.ok(may(serverRights(), right, name));
  }
  assert.ok(may(serverRights(), 'write', 'amq.default'));
  assert.ok(!may(serverRights(), 'read', 'others'));
});
