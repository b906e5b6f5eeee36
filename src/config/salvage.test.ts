import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { tempDir } from '../../test/support/temp-dir.ts';
import { salvageConfig, type Salvaged } from './salvage.ts';

const good = `stateDir: /srv/crew
projects:
  - {name: one, path: /srv/one}
  - {name: two, path: /srv/two}
  - {name: three, path: /srv/three}
`;

for (const [what, text, left] of [
  ['nothing', good, ['/srv/crew', 'one', 'two', 'three']],
  ['a key of a project', good.replace('name: two', 'nmae: two'), ['/srv/crew', 'one', 'three']],
  ['two projects', good.replace('name: one', 'x: 1').replace('name: three', 'x: 3'), ['/srv/crew', 'two']],
  ['a section', `${good}worker: {slots: many}\n`, ['/srv/crew', 'one', 'two', 'three']],
  ['an unknown section', `${good}wroker: {}\n`, ['/srv/crew', 'one', 'two', 'three']],
  ['the list of projects', 'stateDir: /srv/crew\nprojects: 7\n', ['/srv/crew']],
  ['the end of a half-written edit', `${good}worker: {slots: [\n`, ['/srv/crew', 'one', 'two', 'three']],
  ['everything', '- a list\n- of things\n', [null]],
] as const) {
  test(`of a configuration in which ${what} is wrong the rest is left`, async (t) => {
    const file = join(await tempDir(t), 'groundcrew.yaml');
    writeFileSync(file, text);
    const { loaded, problem } = salvageConfig({ env: {}, cwd: '/', option: file });
    const { stateDir, projects } = loaded.config;
    assert.deepEqual([stateDir, ...projects.map(({ name }) => name)], left);
    if (what === 'nothing') assert.equal(problem, null);
    else assert.ok(problem?.startsWith(file) === true && !problem.includes('\n'), problem ?? 'no problem');
  });
}

test('a file that is not there is a mistake in its name, and no defaults', () => {
  assert.throws(() => salvageConfig({ env: {}, cwd: '/', option: '/nonexistent.yaml' }), /there is no such file/);
});

test('whatever stands in the file, something is left', async (t) => {
  const file = join(await tempDir(t), 'groundcrew.yaml');
  const salvage = (text: string): Salvaged => {
    writeFileSync(file, text);
    return salvageConfig({ env: {}, cwd: '/', option: file });
  };
  const cut = fc.tuple(fc.nat(good.length), fc.string({ maxLength: 9 }), fc.nat(20));
  fc.assert(
    fc.property(cut, ([at, put, out]) => {
      const { loaded } = salvage(good.slice(0, at) + put + good.slice(at + out));
      assert.ok(Array.isArray(loaded.config.projects));
    }),
    { numRuns: 200 },
  );
});
