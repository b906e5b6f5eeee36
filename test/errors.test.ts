import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');

interface Code {
  readonly code: string;
  readonly at: string;
}

/** Literals that look like a code and are none: no error has their first word. */
const literal = /'([a-z][a-z0-9-]*)\/([a-z0-9-]+)'/g;
const thrown = /new (?:GroundcrewError|UsageError)\(\s*'([^']*)'/g;

/**
 * Codes named in a source text: what is given to an error at once, and every literal with the first word of a known
 * code, since some files choose theirs from a table.
 */
function codesIn(text: string, path: string, firstWords: ReadonlySet<string>): Code[] {
  const found = new Map<string, Code>();
  const note = (code: string, index: number): void => {
    const line = text.slice(0, index).split('\n').length;
    if (!found.has(code)) found.set(code, { code, at: `${path}:${line}` });
  };
  for (const match of text.matchAll(thrown)) note(match[1] ?? '', match.index);
  for (const match of text.matchAll(literal)) {
    if (firstWords.has(match[1] ?? '')) note(`${match[1]}/${match[2]}`, match.index);
  }
  return [...found.values()];
}

/** The codes of the table, in its order, with their lines. */
function listedIn(markdown: string): Code[] {
  return markdown
    .split('\n')
    .map((row, index) => ({ code: /^\| `([^`]+)` *\|/.exec(row)?.[1] ?? '', at: `docs/errors.md:${index + 1}` }))
    .filter(({ code }) => code !== '');
}

async function readSources(): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  for await (const path of glob('src/**/*.ts', { cwd: root })) {
    if (/\.(test|contract)\.ts$|\/contract\//.test(path)) continue;
    sources.set(path, await readFile(join(root, path), 'utf8'));
  }
  return sources;
}

const sources = await readSources();
const markdown = await readFile(join(root, 'docs/errors.md'), 'utf8');
const listed = listedIn(markdown);
const used = [...sources].flatMap(([path, text]) =>
  codesIn(text, path, new Set(listed.map(({ code }) => code.split('/', 1)[0] ?? ''))),
);

test('every error code in src/ has its row in docs/errors.md', () => {
  assert.ok(used.length > 20, `only ${used.length} codes were found`);
  const known = new Set(listed.map(({ code }) => code));
  const missing = used.filter(({ code }) => !known.has(code)).map(({ code, at }) => `${code} (${at})`);
  assert.deepEqual(missing, []);
});

test('every code in docs/errors.md can happen', () => {
  const known = new Set(used.map(({ code }) => code));
  const stale = listed.filter(({ code }) => !known.has(code)).map(({ code, at }) => `${code} (${at})`);
  assert.deepEqual(stale, []);
});

test('docs/errors.md is sorted, and names each code once', () => {
  const codes = listed.map(({ code }) => code);
  assert.deepEqual(codes, [...new Set(codes)].sort());
});

test('every row of docs/errors.md has a meaning and a remedy', () => {
  const rows = markdown.split('\n').filter((row) => row.startsWith('| `'));
  const poor = rows.filter((row) => !/^\| `[a-z0-9-]+\/[a-z0-9-]+` *\| \S.* \| \S.* \|$/.test(row));
  assert.deepEqual(poor, []);
});

test('codes are found in constructors over several lines and in tables', () => {
  const text =
    "\nnew GroundcrewError(\n  'a/b',\n  x);\nnew UsageError('c/d');\nconst t = { 5: 'e/full', 6: 'text/plain' };";
  assert.deepEqual(codesIn(text, 'x.ts', new Set(['e'])), [
    { code: 'a/b', at: 'x.ts:2' },
    { code: 'c/d', at: 'x.ts:5' },
    { code: 'e/full', at: 'x.ts:6' },
  ]);
});
