import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { exec } from '../../../src/base/exec.ts';
import { leftoverProcesses } from './leftovers.ts';
import { type FileLimits, runTestFile, type Tally } from './test-file.ts';

/** A command that passes or fails as one: compiler, linter, simulator. */
export interface Check {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  /** A file without which there is nothing to check yet. */
  readonly onlyIf?: string;
}

/** What a run is: where, and what its processes are known by. */
export interface TestRun {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly mark: string;
  readonly tempDir: string;
  readonly width: number;
  readonly limits: FileLimits;
}

/** Runs the command; null when there is nothing to check. */
export async function runCheck(check: Check, run: TestRun): Promise<Tally | null> {
  if (check.onlyIf !== undefined && !(await isThere(join(run.root, check.onlyIf)))) return null;
  const { exitCode, stdout, stderr } = await exec(check.argv, { cwd: run.root, env: run.env });
  if (exitCode === 0) return { passed: 1, failures: [], skipped: [] };
  const title = `${check.name}: \`${check.argv.join(' ')}\` ended with ${exitCode}`;
  return { passed: 0, failures: [{ title, details: `${String(stdout)}${String(stderr)}`.trim() }], skipped: [] };
}

/** Runs the files, `run.width` of them at a time. */
export async function runTestFiles(paths: readonly string[], run: TestRun): Promise<Tally> {
  const tallies = await inParallel(paths, run.width, (path) => runTestFile(path, run.env, run.limits));
  return {
    passed: tallies.reduce((sum, { passed }) => sum + passed, 0),
    failures: tallies.flatMap(({ failures }) => failures),
    skipped: tallies.flatMap(({ skipped }) => skipped),
  };
}

/** Fails when a test left a process or a file behind; ends such processes. */
export async function checkLeftovers(run: TestRun): Promise<Tally> {
  // A container's monitor goes some seconds after its container; what stays is left behind.
  let processes = await leftoverProcesses(run.mark, run.tempDir);
  for (let looks = 0; looks < 60 && processes.length > 0; looks++) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    processes = await leftoverProcesses(run.mark, run.tempDir);
  }
  for (const { pid } of processes) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
  // What all test files of a run share is theirs to make once, and goes with the run's directory.
  const files = (await readdir(run.tempDir)).filter((name) => !name.startsWith('groundcrew-test-'));
  const left = [...processes.map(({ pid, command }) => `process ${pid}: ${command}`), ...files];
  if (left.length === 0) return { passed: 1, failures: [], skipped: [] };
  return { passed: 0, failures: [{ title: 'the tests left behind', details: left.join('\n') }], skipped: [] };
}

/** Applies `work` to each item, at most `width` at once; results in the order of the items. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  const queue = items.entries();
  const lane = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: width }, lane));
  return results;
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
