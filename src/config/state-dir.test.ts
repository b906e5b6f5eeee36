import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { prepareStateDir, signingKey, statePaths, type StatePaths } from './state-dir.ts';

const dir = mkdtempSync(join(tmpdir(), 'groundcrew-state-'));
after(() => {
  rmSync(dir, { recursive: true, force: true });
});

const pathsIn = (name: string): StatePaths =>
  statePaths({ env: {}, stateDir: join(dir, name), storeDir: null, cacheDir: null });

test('state and cache go to the XDG directories, or all to stateDir', () => {
  const place = { stateDir: null, storeDir: null, cacheDir: null };
  const home = statePaths({ ...place, env: { HOME: '/home/u', XDG_STATE_HOME: 'relative is ignored' } });
  assert.equal(home.stateDir, '/home/u/.local/state/groundcrew');
  assert.equal(home.cacheDir, '/home/u/.cache/groundcrew');
  const xdg = statePaths({ ...place, env: { HOME: '/home/u', XDG_STATE_HOME: '/s', XDG_CACHE_HOME: '/c' } });
  assert.equal(xdg.ledgerFile, '/s/groundcrew/ledger.sqlite');
  assert.equal(xdg.cacheDir, '/c/groundcrew');
  const own = statePaths({ ...place, env: { XDG_CACHE_HOME: '/c' }, stateDir: '/own', storeDir: '/store' });
  assert.equal(own.cacheDir, '/own/cache');
  assert.equal(own.storeDir, '/store');
});

test('the state directory is for its owner alone, also when it was there and open', () => {
  const paths = pathsIn('open');
  mkdirSync(paths.stateDir, { mode: 0o755 });
  prepareStateDir(paths);
  prepareStateDir(paths);
  assert.equal(statSync(paths.stateDir).mode & 0o777, 0o700);
  assert.equal(statSync(paths.storeDir).mode & 0o777, 0o700);
});

test('a state directory that cannot be made is the operator’s mistake, said with its path', () => {
  writeFileSync(join(dir, 'file'), '');
  assert.throws(() => {
    prepareStateDir(pathsIn('file/below'));
  }, /UsageError: .*file\/below.*ENOTDIR.*set stateDir/);
});

test('the signing key is made once, for its owner alone', () => {
  const paths = pathsIn('key');
  prepareStateDir(paths);
  const key = signingKey(paths);
  assert.match(key, /^[0-9a-f]{64}$/);
  assert.equal(signingKey(paths), key);
  assert.equal(statSync(paths.signingKeyFile).mode & 0o777, 0o600);
  assert.deepEqual(
    readdirSync(paths.stateDir).filter((name) => name.startsWith('signing.key')),
    ['signing.key'],
  );
});

test('processes that make the signing key at once agree on one', async () => {
  const paths = pathsIn('race');
  prepareStateDir(paths);
  const module = new URL('./state-dir.ts', import.meta.url).href;
  const script = `const { signingKey } = await import(${JSON.stringify(module)});
    process.stdout.write(signingKey({ signingKeyFile: ${JSON.stringify(paths.signingKeyFile)} }));`;
  const run = promisify(execFile);
  const keys = await Promise.all(
    Array.from({ length: 4 }, async () => (await run(process.execPath, ['--input-type=module', '-e', script])).stdout),
  );
  assert.equal(new Set(keys).size, 1);
  assert.match(keys[0] ?? '', /^[0-9a-f]{64}$/);
});

test('a signing key file that holds something else is not overwritten', () => {
  const paths = pathsIn('broken');
  prepareStateDir(paths);
  writeFileSync(paths.signingKeyFile, 'not a key');
  chmodSync(paths.signingKeyFile, 0o600);
  assert.throws(() => signingKey(paths), /holds no key/);
});

test('a signing key that cannot be written or read is told with the file and the reason', () => {
  const gone = pathsIn('never-prepared');
  assert.throws(() => signingKey(gone), /^UsageError: .*signing\.key: cannot be written \(ENOENT\); see to the disk/);
  const paths = pathsIn('unreadable');
  prepareStateDir(paths);
  mkdirSync(paths.signingKeyFile);
  assert.throws(() => signingKey(paths), /^UsageError: .*signing\.key: cannot be read \(EISDIR\)/);
});
