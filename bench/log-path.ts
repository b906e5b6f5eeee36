/**
 * The log path from a job's output to the sealed object, redacting, against `cat` to a file; medians of interleaved pairs.
 * Needs no container: the engine alone. `node bench/log-path.ts [--mib 1024] [--pairs 3] [--json]`
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/base/clock.ts';
import { systemRandom } from '../src/base/random.ts';
import { createChunkStreamer } from '../src/logs/chunk-streamer.ts';
import { openJobLog } from '../src/logs/job-log.ts';
import { createDirectoryStore } from '../src/storage/directory/directory-store.ts';
import type { Row } from './measure.ts';

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '1024' },
    pairs: { type: 'string', default: '3' },
    json: { type: 'boolean' },
  },
});
const mebibytes = Number(values.mib);
const line = 'ok 12 test/verify/check-machines TestMachines.testCreate # duration 12s host=worker-3 [ND@1]';
// What a job is: a process that writes as fast as the pipe takes it.
const job = ['sh', '-c', `yes '${line}' | head -c ${String(mebibytes * 1024 * 1024)}`] as const;
const secrets = [
  'hunter22',
  'ghp_abcdefghijklmnopqrstuvwxyz0123456789',
  's3cr3t pass/word?',
  'AKIAIOSFODNN7EXAMPLE',
  'x'.repeat(64),
];

const dir = await mkdtemp(join(tmpdir(), 'gc-bench-'));
try {
  const rounds = [];
  for (let pair = 0; pair < Number(values.pairs); pair++)
    rounds.push({ cat: await byCat(), ours: await byUs(String(pair)) });
  const cat = median(rounds.map((round) => round.cat));
  const ours = median(rounds.map((round) => round.ours.mbPerSecond));
  const growth = Math.max(...rounds.map((round) => round.ours.rssGrowthMib));
  const peakChunks = Math.max(...rounds.map((round) => round.ours.peakObjects));
  const name = `the log engine alone, ${String(mebibytes)} MiB`;
  const rows: readonly Row[] = [
    {
      what: `${name}: output → sealed object, redacting`,
      target: '≥ 120 MB/s',
      measured: `${ours.toFixed(0)} MB/s`,
      baseline: `${cat.toFixed(0)} MB/s: job | cat > file`,
      isReached: ours >= 120,
    },
    {
      what: `${name}: growth of memory`,
      target: '< 64 MiB',
      measured: `${growth.toFixed(0)} MiB`,
      baseline: `${String(peakChunks)} objects at most`,
      isReached: growth < 64,
    },
  ];
  if (values.json === true) console.log(JSON.stringify(rows));
  else for (const row of rows) console.log(`${row.what}: ${row.measured} (${row.target}); ${row.baseline}`);
} finally {
  await rm(dir, { recursive: true, force: true });
}

async function byCat(): Promise<number> {
  const target = join(dir, 'cat');
  const began = performance.now();
  const child = spawn('sh', ['-c', `${job[2]} | cat > '${target}'`], { stdio: 'ignore' });
  await once(child, 'exit');
  const took = performance.now() - began;
  await rm(target);
  return speed(took);
}

async function byUs(name: string): Promise<{ mbPerSecond: number; rssGrowthMib: number; peakObjects: number }> {
  const state = join(dir, name);
  await mkdir(state);
  const store = await createDirectoryStore({ root: join(dir, `store-${name}`), clock: systemClock });
  const never = new AbortController().signal;
  const streamer = createChunkStreamer({
    file: join(state, 'log'),
    store,
    prefix: 'bench/run/1.1-00000000',
    visibility: 'private',
    clock: systemClock,
    random: systemRandom,
    onTrouble: (error) => {
      throw error;
    },
    signal: never,
  });
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let most = before;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 10);
  const began = performance.now();
  const child = spawn(job[0], job.slice(1), { stdio: ['ignore', 'pipe', 'ignore'] });
  const log = await openJobLog({
    dir: state,
    secrets: secrets.map((secret) => Buffer.from(secret)),
    limitBytes: null,
    clock: systemClock,
    onGrew: (sizeBytes) => {
      streamer.grew(sizeBytes);
    },
    onLimit: () => undefined,
  });
  for await (const part of child.stdout) await log.write(part as Buffer);
  const total = await log.finish();
  const peakObjects = (await readdir(join(dir, `store-${name}`, 'objects/bench/run/1.1-00000000'))).length;
  await streamer.seal(total, never);
  const took = performance.now() - began;
  clearInterval(watch);
  await log.close();
  if (total.sizeBytes !== mebibytes * 1024 * 1024) throw new Error(`${String(total.sizeBytes)} bytes sealed`);
  await rm(join(dir, `store-${name}`), { recursive: true });
  await rm(state, { recursive: true });
  return { mbPerSecond: speed(took), rssGrowthMib: (most - before) / 1024 / 1024, peakObjects };
}

/** MB (10⁶ bytes) a second. */
function speed(tookMs: number): number {
  return (mebibytes * 1024 * 1024) / 1000 / tookMs;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
