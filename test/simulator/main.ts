import { parseArgs } from 'node:util';
import { simulate } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    'stop-at-first': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) {
  process.stdout.write(`npm run simulate -- [--seeds N] [--from SEED] [--trace] [--stop-at-first] [--json]

Runs the production modules under virtual time against a seeded adversary and checks every promise.
A failing seed is printed with its time line; --seeds 1 --from SEED --trace repeats it exactly.
`);
  process.exit(0);
}

const seeds = Number(values.seeds);
const from = Number(values.from);
if (!Number.isInteger(seeds) || seeds < 1 || !Number.isInteger(from)) {
  process.stderr.write('simulate: --seeds and --from take whole numbers\n');
  process.exit(2);
}

const startedAt = process.cpuUsage();
let events = 0;
let failed = 0;
let fewestEvents = Number.POSITIVE_INFINITY;
let firstFailing: number | null = null;
let why = '';
const faults: Record<string, number> = {};
for (let seed = from; seed < from + seeds; seed += 1) {
  const result = await simulate(seed, { isTraced: values.trace });
  events += result.events;
  fewestEvents = Math.min(fewestEvents, result.events);
  for (const [fault, times] of Object.entries(result.faults)) faults[fault] = (faults[fault] ?? 0) + times;
  if (values.trace) process.stdout.write(`${result.timeline.join('\n')}\n`);
  if (result.violations.length === 0) continue;
  failed += 1;
  firstFailing ??= seed;
  if (why === '') why = result.violations[0] ?? '';
  if (!values.json && failed <= 5) {
    const { timeline } = values.trace ? result : await simulate(seed, { isTraced: true });
    process.stdout.write(
      `seed ${String(seed)} broke a promise:\n${result.violations.map((line) => `  ${line}\n`).join('')}`,
    );
    if (!values.trace && failed === 1) process.stdout.write(`\n${timeline.join('\n')}\n\n`);
  }
  if (values['stop-at-first']) break;
}
// Processor time of this process, so that a busy machine does not count: seeds a second and core.
const used = process.cpuUsage(startedAt);
const seconds = (used.user + used.system) / 1e6;
const summary = {
  seeds,
  failed,
  firstFailing,
  why,
  seedsPerSecond: Math.round(seeds / seconds),
  eventsPerSeed: Math.round(events / seeds),
  fewestEvents,
  faults,
};
if (values.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
else
  process.stdout.write(
    `${String(seeds)} seeds from ${String(from)}: ${String(failed)} failed, ${String(summary.seedsPerSecond)} seeds/s, ${String(summary.eventsPerSeed)} events a seed; faults: ${JSON.stringify(faults)}\n`,
  );
process.exit(failed === 0 ? 0 : 1);
