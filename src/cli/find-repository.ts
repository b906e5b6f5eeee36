import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '../base/errors.ts';

/** The top directory of the git repository that holds `dir` (a bare one is its own top); null when there is none. */
export function findRepository(dir: string): string | null {
  for (let here = resolve(dir); ; here = dirname(here)) {
    if (existsSync(join(here, '.git')) || isBare(here)) return here;
    if (dirname(here) === here) return null;
  }
}

/**
 * The repository that a person named.
 * @throws UsageError `cli/no-repository`
 */
export function needRepository(path: string, cwd: string): string {
  const dir = resolve(cwd, path);
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new UsageError('cli/no-repository', `${path}: there is no such directory`);
  }
  const top = findRepository(dir);
  if (top === null) throw new UsageError('cli/no-repository', `${path}: is not a git repository; git init makes one`);
  return top;
}

/** The name of a repository that no configuration names: the last part of its path, fit for a project's name. */
export function repositoryName(dir: string): string {
  const name = basename(dir)
    .replace(/\.git$/, '')
    .replace(/[^\w.-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '');
  return name === '' ? 'repository' : name;
}

function isBare(dir: string): boolean {
  return ['HEAD', 'objects', 'refs'].every((entry) => existsSync(join(dir, entry)));
}
