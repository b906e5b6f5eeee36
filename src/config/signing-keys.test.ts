import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { readConfig } from './load.ts';
import { allReferences, settingsOf } from './settings.ts';
import { signingKeys } from './signing-keys.ts';
import { prepareStateDir, signingKey, statePaths, type StatePaths } from './state-dir.ts';

async function places(t: TestContext): Promise<StatePaths> {
  const paths = statePaths({ env: {}, stateDir: await tempDir(t), storeDir: null, cacheDir: null });
  prepareStateDir(paths);
  return paths;
}
const dispatch = (signingKeys: readonly ({ file: string } | { env: string })[]) => ({ attempts: 3, signingKeys });
const long = 'k'.repeat(32);

test('without configuration the state directory has the one key', async (t) => {
  const paths = await places(t);
  assert.deepEqual(signingKeys({ paths, dispatch: dispatch([]) }, {}), [signingKey(paths)]);
});

test('the first configured key signs, and no file is made beside it', async (t) => {
  const paths = await places(t);
  const file = join(paths.stateDir, 'other');
  writeFileSync(file, `${long}2\n`);
  const keys = signingKeys({ paths, dispatch: dispatch([{ env: 'KEY' }, { file }]) }, { KEY: `${long}1` });
  assert.deepEqual(keys, [`${long}1`, `${long}2`]);
});

test('a key that signed before keys were configured stays good', async (t) => {
  const paths = await places(t);
  const before = signingKey(paths);
  assert.deepEqual(signingKeys({ paths, dispatch: dispatch([{ env: 'KEY' }]) }, { KEY: long }), [long, before]);
});

test('a short key is refused with its place and a remedy', async (t) => {
  const paths = await places(t);
  assert.throws(() => signingKeys({ paths, dispatch: dispatch([{ env: 'KEY' }]) }, { KEY: 'short' }), {
    code: 'config/signing-key',
    message: /^dispatch\.signingKeys\[0\]: has 5 characters.*openssl rand/,
  });
});

test('every reference to a key is among those that are checked, under its key path', async (t) => {
  const file = join(await tempDir(t), 'groundcrew.yaml');
  writeFileSync(file, 'dispatch: {signingKeys: [{env: NEW}, {file: old.key}]}\n');
  const settings = settingsOf(readConfig(file), { env: {}, cwd: '/', stateDir: null });
  assert.deepEqual(allReferences(settings), {
    'dispatch.signingKeys[0]': { env: 'NEW' },
    'dispatch.signingKeys[1]': { file: join(dirname(file), 'old.key') },
  });
});
