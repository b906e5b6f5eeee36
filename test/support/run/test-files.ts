import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** The steps that consist of test files, in the order in which they run: cheap and telling first. */
export const testSteps = ['floors', 'unit', 'contract', 'integration', 'scenarios', 'docs'] as const;
export type TestStep = (typeof testSteps)[number];

const docs = /^test\/(architecture|docs|errors)\b/;

/** Every test file under these folders by step; those called `*.long.test.ts` only when asked for. */
export async function testFiles(
  root: string,
  options: { readonly isLong: boolean },
): Promise<Readonly<Record<TestStep, readonly string[]>>> {
  const found: Record<TestStep, string[]> = {
    floors: [],
    unit: [],
    contract: [],
    integration: [],
    scenarios: [],
    docs: [],
  };
  for (const folder of ['src', 'test', 'bench', 'deploy', 'images']) {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.isFile() || !entry.name.endsWith('.test.ts')) continue;
      const path = relative(root, join(entry.parentPath, entry.name));
      if (path.includes('/fixtures/') || (path.endsWith('.long.test.ts') && !options.isLong)) continue;
      found[stepOf(path, await readFile(join(root, path), 'utf8'))].push(path);
    }
  }
  for (const step of testSteps) found[step].sort();
  return found;
}

/** Where a file belongs: by its place, else by what it leans on. */
export function stepOf(path: string, text: string): TestStep {
  if (path === 'test/floors.test.ts') return 'floors';
  if (docs.test(path)) return 'docs';
  if (path.startsWith('test/scenarios/')) return 'scenarios';
  if (/from '[^']*\.contract\.ts'/.test(text)) return 'contract';
  return /\bneeds\(/.test(text) ? 'integration' : 'unit';
}
