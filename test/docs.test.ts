import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..');

interface Place {
  readonly path: string;
  readonly line: number;
}

/** A page without its fenced blocks, line by line, so that line numbers stay. */
function proseOf(markdown: string): string[] {
  let isFenced = false;
  return markdown.split('\n').map((line) => {
    const isFence = /^\s*(```|~~~)/.test(line);
    if (isFence) isFenced = !isFenced;
    return isFence || isFenced ? '' : line;
  });
}

/** The anchors that a page's headings have, as forges make them. */
function anchorsOf(markdown: string): Set<string> {
  const headings = proseOf(markdown).flatMap((line) => /^#+\s+(.*)$/.exec(line)?.[1] ?? []);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  );
}

/** Links to pages, files and images of this repository. */
function linksIn(prose: readonly string[], path: string): (Place & { readonly to: string })[] {
  return prose.flatMap((text, index) =>
    [...text.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)|<img[^>]* src="([^"]+)"/g)]
      .map((match) => ({ path, line: index + 1, to: match[1] ?? match[2] ?? '' }))
      .filter(({ to }) => !/^[a-z]+:/.test(to)),
  );
}

/** Paths in code spans that begin with a folder of ours. */
function pathsIn(prose: readonly string[], path: string): (Place & { readonly to: string })[] {
  const ours = /`((?:src|test|bench|bin|docs|examples)\/[\w./-]+)`/g;
  return prose.flatMap((text, index) =>
    [...text.matchAll(ours)].map((match) => ({ path, line: index + 1, to: match[1] ?? '' })),
  );
}

/** What a page tells people to type: lines of fenced blocks that start one of our programs. */
function commandsIn(markdown: string): string[] {
  return [...markdown.matchAll(/```(?:sh|console|bash)?\n([^]*?)```/g)]
    .flatMap((match) => (match[1] ?? '').split('\n'))
    .map((line) =>
      line
        .replace(/^\$ /, '')
        .replace(/\s+#.*$/, '')
        .trim(),
    )
    .filter((line) => /^(bin\/|test\/|\.ci\/|bench\/|npm |groundcrew )/.test(line));
}

async function readPages(): Promise<Map<string, string>> {
  const pages = new Map<string, string>();
  for await (const path of glob('**/*.md', {
    cwd: root,
    exclude: (path) => /(^|\/)node_modules$|fixtures/.test(path),
  })) {
    pages.set(path, await readFile(join(root, path), 'utf8'));
  }
  return pages;
}

const pages = await readPages();

test('every link to a page, file or image of the repository leads somewhere', async () => {
  const broken: string[] = [];
  assert.ok(pages.size > 5, `only ${pages.size} pages were found`);
  for (const [path, markdown] of pages) {
    for (const { line, to } of linksIn(proseOf(markdown), path)) {
      const [file = '', anchor] = to.split('#');
      const target = file === '' ? path : join(dirname(path), file);
      if (!existsSync(join(root, target))) broken.push(`${path}:${line}: ${to}`);
      else if (anchor !== undefined && target.endsWith('.md')) {
        const text = pages.get(target) ?? (await readFile(join(root, target), 'utf8'));
        if (!anchorsOf(text).has(anchor)) broken.push(`${path}:${line}: ${to} (no such heading)`);
      }
    }
  }
  assert.deepEqual(broken, []);
});

test('every path of ours that a page names exists', () => {
  // Examples have trees of their own.
  const found = [...pages].filter(([path]) => !path.startsWith('examples/'));
  const missing = found
    .flatMap(([path, markdown]) => pathsIn(proseOf(markdown), path))
    .filter(({ to }) => !existsSync(join(root, to)))
    // A folder that is named as the place for something new need not be there.
    .filter(({ to }) => !to.endsWith('/'))
    .map(({ path, line, to }) => `${path}:${line}: ${to}`);
  assert.deepEqual(missing, []);
});

test('every decision is listed', () => {
  const list = pages.get('docs/decisions/README.md') ?? '';
  const records = [...pages.keys()].filter((path) => /^docs\/decisions\/(?!README)/.test(path));
  const missing = records.filter((path) => !list.includes(`](${path.slice('docs/decisions/'.length)})`));
  assert.deepEqual(missing, [], 'docs/decisions/README.md');
});

test('what README.md and CONTRIBUTING.md tell people to type exists', async () => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const problems: string[] = [];
  for (const page of ['README.md', 'CONTRIBUTING.md']) {
    for (const command of commandsIn(pages.get(page) ?? '')) {
      const [program = '', first = '', second = ''] = command.split(/\s+/);
      if (program.includes('/') && !existsSync(join(root, program))) problems.push(`${page}: ${program}`);
      if (program === 'npm' && first === 'run' && scripts[second] === undefined) problems.push(`${page}: ${command}`);
      const isOurs = program === 'bin/groundcrew' || program === 'groundcrew';
      if (isOurs && /^[a-z]/.test(first) && !(await isVerb(first))) problems.push(`${page}: ${command}`);
    }
  }
  assert.deepEqual(problems, []);
});

async function isVerb(word: string): Promise<boolean> {
  if (existsSync(join(root, `src/cli/commands/${word}.ts`))) return true;
  return (await readFile(join(root, 'src/cli/program.ts'), 'utf8')).includes(`'${word}'`);
}

test('links, anchors, paths and commands are found', () => {
  const page = [
    '# A `b` Heading!',
    'See [one](a.md#x), ![two](b.png "title") and [web](https://x.example/); `[no](c.md)`, `src/a/b.ts`.',
    '```sh',
    '[not](d.md)',
    '$ bin/groundcrew up   # here',
    'npm run types',
    'ls',
    '```',
  ].join('\n');
  const prose = proseOf(page);
  assert.deepEqual(
    linksIn(prose, 'p').map(({ line, to }) => `${line} ${to}`),
    ['2 a.md#x', '2 b.png'],
  );
  assert.deepEqual(
    pathsIn(prose, 'p').map(({ to }) => to),
    ['src/a/b.ts'],
  );
  assert.deepEqual([...anchorsOf(page)], ['a-b-heading']);
  assert.deepEqual(commandsIn(page), ['bin/groundcrew up', 'npm run types']);
});
