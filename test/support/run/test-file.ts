import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { groupMembers } from './leftovers.ts';
import type { ReportLine } from './report.ts';

/** Why something is red: where, and everything that is known. */
export interface Failure {
  readonly title: string;
  readonly details: string;
}

/** What one file, command or step brought. */
export interface Tally {
  readonly passed: number;
  readonly failures: readonly Failure[];
  readonly skipped: readonly string[];
}

export interface FileLimits {
  readonly testTimeoutMs: number;
  readonly fileTimeoutMs: number;
}

const reporter = join(import.meta.dirname, 'file-reporter.ts');

/** Runs one test file in a process (and process group) of its own, which it may not outlive. */
export async function runTestFile(path: string, env: NodeJS.ProcessEnv, limits: FileLimits): Promise<Tally> {
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      `--test-timeout=${limits.testTimeoutMs}`,
      `--test-reporter=${reporter}`,
      path,
    ],
    // Without NODE_TEST_CONTEXT, which a run inside a test would hand down, and which changes who reports.
    { env: { ...env, NODE_TEST_CONTEXT: undefined }, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] },
  );
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${process.execPath}`);
  const deadline = new AbortController();
  const timer = setTimeout(() => {
    deadline.abort();
    killGroup(pid);
  }, limits.fileTimeoutMs);
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? String(code)));
  });
  const [report, ...output] = [child.stdio[3], child.stdout, child.stderr].map((stream) => collect(stream as Readable));
  const status = await exited;
  clearTimeout(timer);
  const left = await groupMembers(pid);
  killGroup(pid);
  const isOverdue = deadline.signal.aborted;
  // A stream ends when the last process that holds it does, and one left behind may live for ever.
  await Promise.race([
    Promise.all([report?.ended, ...output.map(({ ended }) => ended)]),
    sleep(500, null, { ref: false }),
  ]);
  const lines = (report?.read() ?? '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ReportLine);
  const said = output.map((each) => each.read()).join('');
  for (const each of output) each.close();
  report?.close();
  const failures = failuresOf(path, lines, said);
  const fail = (title: string, details = ''): number =>
    failures.push({ title: `${path}: ${title}`, details: [details, said].join('\n').trim() });
  if (isOverdue) fail(`not over after ${limits.fileTimeoutMs / 1000} s`, `last begun: ${lastBegun(lines)}`);
  else if (status !== '0' && failures.length === 0) fail(`ended with ${status}`);
  if (left.length > 0 && !isOverdue) fail('left processes running', left.join('\n'));
  return {
    passed: lines.filter(({ kind }) => kind === 'passed').length,
    failures,
    skipped: lines.flatMap((line) => (line.kind === 'skipped' ? [`${path}: ${line.title}: ${line.reason}`] : [])),
  };
}

function failuresOf(path: string, lines: readonly ReportLine[], output: string): Failure[] {
  return lines.flatMap((line) => {
    if (line.kind === 'failed') {
      return [{ title: `${path}:${line.line}: ${line.title}`, details: `${line.error}\n${output}`.trim() }];
    }
    if (line.kind === 'leaked') {
      return [{ title: `${path}: left open after its tests: ${line.what.join(', ')}`, details: output.trim() }];
    }
    return [];
  });
}

function lastBegun(lines: readonly ReportLine[]): string {
  return lines.findLast((line) => line.kind === 'started')?.title ?? 'nothing';
}

/** What a stream has given so far. */
interface Collected {
  readonly ended: Promise<unknown>;
  readonly read: () => string;
  readonly close: () => void;
}

function collect(stream: Readable): Collected {
  const parts: Buffer[] = [];
  stream.on('data', (part: Buffer) => parts.push(part));
  return {
    ended: new Promise((resolve) => stream.once('close', resolve)),
    read: () => Buffer.concat(parts).toString(),
    close: () => stream.destroy(),
  };
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}
