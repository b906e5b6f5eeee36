import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What a commit does to the tree: text, a link, an executable, or gone. */
export type FileChange = string | { readonly link: string } | { readonly script: string } | null;

/** A real repository for tests, driven by the real git with a person's settings, not with ours. */
export interface TestRepo {
  readonly dir: string;
  git(...args: string[]): string;
  /** Writes files and commits them on the current branch; returns the commit. */
  commit(files: Readonly<Record<string, FileChange>>, message?: string): string;
}

const person = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Ada Example',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada Example',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
};

/** Makes a repository with `main` as its branch; bare ones take no `commit`. */
export function makeRepo(dir: string, ...initArgs: string[]): TestRepo {
  mkdirSync(dir, { recursive: true });
  let seconds = 1_700_000_000;
  const git = (...args: string[]): string => {
    seconds += 1;
    const date = `@${seconds} +0000`;
    const env = { ...process.env, ...person, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
    const output = execFileSync('git', args, { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 });
    return output.toString('utf8').trimEnd();
  };
  git('init', '-q', '-b', 'main', ...initArgs, '.');
  return {
    dir,
    git,
    commit(files, message = 'change something') {
      for (const [name, change] of Object.entries(files)) writeChange(join(dir, name), change);
      git('add', '-A');
      git('commit', '-q', '--allow-empty', '-m', message);
      return git('rev-parse', 'HEAD');
    },
  };
}

function writeChange(path: string, change: FileChange): void {
  rmSync(path, { force: true, recursive: true });
  if (change === null) return;
  mkdirSync(dirname(path), { recursive: true });
  if (typeof change === 'string') writeFileSync(path, change);
  else if ('link' in change) symlinkSync(change.link, path);
  else {
    writeFileSync(path, change.script);
    chmodSync(path, 0o755);
  }
}
