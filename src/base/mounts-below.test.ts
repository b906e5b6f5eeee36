import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mountsBelow } from './mounts-below.ts';

const mountinfo = [
  '22 28 0:21 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
  '23 22 0:22 / /state rw - tmpfs tmpfs rw',
  '24 23 0:23 / /state/a/checkout/with\\040blank rw,nosuid - fuse.bindfs x rw,user_id=0',
  '25 23 0:24 / /state/ab rw - proc proc rw',
  '26 23 0:25 / /state/b/tmp/x rw - fuse.app app rw',
  '',
].join('\n');

test('mounts below some directories are found, and neither these themselves nor their neighbours', () => {
  assert.deepEqual([...mountsBelow(['/state/a'], mountinfo)], ['/state/a/checkout/with blank']);
  assert.deepEqual([...mountsBelow(['/state/ab', '/state/b/tmp'], mountinfo)], ['/state/b/tmp/x']);
  assert.deepEqual([...mountsBelow(['/none'], mountinfo)], []);
});

test('the list of this machine can be read', { skip: process.platform !== 'linux' }, () => {
  assert.ok(mountsBelow(['']).has('/proc'));
});
