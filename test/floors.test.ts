import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { findViolations, type Violation } from './support/floors/rules.ts';
import { readSource, type Source } from './support/floors/source.ts';

const root = join(import.meta.dirname, '..');

test('the code keeps to the floors of the house', async () => {
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const sources = await readTree(['src', 'test', 'bench']);
  assert.ok(sources.length > 20, `only ${sources.length} files were found`);
  const lines = findViolations(sources, Object.keys(manifest.dependencies)).map(asLine);
  assert.deepEqual(lines, [], `\n${lines.join('\n')}\n`);
});

/** Each bait is a small tree with one fault: the rule that must see it, and the place it must name. */
const baits: Record<string, { files: Record<string, string>; sees: string[] }> = {
  'an upward import': {
    files: { 'src/core/a.ts': "import { b } from '../report/b.ts';", 'src/report/b.ts': 'export const b = 1;' },
    sees: ['upward src/core/a.ts:1'],
  },
  'an upward import of a type, over several lines': {
    files: { 'src/queue/a.ts': "\nimport type {\n  B,\n} from '../web/b.ts';", 'src/web/b.ts': '' },
    sees: ['upward src/queue/a.ts:2'],
  },
  'an upward type that is imported in place': {
    files: { 'src/base/a.ts': "\nexport type A = import('../cli/b.ts').B;", 'src/cli/b.ts': '' },
    sees: ['upward src/base/a.ts:2'],
  },
  'an upward dynamic import': {
    files: { 'src/logs/a.ts': "export const a = () => import('../worker/b.ts');", 'src/worker/b.ts': '' },
    sees: ['upward src/logs/a.ts:1'],
  },
  'an upward import in a test beside the code': {
    files: { 'src/core/a.test.ts': "import '../web/b.ts';", 'src/web/b.ts': '' },
    sees: ['upward src/core/a.test.ts:1'],
  },
  'an upward re-export': {
    files: { 'src/base/a.ts': "export const a = 1;\nexport { b } from '../core/b.ts';", 'src/core/b.ts': '' },
    sees: ['upward src/base/a.ts:2'],
  },
  'product code that imports a test': {
    files: { 'src/base/a.ts': "import { until } from '../../test/support/until.ts';" },
    sees: ['upward src/base/a.ts:1'],
  },
  'a sibling import': {
    files: { 'src/queue/a.ts': "import '../ledger/ledger.ts';", 'src/ledger/ledger.ts': '' },
    sees: ['sibling src/queue/a.ts:1'],
  },
  'an adapter named outside the wire': {
    files: { 'src/cli/commands/up.ts': "import '../../queue/amqp.ts';", 'src/queue/amqp.ts': '' },
    sees: ['adapter src/cli/commands/up.ts:1'],
  },
  'an adapter named in a file that is only called like the wire': {
    files: { 'src/cli/wiring.ts': "import '../queue/amqp.ts';", 'src/queue/amqp.ts': '' },
    sees: ['adapter src/cli/wiring.ts:1'],
  },
  'a cycle inside a room, through a type': {
    files: {
      'src/core/a.ts': "import type { B } from './b.ts';",
      'src/core/b.ts': "\nimport { c } from './c.ts';",
      'src/core/c.ts': "import type { A } from './a.ts';",
    },
    sees: ['cycle src/core/a.ts:1'],
  },
  'a file that imports itself': {
    files: { 'src/core/a.ts': "import type { A } from './a.ts';" },
    sees: ['cycle src/core/a.ts:1'],
  },
  'an index file': { files: { 'src/core/index.ts': 'export const a = 1;' }, sees: ['barrel src/core/index.ts:1'] },
  'export star': {
    files: { 'src/core/a.ts': "export const a = 1;\nexport * from './b.ts';", 'src/core/b.ts': '' },
    sees: ['barrel src/core/a.ts:2'],
  },
  'a file that only passes names on': {
    files: { 'src/core/a.ts': "export { b } from './b.ts';", 'src/core/b.ts': '' },
    sees: ['barrel src/core/a.ts:1'],
  },
  'a drawer': { files: { 'test/helpers/a.ts': '' }, sees: ['name test/helpers/a.ts:1'] },
  'a drawer that is a file': { files: { 'src/base/utils.ts': '' }, sees: ['name src/base/utils.ts:1'] },
  'a room that is in no table': { files: { 'src/attic/a.ts': '' }, sees: ['room src/attic/a.ts:1'] },
  'a file outside every room': { files: { 'src/a.ts': '' }, sees: ['room src/a.ts:1'] },
  'a file of 401 lines': { files: { 'bench/a.ts': '//\n'.repeat(401) }, sees: ['length bench/a.ts:401'] },
  'a clock in a pure room': {
    files: { 'src/decide/a.ts': 'export const a = () =>\n  Date.now();' },
    sees: ['impure src/decide/a.ts:2'],
  },
  'today in a pure room': { files: { 'src/core/a.ts': 'new Date();' }, sees: ['impure src/core/a.ts:1'] },
  'a timer in a pure room': { files: { 'src/core/a.ts': 'setTimeout(f);' }, sees: ['impure src/core/a.ts:1'] },
  'a global under another name in a pure room': {
    files: { 'src/core/a.ts': 'const p = performance;' },
    sees: ['impure src/core/a.ts:1'],
  },
  'chance in a pure room': { files: { 'src/results/a.ts': 'f(Math.random());' }, sees: ['impure src/results/a.ts:1'] },
  'the environment in a pure room': {
    files: { 'src/metrics/alert-rules.ts': "f(process.env['HOME']);" },
    sees: ['impure src/metrics/alert-rules.ts:1', 'process src/metrics/alert-rules.ts:1'],
  },
  'async in a pure room': {
    files: { 'src/decide/a.ts': 'export async function a() {\n  await 1;\n}' },
    sees: ['impure src/decide/a.ts:1', 'impure src/decide/a.ts:2'],
  },
  'a promise in a pure room': {
    files: { 'src/core/a.ts': 'f(Promise.resolve(1));' },
    sees: ['impure src/core/a.ts:1'],
  },
  'a file system in a pure room': {
    files: { 'src/core/a.ts': "import { readFileSync } from 'node:fs';" },
    sees: ['impure src/core/a.ts:1'],
  },
  'randomness from an allowed module': {
    files: { 'src/core/a.ts': "import { createHash, randomBytes } from 'node:crypto';" },
    sees: ['impure src/core/a.ts:1'],
  },
  'a clock behind two imports': {
    files: {
      'src/decide/a.ts': "import { b } from '../base/b.ts';",
      'src/base/b.ts': "import { c } from './c.ts';",
      'src/base/c.ts': '\nexport const c = () => performance.now();',
    },
    sees: ['impure src/decide/a.ts:1'],
  },
  'the environment outside cli': {
    files: { 'src/worker/a.ts': "\nf(process.env['HOME']);" },
    sees: ['process src/worker/a.ts:2'],
  },
  'a development package in the product': {
    files: { 'src/web/a.ts': "import ts from 'typescript';" },
    sees: ['dependency src/web/a.ts:1'],
  },
  'server code in the browser': {
    files: { 'src/web/client/a.ts': "import { b } from '../b.ts';", 'src/web/b.ts': '' },
    sees: ['client src/web/client/a.ts:1'],
  },
  'browser code in the server': {
    files: { 'src/web/a.ts': "import { b } from './client/b.ts';", 'src/web/client/b.ts': '' },
    sees: ['client src/web/a.ts:1'],
  },
};

