import { execFileSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { createGit } from '../../src/base/git.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { ForgeWorld } from '../../src/forge/world.contract.ts';
import type { Forge } from '../../src/forge/forge.ts';
import { createGitForge, type GitForgeOptions, type GitForgeRepo } from '../../src/forge/git/git-forge.ts';
import { openGitHttpServer } from './git-http-server.ts';
import { makeRepo, type TestRepo } from './git-repo.ts';
import { type CleansUp, tempDir } from './temp-dir.ts';

/** How the forge reaches the repository. */
export type GitWorldKind = 'bare' | 'work tree' | 'file url' | 'http';

/** A world of real repositories; `work` is where its people commit. */
export interface GitWorld extends ForgeWorld {
  readonly root: string;
  readonly work: TestRepo;
  readonly spoolDir: string;
  /** The repository that is watched. */
  readonly originDir: string;
}

/** A repository with one commit on `main`, watched as `kind` says; polls come each 50 ms unless said otherwise. */
export async function openGitWorld(
  context: CleansUp,
  kind: GitWorldKind,
  settings: Partial<GitForgeRepo> & { readonly forge?: Partial<GitForgeOptions> } = {},
): Promise<GitWorld> {
  const root = await tempDir(context);
  const work = makeRepo(join(root, 'work'));
  const originDir = kind === 'work tree' ? work.dir : join(root, 'origin.git');
  work.commit({ README: 'hello\n' }, 'first');
  if (kind !== 'work tree') execFileSync('git', ['clone', '-q', '--bare', work.dir, originDir], { stdio: 'ignore' });
  const push = (...args: string[]): void => {
    if (kind !== 'work tree') work.git('push', '-q', '-f', originDir, ...args);
  };
  let remote = kind === 'file url' ? `file://${originDir}` : originDir;
  if (kind === 'http') {
    const server = await openGitHttpServer(root);
    context.after(async () => {
      await server[Symbol.asyncDispose]();
    });
    remote = `${server.url}origin.git`;
  }
  const { forge: options, ...repo } = settings;
  const spoolDir = join(root, 'spool');
  const make = (): Forge =>
    createGitForge({
      name: 'git',
      repos: [{ name: 'demo', remote, branches: [], trustPulls: false, pollMs: 50, ...repo }],
      spoolDir,
      stateDir: join(root, 'state'),
      git: createGit(process.env),
      clock: systemClock,
      logger: silentLogger,
      ...options,
    });
  return {
    forge: make(),
    repo: 'demo',
    root,
    work,
    spoolDir,
    originDir,
    reopened: make,
    commit: ({ branch, files, title }) => {
      const isThere = work.git('for-each-ref', `refs/heads/${branch}`) !== '';
      work.git('checkout', '-q', ...(isThere ? [branch] : ['-b', branch, 'main']));
      const sha = work.commit(files, title);
      push(`refs/heads/${branch}`);
      return Promise.resolve(sha);
    },
    deleteBranch: (branch) => {
      work.git('checkout', '-q', 'main');
      work.git('branch', '-q', '-D', branch);
      push(`:refs/heads/${branch}`);
      return Promise.resolve();
    },
    setPull: (pull, sha) => {
      work.git('update-ref', `refs/pull/${pull}/head`, sha);
      push(`+refs/pull/${pull}/head:refs/pull/${pull}/head`);
      return Promise.resolve();
    },
    breakIt: () => {
      renameSync(originDir, `${originDir}.gone`);
      return Promise.resolve();
    },
  };
}
