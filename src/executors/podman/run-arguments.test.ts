import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunSpec } from '../executor.ts';
import { runArguments, steersPodman, type ContainerPlaces } from './run-arguments.ts';

const spec: RunSpec = {
  id: 'abc.1.1',
  nonce: '0123456789abcdef',
  image: 'example.org/x:1',
  command: ['.groundcrew/run', '--all', 'a b'],
  env: { TOKEN: 'hush', PATH: '/opt/bin', http_proxy: 'http://proxy' },
  checkoutDir: '/state/with, comma/checkout',
  attachmentsDir: '/state/attachments',
  stateDir: '/state',
  secretFiles: { token: '/secrets/token' },
  limits: { memoryBytes: 1024, pids: 7, shmBytes: 2048, cpus: 1.5, diskBytes: null, logBytes: null },
  needsKvm: true,
  network: 'none',
  timeoutMs: 60_000,
  graceMs: 500,
};

const places: ContainerPlaces = {
  settings: {
    globalFlags: ['--runtime=runc'],
    runFlags: ['--ulimit=nofile=5:5'],
    cgroupVersion: 1,
    cgroupManager: 'cgroupfs',
    imageListFile: null,
  },
  imageId: 'f'.repeat(64),
  imageUser: '',
  owner: 'worker-1',
  pidFile: '/state/pid',
  cgroupParent: null,
};

void test('everything that was ordered is asked of podman', () => {
  const { args } = runArguments(spec, places);
  for (const flag of [
    '--runtime=runc',
    '--init',
    '--name=groundcrew-abc.1.1',
    '--label=groundcrew.owner=worker-1',
    '--memory=1024',
    '--memory-swap=1024',
    '--pids-limit=7',
    '--shm-size=2048',
    '--cpus=1.5',
    '--device=/dev/kvm',
    '--network=none',
    '--ulimit=nofile=5:5',
    '--timeout=66',
    '--mount=type=bind,"src=/state/with, comma/checkout",dst=/var/tmp/checkout',
    '--mount=type=bind,src=/secrets/token,dst=/run/secrets/token,readonly=true',
  ]) {
    assert.ok(args.includes(flag), flag);
  }
  assert.deepEqual(args.slice(-4), ['f'.repeat(64), '.groundcrew/run', '--all', 'a b']);
  assert.ok(args.indexOf('--runtime=runc') < args.indexOf('run'));
});

void test('what is not limited is said so where podman has a default of its own', () => {
  const limits = { memoryBytes: null, pids: null, shmBytes: null, cpus: null, diskBytes: null, logBytes: null };
  const { args } = runArguments({ ...spec, limits, needsKvm: false, network: 'default' }, places);
  assert.ok(args.includes('--pids-limit=-1'));
  assert.equal(
    args.find((arg) => /^--(memory|shm-size|cpus|device|network)/.test(arg)),
    undefined,
  );
});

void test('values travel in the environment, but for names that podman itself obeys', () => {
  const { args, env } = runArguments(spec, places);
  assert.equal(env['TOKEN'], 'hush');
  assert.ok(!args.some((arg) => arg.includes('hush')));
  assert.ok(args.includes('TOKEN'));
  assert.equal(env['PATH'], undefined);
  assert.ok(args.includes('PATH=/opt/bin') && args.includes('http_proxy=http://proxy'));
});

void test('a job cannot steer podman by its variables', () => {
  for (const name of [
    'CONTAINERS_CONF',
    'XDG_RUNTIME_DIR',
    'LD_PRELOAD',
    'HOME',
    'SSL_CERT_FILE',
    '_CONTAINERS_USERNS_CONFIGURED',
    'a-b',
    'IFS',
    'BASH_ENV',
  ]) {
    assert.equal(steersPodman(name), true, name);
  }
  for (const name of ['TEST_OS', 'TOKEN', 'CI', 'TEST_PULL', 'BASE_BRANCH'])
    assert.equal(steersPodman(name), false, name);
});

void test('an image with a user of its own may write what is mounted', () => {
  const { args } = runArguments(spec, { ...places, imageUser: '1000:1000' });
  assert.ok(args.includes('--mount=type=bind,src=/state/attachments,dst=/var/tmp/attachments,U=true'));
  const root = runArguments(spec, { ...places, imageUser: 'root' });
  assert.ok(!root.args.some((arg) => arg.includes('U=true')));
});
