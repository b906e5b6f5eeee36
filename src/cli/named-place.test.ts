import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCliWith } from '../../test/support/cli-run.ts';
import { tempDir } from '../../test/support/temp-dir.ts';

const config = `
forges: {github: {kind: github, token: {env: T}}}
projects:
  - {name: o/r, forge: github}
  - {name: plain, path: /nowhere/plain}
`;

test('a place is named by project and ref, by both in one word, or by the address of a pull request', async (context) => {
  const file = join(await tempDir(context), 'groundcrew.yaml');
  writeFileSync(file, config);
  const asked = async (...words: string[]): Promise<unknown> => {
    const { out, err } = await runCliWith(['trigger', '-n', '--json', '--config', file, ...words]);
    if (out === '') return err;
    const { changeKey, sha, repo } = JSON.parse(out) as Record<string, string>;
    return changeKey ?? `${repo ?? ''} at ${sha ?? ''}`;
  };
  assert.equal(await asked('o/r', '#7'), 'github|o/r|pull/7');
  assert.equal(await asked('o/r#7'), 'github|o/r|pull/7');
  assert.equal(await asked('o/r', 'pull/7', 'fedora-44'), 'github|o/r|pull/7');
  assert.equal(await asked('https://github.com/o/r/pull/7/files'), 'github|o/r|pull/7');
  assert.equal(await asked('o/r', 'main'), 'github|o/r|branch/main');
  assert.equal(await asked('o/r@release/1|2'), 'github|o/r|branch/release/1|2');
  assert.equal(await asked('plain', '#7'), 'git|plain|pull/7');
  assert.equal(await asked('plain@main'), 'git|plain|branch/main');
  assert.equal(await asked('o/r', '1'.repeat(40)), `o/r at ${'1'.repeat(40)}`);
  // Of a project that lives elsewhere nothing is checked out here.
  assert.match(String(await asked('o/r')), /o\/r: which branch, pull request or commit\?/);
  assert.match(String(await asked('main')), /^groundcrew: main: no project has this name.*REPO main/);
});

test('after a word that names the whole place come contexts; where none may stand, it is said', async (context) => {
  const file = join(await tempDir(context), 'groundcrew.yaml');
  writeFileSync(file, config);
  const { out } = await runCliWith(['trigger', '-n', '--json', '--config', file, 'o/r#7', 'fedora-44', 'docs']);
  const asked = JSON.parse(out) as Record<string, unknown>;
  assert.deepEqual([asked['changeKey'], asked['contexts']], ['github|o/r|pull/7', ['fedora-44', 'docs']]);
  const refused = await runCliWith(['policy', 'explain', '--config', file, 'o/r#7', 'main']);
  assert.deepEqual([refused.code, refused.err], [2, 'groundcrew: o/r#7 names the place already; leave out main\n']);
});

test('what would be asked is told with the whole name of the place', async (context) => {
  const file = join(await tempDir(context), 'groundcrew.yaml');
  writeFileSync(file, config);
  const { out } = await runCliWith(['trigger', '-n', '--config', file, 'o/r', 'a|b']);
  assert.equal(out, 'would ask to test o/r@a|b\n');
});
