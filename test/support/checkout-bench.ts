import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { createGitMirrors } from '../../src/base/git-mirror.ts';
import { createGit, type Git } from '../../src/base/git.ts';
import { type CheckoutOrder, type CheckoutResult, prepareCheckout } from '../../src/worker/checkout.ts';
import { makeRepo, type TestRepo } from './git-repo.ts';
import { type CleansUp, tempDir } from './temp-dir.ts';

/** A repository, a cache, and checkouts made from them with the real git. */
export interface CheckoutBench {
  readonly root: string;
  readonly repo: TestRepo;
  /** Every git command that ran, by its arguments. */
  readonly ran: string[][];
  checkout(name: string, order: Partial<CheckoutOrder> & { sha: string; pull?: number }): Promise<CheckoutResult>;
  cache(): string;
}

/** Everything below one temporary directory of the test. */
export async function checkoutBench(context: CleansUp, ...initArgs: string[]): Promise<CheckoutBench> {
  const root = await tempDir(context);
  const repo = makeRepo(join(root, 'origin'), ...initArgs);
  const real = createGit(process.env);
  const ran: string[][] = [];
  const git: Git = {
    run: (args, call) => {
      ran.push([...args]);
      return real.run(args, call);
    },
    text: (args, call) => {
      ran.push([...args]);
      return real.text(args, call);
    },
  };
  const cacheDir = join(root, 'cache');
  const mirrors = createGitMirrors({ git, cacheDir, depth: null, clock: systemClock });
  return {
    root,
    repo,
    ran,
    cache: () => join(cacheDir, readdirSync(cacheDir).find((name) => name.endsWith('.git')) ?? 'none'),
    checkout: (name, { sha, pull, ...order }) =>
      prepareCheckout(
        { git, mirrors, keepFreeBytes: 0, gitMemoryBytes: 192 * 1024 * 1024 },
        {
          cloneUrl: repo.dir,
          subject: { sha, pull: pull ?? null, branch: pull === undefined ? 'main' : null, baseRef: 'main' },
          baseSha: null,
          integration: 'merge',
          targetDir: join(root, name),
          maxBytes: null,
          signal: AbortSignal.timeout(60_000),
          progress: () => undefined,
          ...order,
        },
      ),
  };
}

/** A person's git in a finished checkout. */
export const inside = (dir: string, ...args: string[]): string =>
  execFileSync('git', args, { cwd: dir, env: { PATH: process.env['PATH'] }, stdio: ['ignore', 'pipe', 'pipe'] })
    .toString('utf8')
    .trimEnd();

/** The result, which must be `ready`. */
export function ready(result: CheckoutResult): Extract<CheckoutResult, { kind: 'ready' }> {
  if (result.kind !== 'ready') throw new Error(JSON.stringify(result));
  return result;
}

/** Bytes of the packs of a repository. */
export const packBytes = (dir: string): number =>
  readdirSync(join(dir, 'objects/pack'))
    .filter((name) => name.endsWith('.pack'))
    .reduce((sum, name) => sum + statSync(join(dir, 'objects/pack', name)).size, 0);
