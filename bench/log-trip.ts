/**
 * The whole way of a log, from the job's output to the sealed object, through a running `up`: redacted, hashed, streamed to
 * the store while it grows. Against `cat` to a file, and for podman against its own k8s-file log.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RunDetail } from '../src/ledger/ledger-reader.ts';
import { rememberedSettings } from '../src/executors/podman/settings.ts';
import { openCrew, type Crew, type House } from '../test/support/crew.ts';
import type { TestRepo } from '../test/support/git-repo.ts';
import { has } from '../test/support/needs.ts';
import { podmanCacheDir, podmanEnv, testImage } from '../test/support/test-image.ts';
import { benchPart, eventually, median, type Row } from './measure.ts';

const line = 'ok 12 test/verify/check-machines TestMachines.testCreate # duration 12s host=worker-3 [ND@1]';
const printing = (mebibytes: number): string => `yes '${line}' | head -c ${String(mebibytes * 2 ** 20)}`;

interface Trip {
  readonly mbPerSecond: number;
  readonly growthMib: number;
}

await benchPart(async (context) => {
  const crew = await openCrew(context);
  crew.configure('secrets:\n  bench: {env: BENCH_SECRET}\ndefaults:\n  limits: {log: none}\n');
  const size = context.isSmoke ? 64 : 1024;
  const pairs = context.isSmoke ? 1 : 3;
  const rows = await measure(crew, { size, pairs, executor: 'process', image: null });
  if (!has('podman')) {
    return [
      ...rows,
      { what: 'log path, podman', target: '≥ 0.6 ×', measured: 'no podman here', baseline: '', isReached: null },
    ];
  }
  // The engine is the same; podman's own log takes a minute for a gibibyte.
  return [...rows, ...(await measure(crew, { size: size / 4, pairs, executor: 'podman', image: await testImage() }))];
});

async function measure(
  crew: Crew,
  order: { readonly size: number; readonly pairs: number; readonly executor: string; readonly image: string | null },
): Promise<readonly Row[]> {
  const { size, pairs, executor, image } = order;
  const repo = crew.repo(`repo-${executor}`);
  const script = `#!/bin/sh\n${printing(size)}\n`;
  const container = image === null ? {} : { '.groundcrew/container': `${image}\n` };
  const warm = repo.commit({ '.groundcrew/run': { script: `#!/bin/sh\n${printing(1)}\n` }, ...container });
  const house = await crew.up('--executor', executor, repo.dir);
  await house.ended(warm);
  const hook = await crew.cli('hook', 'install', repo.dir);
  if (hook.code !== 0) throw new Error(hook.err);
  const found: { ours: Trip; byHand: number }[] = [];
  for (let round = 0; round < pairs; round += 1) {
    const byHand = image === null ? await byCat(crew, size) : await byPodman(crew, size, image);
    const ours = await trip(house, repo, { '.groundcrew/run': { script: `${script}# ${String(round)}\n` } }, size);
    found.push({ byHand, ours });
  }
  await house.program.end('SIGTERM');
  rmSync(crew.stateDir, { recursive: true, force: true });

  const ours = median(found.map((pair) => pair.ours.mbPerSecond));
  const byHand = median(found.map((pair) => pair.byHand));
  const ratio = median(found.map((pair) => pair.ours.mbPerSecond / pair.byHand));
  const growth = Math.max(...found.map((pair) => pair.ours.growthMib));
  const what = `log path, ${executor}, ${String(size)} MiB`;
  const isProcess = image === null;
  return [
    {
      what: `${what}: job → sealed object, redacting`,
      target: isProcess ? '≥ 120 MB/s' : '≥ 0.6 ×',
      measured: `${ours.toFixed(0)} MB/s${isProcess ? '' : ` = ${ratio.toFixed(2)} ×`}`,
      baseline: `${byHand.toFixed(0)} MB/s: ${isProcess ? 'job | cat > file' : 'podman run --log-driver k8s-file … | cat > file'}`,
      isReached: isProcess ? ours >= 120 : ratio >= 0.6,
    },
    {
      what: `${what}: growth of the memory of \`up\``,
      target: '< 64 MiB',
      measured: `${growth.toFixed(0)} MiB`,
      baseline: '',
      isReached: growth < 64,
    },
  ];
}

/** From the start of the job to the sealed log, as the ledger has them; the memory of `up` is looked at meanwhile. */
async function trip(
  house: House,
  repo: TestRepo,
  files: Parameters<TestRepo['commit']>[0],
  size: number,
): Promise<Trip> {
  const before = memoryMib(house.program.pid);
  let most = before;
  const watch = setInterval(() => (most = Math.max(most, memoryMib(house.program.pid))), 50);
  try {
    const sha = repo.commit(files);
    const { jobId } = await eventually(20, async () => (await house.runs()).find((run) => run.sha === sha) ?? null);
    const detail = await eventually(20, async () => sealed(await house.run(jobId)));
    const startedAt = detail.attempts[0]?.startedAt ?? Number.NaN;
    const tookMs = Date.now() - startedAt;
    const bytes = detail.attempts[0]?.logBytes ?? 0;
    if (bytes < size * 2 ** 20)
      throw new Error(`${String(bytes)} bytes sealed: ${JSON.stringify(detail.summary.outcome)}`);
    return { mbPerSecond: bytes / 1000 / tookMs, growthMib: most - before };
  } finally {
    clearInterval(watch);
  }
}

function sealed(run: RunDetail): RunDetail | null {
  return run.attempts.some((attempt) => attempt.logSha256 !== null) ? run : null;
}

function byCat({ root }: Crew, size: number): Promise<number> {
  return piped('sh', ['-c', printing(size)], { file: join(root, 'by-cat'), size, env: process.env });
}

async function byPodman({ root }: Crew, size: number, image: string): Promise<number> {
  const settings = await rememberedSettings(podmanCacheDir(), podmanEnv()['PATH'] ?? '');
  const flags = ['--log-level=error', ...(settings?.globalFlags ?? []), 'run', '--rm', '--log-driver=k8s-file'];
  const words = [...flags, ...(settings?.runFlags ?? []), image, 'sh', '-c', printing(size)];
  return piped('podman', words, { file: join(root, 'by-podman'), size, env: podmanEnv() });
}

/** `program | cat > file`, in MB (10⁶ bytes) a second. */
async function piped(
  program: string,
  words: readonly string[],
  { file, size, env }: { readonly file: string; readonly size: number; readonly env: NodeJS.ProcessEnv },
): Promise<number> {
  const began = performance.now();
  const child = spawn('sh', ['-c', 'file=$1; shift; "$@" | cat > "$file"', 'sh', file, program, ...words], {
    env,
    stdio: 'ignore',
  });
  await once(child, 'exit');
  const ms = performance.now() - began;
  rmSync(file);
  return (size * 2 ** 20) / 1000 / ms;
}

/** Resident memory without the pages of files, which the kernel takes back when it likes. */
function memoryMib(pid: number): number {
  return Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'latin1'))?.[1]) / 1024;
}
