import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isGroundcrewError } from '../base/errors.ts';
import { createSecrets, expandPath } from './secrets.ts';

const dir = mkdtempSync(join(tmpdir(), 'groundcrew-secrets-'));
after(() => {
  rmSync(dir, { recursive: true, force: true });
});
const file = join(dir, 'token');
writeFileSync(file, 'from file\n', { mode: 0o600 });

test('a secret comes from its file without the last line break, or from its variable', () => {
  const secrets = createSecrets({ a: { file }, b: { env: 'TOKEN' } }, { TOKEN: 'from env' });
  assert.deepEqual(secrets.names, ['a', 'b']);
  assert.equal(secrets.resolve('a'), 'from file');
  assert.equal(secrets.resolve('b'), 'from env');
});

test('a name that is not configured and a reference that leads nowhere are told apart', () => {
  const secrets = createSecrets({ gone: { file: join(dir, 'gone') }, unset: { env: 'TOKEN' } }, {});
  const codeOf = (name: string): string => {
    try {
      secrets.resolve(name);
    } catch (error) {
      if (isGroundcrewError(error)) return error.code;
    }
    return 'none';
  };
  assert.equal(codeOf('other'), 'config/unknown-secret');
  assert.equal(codeOf('toString'), 'config/unknown-secret');
  assert.equal(codeOf('gone'), 'config/secret-unreadable');
  assert.equal(codeOf('unset'), 'config/secret-unreadable');
});

test('a secret’s file that others can read is warned of', () => {
  const open = join(dir, 'open');
  writeFileSync(open, 'x');
  chmodSync(open, 0o644);
  const secrets = createSecrets({ a: { file }, b: { file: open } }, {});
  assert.equal(secrets.warnings().length, 1);
  assert.match(secrets.warnings()[0] ?? '', /secret b: .*chmod 600/);
});

test('paths start at home with ~, else at the configuration file', () => {
  assert.equal(expandPath('~/x', '/base', '/home/u'), '/home/u/x');
  assert.equal(expandPath('~', '/base', '/home/u'), '/home/u');
  assert.equal(expandPath('x/y', '/base', '/home/u'), '/base/x/y');
  assert.equal(expandPath('/x', '/base', '/home/u'), '/x');
});
