import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { launchScript, quoted } from './launch-script.ts';

function room(context: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'gcx-launch-'));
  context.after(() => {
    rmSync(dir, { recursive: true, force: true });
  });
  return dir;
}

// What a file or an environment can hold: anything but NUL; lone surrogates have no bytes of their own.
const word = fc
  .string({ unit: 'grapheme', maxLength: 40 })
  .filter((text) => !text.includes('\0') && text.isWellFormed());

void test('a quoted word reaches the command as it is, whatever is in it', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (words) => {
      const script = `for one in ${words.map(quoted).join(' ')}; do printf '%s\\0' "$one"; done`;
      const out = execFileSync('sh', ['-c', script], { encoding: 'utf8' });
      assert.deepEqual(out.split('\0').slice(0, -1), words);
    }),
    { numRuns: 50 },
  );
});

void test('the command gets exactly the ordered environment, directory and arguments', (context) => {
  const dir = room(context);
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[A-Z][A-Za-z0-9_.-]{2,12}$/), word, { maxKeys: 6 }), (env) => {
      const file = join(dir, 'launch.sh');
      const order = { env, cwd: dir, cgroups: [join(dir, 'no-group')], troubleFile: join(dir, 'trouble') };
      writeFileSync(file, launchScript({ ...order, argv: ['/usr/bin/env', '-0'] }));
      const out = execFileSync('sh', [file], { env: {}, encoding: 'utf8' });
      const found = Object.fromEntries(
        out
          .split('\0')
          .slice(0, -1)
          .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
      );
      // bash as sh adds `_`, the last command.
      delete found['_'];
      assert.deepEqual(found, { ...env });
    }),
    { numRuns: 30 },
  );
});

void test('a directory that cannot be entered ends with 125 and says so in the file', (context) => {
  const dir = room(context);
  const trouble = join(dir, 'trouble');
  const cwd = join(dir, "it's not there");
  const script = launchScript({ env: {}, cwd, cgroups: [], troubleFile: trouble, argv: ['true'] });
  assert.equal(spawnSync('sh', ['-c', script]).status, 125);
  assert.match(execFileSync('cat', [trouble], { encoding: 'utf8' }), /not there/);
});
