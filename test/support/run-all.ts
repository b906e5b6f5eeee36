import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Check, checkLeftovers, inParallel, runCheck, runTestFiles, type TestRun } from './run/steps.ts';
import { testFiles, testSteps } from './run/test-files.ts';
import type { Failure, Tally } from './run/test-file.ts';

const { values: options } = parseArgs({
  options: {
    long: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    // Heeded by test/run already.
    'no-install': { type: 'boolean' },
  },
});
const isCi = process.env['CI'] === 'true';
const root = join(import.meta.dirname, '../..');
const cache = 'node_modules/.cache';

const staticChecks: readonly Check[] = [
  { name: 'types', argv: ['tsc', '--noEmit', '-p', 'tsconfig.json'] },
  {
    name: 'types of the web client',
    argv: ['tsc', '--noEmit', '-p', 'src/web/client/tsconfig.json'],
    onlyIf: 'src/web/client/tsconfig.json',
  },
  {
    name: 'lint',
    argv: ['eslint', '--cache', '--cache-location', `${cache}/eslint/`, '--cache-strategy', 'content', '.'],
  },
  { name: 'format', argv: ['prettier', '--check', '--cache', '--cache-location', `${cache}/prettier-check`, '.'] },
];
const slowChecks: readonly Check[] = [
  {
    name: 'simulator',
    argv: ['node', 'test/simulator/main.ts', '--seeds', options.long ? '10000' : '2000'],
    onlyIf: 'test/simulator/main.ts',
  },
  { name: 'bench smoke', argv: ['bench/run', '--smoke'], onlyIf: 'bench/run' },
];

const total = { passed: 0, skipped: [] as string[], failures: [] as Failure[] };
const tempDir = await realpath(await mkdtemp(join(tmpdir(), 'gt-')));
// Tests that run programs as another user have to come through.
await chmod(tempDir, 0o711);
const mark = { name: 'GROUNDCREW_TEST_RUN', value: basename(tempDir) };
const run: TestRun = {
  root,
  env: { ...plainEnvironment(), TMPDIR: tempDir, [mark.name]: mark.value },
  mark: `${mark.name}=${mark.value}`,
  tempDir,
  width: Math.max(2, availableParallelism()),
  limits: options.long
    ? { testTimeoutMs: 900_000, fileTimeoutMs: 1_800_000 }
    : { testTimeoutMs: 60_000, fileTimeoutMs: 240_000 },
};

process.chdir(root);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void stop());
const startedAt = performance.now();
try {
  await inParallel(staticChecks.filter(wanted), run.width, (check) => step(check.name, () => runCheck(check, run)));
  const files = await testFiles(root, { isLong: options.long });
  for (const name of testSteps) {
    const chosen = name.includes(options.only)
      ? files[name]
      : files[name].filter((path) => path.includes(options.only));
    if (chosen.length > 0) await step(name, () => runTestFiles(chosen, run));
  }
  for (const check of slowChecks.filter(wanted)) await step(check.name, () => runCheck(check, run));
  await step('nothing left behind', () => checkLeftovers(run));
} finally {
  await rm(tempDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

for (const line of total.skipped) console.log(`skipped: ${line}`);
// In CI a skipped test is one that nobody ran: what it needs has to be there.
const failed = total.failures.length + (isCi ? total.skipped.length : 0);
const skipped = isCi ? 0 : total.skipped.length;
for (const { title } of total.failures) console.log(`failed: ${title}`);
console.log(`total ${seconds(startedAt)}`);
if (total.passed + failed === 0) {
  console.log(`nothing matches --only ${options.only}`);
  process.exitCode = 2;
}
console.log(`${total.passed} passed, ${failed} failed, ${skipped} skipped`);
if (failed > 0) process.exitCode = 1;

function wanted(check: Check): boolean {
  return check.name.includes(options.only);
}

/** Our environment without colours, since what tests compare must not depend on who watches. */
function plainEnvironment(): Record<string, string> {
  const env: Record<string, string> = { NO_COLOR: '1', NODE_COMPILE_CACHE: join(root, cache, 'compiled') };
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !['FORCE_COLOR', 'NO_COLOR', 'NODE_COMPILE_CACHE'].includes(name)) env[name] = value;
  }
  return env;
}

/** Ends what we started, which is in process groups of its own and hears no Ctrl-C. */
async function stop(): Promise<void> {
  await checkLeftovers(run);
  await rm(tempDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  process.exit(130);
}

/** Runs one step, prints its line, and under it all that is known of its failures. */
async function step(name: string, work: () => Promise<Tally | null>): Promise<void> {
  const began = performance.now();
  const tally = await work();
  if (tally === null) return;
  const { passed, failures, skipped } = tally;
  total.passed += passed;
  total.failures.push(...failures);
  total.skipped.push(...skipped);
  const counts = [
    `${passed} passed`,
    ...(failures.length > 0 ? [`${failures.length} failed`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} skipped`] : []),
  ];
  console.log(
    `${failures.length === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(24)} ${seconds(began).padStart(8)}  ${counts.join(', ')}`,
  );
  for (const { title, details } of failures) {
    console.log(`\n--- ${title}\n${details.replace(/^/gm, '    ')}\n`);
  }
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}
