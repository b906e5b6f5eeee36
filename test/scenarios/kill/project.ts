import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ticksFunction } from './ticks.ts';

const run = promisify(execFile);

/** What a commit's test does, and so what has to be said about it. `ticks`: how many numbered lines it prints. */
export const jobKinds = {
  pass: { state: 'success', ticks: 5 },
  fail: { state: 'failure', ticks: 5 },
  slow: { state: 'success', ticks: 30 },
  // Leaves two processes behind, one in a session of its own.
  fork: { state: 'success', ticks: 8 },
  // Many lines at once, so that kills hit the log's way to the store.
  loud: { state: 'success', ticks: 20_000 },
} as const;
export type JobKind = keyof typeof jobKinds;

const testRun = `#!/bin/sh
kind=$(cat pull-kind 2>/dev/null || cat kind)
mkdir -p "$TEST_ATTACHMENTS/deep"
echo "$kind" >"$TEST_ATTACHMENTS/note.txt"
echo "$kind" >"$TEST_ATTACHMENTS/deep/note.txt"
${ticksFunction}
case $kind in
  pass) ticks 5 '' ;;
  fail)
    ticks 5 ''
    exit 1
    ;;
  slow) ticks 30 0.1 ;;
  fork)
    setsid sleep 600 &
    (sleep 600 &)
    ticks 8 0.1
    ;;
  loud)
    ticks 10000 ''
    sleep 0.5
    seq 10001 20000 | sed 's/^/tick /'
    ;;
esac
echo "the end of $kind"
`;

const person = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Ada Example',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada Example',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
};

/** A bare repository that people push to. */
export interface Project {
  readonly dir: string;
  /** A new commit that nothing points to yet, for a branch on top of `parent`. */
  commit(kind: JobKind, parent: string | null): Promise<string>;
  /** One for a pull request: whatever main does, merging it is possible and leaves its kind alone. */
  commitForPull(kind: JobKind): Promise<string>;
  /** Points `ref` to `sha`, whatever it was; null deletes it. A push like any other, hooks included. */
  push(ref: string, sha: string | null): Promise<void>;
  kindOf(sha: string): JobKind;
  /** What a fresh look at the repository finds, by ref. */
  refs(): Promise<ReadonlyMap<string, string>>;
}

/** Makes the repository at `dir/origin.git`, with one commit on main. */
export async function makeProject(dir: string): Promise<Project> {
  const origin = join(dir, 'origin.git');
  const work = join(dir, 'client');
  await mkdir(join(work, 'test'), { recursive: true });
  const git = async (cwd: string, ...args: string[]): Promise<string> => {
    const { stdout } = await run('git', args, { cwd, env: { ...process.env, ...person } });
    return stdout.trim();
  };
  await git(dir, 'init', '-q', '--bare', '-b', 'main', origin);
  await git(work, 'init', '-q', '-b', 'main', '.');
  await git(work, 'remote', 'add', 'origin', origin);
  await writeFile(join(work, 'test/run'), testRun, { mode: 0o755 });
  const allKinds = Object.keys(jobKinds) as JobKind[];
  const treeWith = async (file: string, kind: JobKind): Promise<readonly [JobKind, string]> => {
    await writeFile(join(work, file), `${kind}\n`);
    await git(work, 'add', '-A');
    return [kind, await git(work, 'write-tree')];
  };
  const trees = new Map<JobKind, string>();
  for (const kind of allKinds) trees.set(...(await treeWith('kind', kind)));
  await treeWith('kind', 'pass');
  const pullTrees = new Map<JobKind, string>();
  for (const kind of allKinds) pullTrees.set(...(await treeWith('pull-kind', kind)));
  const kinds = new Map<string, JobKind>();
  let count = 0;
  let first: string | null = null;
  const commitTree = async (kind: JobKind, tree: string, parent: string | null): Promise<string> => {
    count += 1;
    const parents = parent === null ? [] : ['-p', parent];
    const sha = await git(work, 'commit-tree', ...parents, '-m', `${kind} ${String(count)}`, tree);
    first ??= sha;
    kinds.set(sha, kind);
    return sha;
  };
  const project: Project = {
    dir: origin,
    commit: (kind, parent) => commitTree(kind, trees.get(kind) ?? '', parent),
    commitForPull: (kind) => commitTree(kind, pullTrees.get(kind) ?? '', first),
    async push(ref, sha) {
      await git(work, 'push', '-q', 'origin', `+${sha ?? ''}:${ref}`);
    },
    kindOf(sha) {
      const kind = kinds.get(sha);
      if (kind === undefined) throw new Error(`nobody made commit ${sha}`);
      return kind;
    },
    async refs() {
      const text = await git(origin, 'for-each-ref', '--format=%(refname) %(objectname)');
      const lines = text.split('\n').filter((line) => line !== '');
      return new Map(lines.map((line) => line.split(' ') as [string, string]));
    },
  };
  await project.push('refs/heads/main', await project.commit('pass', null));
  return project;
}