for (const [title, { files, sees }] of Object.entries(baits)) {
  test(`the floors test sees ${title}`, () => {
    const found = findViolations(
      Object.entries(files).map(([path, text]) => readSource(path, text)),
      ['zod'],
    ).map(asLine);
    for (const expected of sees) {
      assert.ok(
        found.some((line) => line.startsWith(expected)),
        `${expected} is missing in: ${found.join('; ')}`,
      );
    }
    const others = found.filter((line) => !sees.some((expected) => line.startsWith(expected)));
    assert.deepEqual(others, [], 'nothing else is wrong with it');
  });
}

test('what is allowed is not reported', () => {
  const files = {
    'src/cli/wire.ts': "import { amqp } from '../queue/amqp.ts';",
    'src/cli/wire/queue.ts': "import { amqp } from '../../queue/amqp.ts';",
    'src/queue/amqp.ts': "import { x } from './queue.ts';\nexport const amqp = x;",
    'src/queue/queue.ts': 'export const x = 1;',
    'src/worker/a.ts': "import { x } from '../queue/queue.ts';\nsetTimeout(x);",
    'src/worker/a.test.ts': "import '../queue/amqp.ts';\nimport '../../test/support/b.ts';\nf(process.env);",
    'test/support/b.ts': "import '../../src/queue/amqp.ts';",
    'src/base/clock.ts': 'export interface Clock {}\nexport const now = () => Date.now();',
    'src/core/a.ts':
      "import type { Clock } from '../base/clock.ts';\nimport { createHash } from 'node:crypto';\n" +
      "import { z } from 'zod';\nexport const f = (at: { process: 1; performance: 1 }) => new Date(at.process);\n" +
      '// await Date.now() in a comment\nexport const text = "Math.random()";',
    'src/core/a.test.ts': 'await Promise.resolve(Date.now());',
  };
  const found = findViolations(
    Object.entries(files).map(([path, text]) => readSource(path, text)),
    ['zod'],
  );
  assert.deepEqual(found.map(asLine), []);
});

function asLine({ rule, path, line, message }: Violation): string {
  return `${rule} ${path}:${line} ${message}`;
}

async function readTree(folders: readonly string[]): Promise<Source[]> {
  const lists = await Promise.all(
    folders.map((folder) => readdir(join(root, folder), { recursive: true, withFileTypes: true })),
  );
  const paths = lists
    .flat()
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.includes('/fixtures'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  return Promise.all(paths.map(async (path) => readSource(path, await readFile(join(root, path), 'utf8'))));
}
