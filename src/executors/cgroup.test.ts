import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { memoryEvidence, parseCgroupPlaces } from './cgroup.ts';

function room(context: TestContext, files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'gcx-cgroup-'));
  context.after(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  mkdirSync(dir, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

void test('a version 2 host has one place', () => {
  const mounts = '26 22 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n';
  assert.deepEqual(parseCgroupPlaces('0::/system.slice/groundcrew.service\n', mounts), {
    v1: {},
    v2: '/sys/fs/cgroup/system.slice/groundcrew.service',
  });
});

void test('a hybrid host has one for each old controller, and the new one', () => {
  const mounts = [
    '30 29 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '31 29 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
    '32 29 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
    '33 29 0:29 / /proc rw - proc proc rw',
  ].join('\n');
  const { v1, v2 } = parseCgroupPlaces('5:cpu,cpuacct:/x\n4:memory:/a/b\n1:name=systemd:/\n0::/\n', mounts);
  assert.deepEqual(
    { ...v1 },
    {
      cpu: '/sys/fs/cgroup/cpu,cpuacct/x',
      cpuacct: '/sys/fs/cgroup/cpu,cpuacct/x',
      memory: '/sys/fs/cgroup/memory/a/b',
    },
  );
  assert.equal(v2, '/sys/fs/cgroup/unified');
});

void test('in a container the mount shows only a part, and a group outside of it has no place', () => {
  const mounts = '40 1 0:30 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory';
  assert.equal(parseCgroupPlaces('4:memory:/docker/abc/job', mounts).v1['memory'], '/sys/fs/cgroup/memory/job');
  assert.deepEqual(parseCgroupPlaces('4:memory:/elsewhere', mounts).v1, {});
  assert.deepEqual(parseCgroupPlaces('0::/../outside', '1 2 0:1 / /sys/fs/cgroup rw - cgroup2 c rw'), {
    v1: {},
    v2: null,
  });
});

void test('both versions count out-of-memory kills, each in its own words', async (context) => {
  const two = room(context, { 'memory.events': 'low 0\nmax 12\noom 2\noom_kill 1\n', 'memory.peak': '4096\n' });
  assert.deepEqual(memoryEvidence(two), { oomKills: 1, peakBytes: 4096 });
  const one = room(context, {
    'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n',
    'memory.max_usage_in_bytes': '8192\n',
  });
  assert.deepEqual(memoryEvidence(one), { oomKills: 3, peakBytes: 8192 });
});

void test('a group that is gone, or a kernel that does not count, is no evidence', async (context) => {
  assert.deepEqual(memoryEvidence('/nowhere'), { oomKills: null, peakBytes: null });
  const old = room(context, { 'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\n' });
  assert.deepEqual(memoryEvidence(old), { oomKills: null, peakBytes: null });
});
