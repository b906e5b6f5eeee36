import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { explainIssues } from '../src/config/explain-issue.ts';
import { parseYaml } from '../src/config/read-yaml.ts';
import { configJsonSchema, configSchema } from '../src/config/schema.ts';

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

interface Block {
  readonly language: string;
  /** Of its first line of text. */
  readonly line: number;
  readonly text: string;
}

/** Fenced blocks of a page. */
function blocksIn(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w*)\n([^]*?)^```/gm)].map((match) => ({
    language: match[1] ?? '',
    line: markdown.slice(0, match.index).split('\n').length + 1,
    text: match[2] ?? '',
  }));
}

/** What a page tells people to type: lines of fenced blocks that start one of our programs. */
function commandsIn(markdown: string): { readonly line: number; readonly command: string }[] {
  return blocksIn(markdown)
    .filter(({ language }) => ['', 'sh', 'console', 'bash', 'text'].includes(language))
    .flatMap(({ line, text, language }) =>
      text.split('\n').flatMap((typed, index) => {
        // What programs answer stands in text blocks too.
        if (language === 'text' && !typed.startsWith('$ ')) return [];
        const command = typed
          .replace(/^\$ /, '')
          .replace(/\s+#\s.*$/, '')
          .trim();
        return [{ line: line + index, command }];
      }),
    )
    .filter(({ command }) => /^(bin\/|test\/|\.ci\/|bench\/|npm |groundcrew )/.test(command));
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

/** The verbs of the generated reference, each with the options that its help names. */
function verbsIn(reference: string): ReadonlyMap<string, ReadonlySet<string>> {
  return new Map(
    reference.split(/^## /m).map((section) => {
      const verb = section.split('\n', 1)[0] ?? '';
      return [verb, new Set(section.match(/(?<![\w-])--?[a-z][a-z-]*/g) ?? [])];
    }),
  );
}

/** What is wrong with a command that a page shows; null when nothing is. */
function troubleOf(command: string, verbs: ReturnType<typeof verbsIn>, scripts: object): string | null {
  const [program = '', first = '', second = ''] = command.split(/\s+/);
  if (program.includes('/') && !existsSync(join(root, program))) return `there is no ${program}`;
  if (program === 'npm' && first === 'run' && !(second in scripts)) return `there is no script ${second}`;
  const isOurs = program === 'bin/groundcrew' || program === 'groundcrew';
  if (!isOurs || !/^[a-z]/.test(first)) return null;
  const known = verbs.get(`${first} ${second}`) ?? verbs.get(first);
  if (known === undefined) return `there is no command ${first}`;
  // What another program is told in quotes is no option of ours.
  const options = command.replace(/"[^"]*"|'[^']*'/g, '').match(/(?<=\s)--?[a-z][a-z-]*/g) ?? [];
  const unknown = options.find((option) => !known.has(option));
  return unknown === undefined ? null : `${first} has no ${unknown}`;
}

test('what pages tell people to type exists, with its options', async () => {
  const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { scripts: object };
  const verbs = verbsIn(pages.get('docs/reference/cli.md') ?? '');
  const shown = [...pages].flatMap(([path, markdown]) =>
    commandsIn(markdown).map(({ line, command }) => ({ at: `${path}:${line}: ${command}`, command })),
  );
  assert.ok(shown.length > 20, `only ${shown.length} commands were found`);
  const problems = shown.flatMap(({ at, command }) => {
    const trouble = troubleOf(command, verbs, scripts);
    return trouble === null ? [] : [`${at}: ${trouble}`];
  });
  assert.deepEqual(problems, []);
});

test('configurations that pages show are valid', () => {
  const shown = [...pages].flatMap(([path, markdown]) =>
    blocksIn(markdown)
      .filter(({ language }) => language === 'yaml')
      .map(({ line, text }) => ({ at: `${path}:${line}`, text })),
  );
  assert.ok(shown.length > 2, `only ${shown.length} were found`);
  const wrong = shown.flatMap(({ at, text }) => {
    const yaml = parseYaml(text, at);
    const result = configSchema.safeParse(yaml.value);
    return result.success
      ? []
      : [`${at}: ${JSON.stringify(explainIssues(result.error.issues, yaml, configJsonSchema()))}`];
  });
  assert.deepEqual(wrong, []);
});

test('every error code that a page names is explained', () => {
  const known = new Set(
    [...(pages.get('docs/errors.md') ?? '').matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1] ?? ''),
  );
  const firstWords = new Set([...known].map((code) => code.split('/', 1)[0] ?? ''));
  const unknown = [...pages].flatMap(([path, markdown]) =>
    [...markdown.matchAll(/`([a-z]+)\/([a-z-]+)`/g)]
      .filter(([, room, what]) => firstWords.has(room ?? '') && !known.has(`${room}/${what}`))
      .map(([code]) => `${path}: ${code}`),
  );
  assert.deepEqual(unknown, []);
});

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
  assert.deepEqual(commandsIn(page), [
    { line: 5, command: 'bin/groundcrew up' },
    { line: 6, command: 'npm run types' },
  ]);
});

test('wrong commands are found', () => {
  const verbs = verbsIn('## up\n\n  --port <n>\n  -n, --dry-run  no\n\n## hook install\n\n  --append');
  const scripts = { types: '' };
  assert.equal(troubleOf('groundcrew up ~/x --port 0 -n', verbs, scripts), null);
  assert.equal(troubleOf('groundcrew hook install --append', verbs, scripts), null);
  assert.equal(troubleOf('groundcrew up --prot 0', verbs, scripts), 'up has no --prot');
  assert.equal(troubleOf('groundcrew fly', verbs, scripts), 'there is no command fly');
  assert.equal(troubleOf('npm run fly', verbs, scripts), 'there is no script fly');
  assert.equal(troubleOf('bin/fly', verbs, scripts), 'there is no bin/fly');
});
