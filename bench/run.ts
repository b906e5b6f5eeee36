/** Runs the parts one after the other, each in a process of its own, and prints one table. See `docs/benchmarks.md`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Row } from './measure.ts';

interface Part {
  readonly name: string;
  readonly file: string;
  /** What it is called with for tiny sizes; else nothing. */
  readonly smoke: readonly string[];
}

const parts: readonly Part[] = [
  { name: 'start', file: 'start.ts', smoke: ['--smoke'] },
  { name: 'commit', file: 'commit.ts', smoke: ['--smoke'] },
  { name: 'podman', file: 'podman.ts', smoke: ['--smoke'] },
  { name: 'live', file: 'live.ts', smoke: ['--smoke'] },
  { name: 'log', file: 'log-trip.ts', smoke: ['--smoke'] },
  { name: 's3-log', file: 's3-log.ts', smoke: ['--smoke'] },
  { name: 'log-engine', file: 'log-path.ts', smoke: ['--mib', '16', '--pairs', '1'] },
  {
    name: 'ledger',
    file: 'ledger.ts',
    smoke: ['--ended', '2000', '--waiting', '500', '--events', '1280', '--rounds', '1'],
  },
  { name: 'amqp', file: 'amqp.ts', smoke: ['--smoke'] },
  { name: 'decide', file: 'decide.ts', smoke: ['--smoke'] },
  { name: 'webhook', file: 'webhook.ts', smoke: ['--smoke'] },
  { name: 'event', file: 'event.ts', smoke: ['--smoke'] },
  { name: 'statuses', file: 'statuses.ts', smoke: ['--smoke'] },
  { name: 'scan', file: 'scan.ts', smoke: ['--smoke'] },
  { name: 'many-jobs', file: 'many-jobs.ts', smoke: ['--smoke'] },
  { name: 'worker', file: 'worker.ts', smoke: ['--smoke'] },
  { name: 'worker-death', file: 'worker-death.ts', smoke: ['--smoke'] },
  { name: 'broker-restart', file: 'broker-restart.ts', smoke: ['--smoke'] },
  { name: 'scale', file: 'scale.ts', smoke: ['--smoke'] },
  { name: 'simulator', file: 'simulator.ts', smoke: ['--smoke'] },
  { name: 'repository', file: 'repository.ts', smoke: ['--smoke'] },
];

const { values } = parseArgs({
  options: {
    smoke: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const unknown = (values.only ?? []).filter((name) => parts.every((part) => part.name !== name));
if (values.help || unknown.length > 0) {
  const text = `bench/run [--smoke] [--only PART]… [--json]

Measures what groundcrew must reach, beside the same done by hand. Ends with 1 when a figure is missed or a part broke.
--smoke: tiny sizes, and only a part that breaks counts. Parts: ${parts.map((part) => part.name).join(', ')}.
`;
  if (unknown.length > 0) process.stderr.write(`bench: there is no part ${unknown.join(', ')}\n`);
  (values.help ? process.stdout : process.stderr).write(text);
  process.exit(values.help ? 0 : 2);
}

const results: { part: string; rows: readonly Row[] }[] = [];
const broken: string[] = [];
for (const part of parts) {
  if (values.only !== undefined && !values.only.includes(part.name)) continue;
  if (!values.json) process.stderr.write(`bench: ${part.name}\n`);
  const rows = await runPart(part);
  if (rows === null) broken.push(part.name);
  else results.push({ part: part.name, rows });
}

if (values.json) console.log(JSON.stringify({ results, broken }));
else print(results.flatMap(({ rows }) => rows));
if (broken.length > 0) process.stderr.write(`bench: broke: ${broken.join(', ')}\n`);
const isMissed = results.some(({ rows }) => rows.some((row) => row.isReached === false));
process.exitCode = broken.length > 0 || (isMissed && !values.smoke) ? 1 : 0;

/** Null when it broke, also behind its figures, in its cleaning up. A missed figure is said by its row. */
async function runPart({ file, smoke }: Part): Promise<readonly Row[] | null> {
  const args = [...(values.smoke ? smoke : []), '--json'];
  const flags = ['--disable-warning=ExperimentalWarning', '--expose-gc'];
  const child = spawn(process.execPath, [...flags, join(import.meta.dirname, file), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) return null;
  try {
    return JSON.parse(out.trim().split('\n').at(-1) ?? '') as readonly Row[];
  } catch {
    return null;
  }
}

function print(rows: readonly Row[]): void {
  const verdict = (row: Row): string => {
    if (row.isReached === null) return '';
    return row.isReached ? 'ok' : 'MISSED';
  };
  const cells = [
    ['figure', 'target', 'measured', 'baseline', ''],
    ...rows.map((row) => [row.what, row.target, row.measured, row.baseline, values.smoke ? '' : verdict(row)]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  for (const row of cells) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
  }
}
