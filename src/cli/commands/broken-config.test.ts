import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readingWiring, runCliWith, type CliEnd } from '../../../test/support/cli-run.ts';
import { addFakeRun, createFakeWorld } from '../../../test/support/fake-web-deps.ts';
import { tempDir, type CleansUp } from '../../../test/support/temp-dir.ts';

async function broken(t: CleansUp): Promise<(...words: string[]) => Promise<CliEnd>> {
  const dir = await tempDir(t);
  const file = join(dir, 'groundcrew.yaml');
  writeFileSync(file, `stateDir: ${dir}/state\nprojects: [{name: o/r, path: /x}, {nmae: typo}]\n`);
  const world = createFakeWorld();
  addFakeRun(world, { forge: 'git', repo: 'o/r', pull: 7, branch: null, context: 'unit' });
  return (...words) => runCliWith([...words, '--config', file], { wiring: readingWiring(world) });
}

for (const words of [['runs'], ['queue'], ['status', 'o/r#7'], ['deliveries'], ['workers'], ['shadow', 'report']]) {
  test(`${words.join(' ')} goes on while the configuration is broken, and says so in one line`, async (t) => {
    const { code, err } = await (await broken(t))(...words);
    assert.equal(code, 0, err);
    assert.match(err, /^groundcrew: \S*groundcrew\.yaml:2:\d+: projects\[1\].*; going on without that\n/);
  });
}

test('who asks a server looks for it where the broken file says', async (t) => {
  for (const words of [
    ['trigger', 'o/r', '#7'],
    ['scan'],
    ['cancel', '0123456789ab'],
    ['policy', 'explain', 'o/r#7'],
  ]) {
    const { code, err } = await (await broken(t))(...words);
    assert.equal(code === 0, false);
    assert.match(err, /going on without that\n/);
    assert.doesNotMatch(err, /local\/state/, err);
  }
});

test('what starts something does not start on a broken configuration', async (t) => {
  for (const verb of ['up', 'server']) {
    const { code, err } = await (await broken(t))(verb);
    assert.equal(code, 2);
    assert.doesNotMatch(err, /going on/);
  }
});
