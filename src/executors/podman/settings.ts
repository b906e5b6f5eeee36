import { replaceSmallFile } from '../../base/small-file.ts';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { ExecutorTrial } from '../executor.ts';

import { reasonIn, type PodmanCommand } from './podman-command.ts';
import { containerName, globalArguments, type PodmanSettings } from './run-arguments.ts';

/** A result of trying, and what it is valid for. */
interface Remembered {
  /** Changes with podman itself, with our hard limits and with who we are. */
  readonly key: string;
  readonly settings: PodmanSettings;
  readonly finding: string;
}

/** What a trial gives: settings when something worked. */
export interface TrialResult extends ExecutorTrial {
  readonly settings: PodmanSettings | null;
}

/** Our hard limits; null means unlimited. */
export interface HardLimits {
  readonly openFiles: number | null;
  readonly processes: number | null;
}

/** Changes with what is remembered. */
const recordVersion = 'v2';

/** An image with nothing in it: podman's own init is mounted into it and says its version. */
export const trialImage = 'localhost/groundcrew-trial:1';

/** How the ids of trials begin; a run's id begins otherwise. */
const trialPrefix = 'trial-';

type Attempt = Pick<PodmanSettings, 'globalFlags' | 'runFlags'> & { readonly words: string };

/**
 * The settings to try, the plainest first. A runtime cannot raise a limit beyond the one we have ourselves, and podman
 * asks for a million open files; where we may not, limits are given that we have. A runtime may dislike the host's
 * control groups: crun refuses hybrid ones. Without systemd the groups must be made directly.
 */
export function attempts(limits: HardLimits): readonly Attempt[] {
  const files = limits.openFiles ?? 1_048_576;
  // Far below what we may ourselves: the limit counts all processes of the user on this machine.
  const processes = Math.min(limits.processes ?? 10_000, 10_000);
  const ulimits = [
    `--ulimit=nofile=${String(files)}:${String(files)}`,
    `--ulimit=nproc=${String(processes)}:${String(processes)}`,
  ];
  const direct = '--cgroup-manager=cgroupfs';
  const plain: Attempt = { globalFlags: [], runFlags: [], words: 'podman as it is' };
  const limited = ['', 'runc', 'crun'].flatMap((runtime) =>
    [[], [direct]].map((manager): Attempt => {
      const globalFlags = [...(runtime === '' ? [] : [`--runtime=${runtime}`]), ...manager];
      return { globalFlags, runFlags: ulimits, words: [...globalFlags, ...ulimits].join(' ').replaceAll('--', '') };
    }),
  );
  return [plain, ...limited];
}

/** Runs one container with each of the attempts until one works, the remembered one first; remembers it in `file`. */
export async function tryPodman(
  podman: PodmanCommand,
  place: { readonly cacheDir: string; readonly path: string; readonly clock: Clock; readonly owner: string },
  signal: AbortSignal,
): Promise<TrialResult> {
  const { clock } = place;
  const began = clock.monotonic();
  const took = (): number => Math.round(clock.monotonic() - began);
  const limits = await hardLimits();
  const key = await keyOf(place.path, limits);
  if (key === null) return { isUsable: false, finding: 'podman is not installed', tookMs: took(), settings: null };
  const known = await readRemembered(place.cacheDir, key);
  const order = [...(known === null ? [] : [{ ...known.settings, words: known.finding }]), ...attempts(limits)];
  const reasons: string[] = [];
  for (const attempt of order) {
    if (signal.aborted) break;
    const reason = await runTrial(podman, attempt, place.owner, signal);
    if (reason !== null) {
      reasons.push(reason);
      continue;
    }
    if (known !== null && attempt.words === known.finding) {
      return { isUsable: true, finding: known.finding, tookMs: took(), settings: known.settings };
    }
    const { globalFlags, runFlags } = attempt;
    const settings: PodmanSettings = { globalFlags, runFlags, ...(await factsOf(podman, attempt)) };
    const version = (await podman(['--version'])).stdout.toString('utf8').trim().replace(' version', '');
    const finding = `${version}, ${attempt.words}, cgroup v${String(settings.cgroupVersion)}`;
    await mkdir(place.cacheDir, { recursive: true, mode: 0o700 });
    replaceSmallFile(join(place.cacheDir, 'podman.json'), JSON.stringify({ key, settings, finding }));
    return { isUsable: true, finding, tookMs: took(), settings };
  }
  const finding = `no container runs: ${[...new Set(reasons)].slice(0, 3).join('; ')}`;
  return { isUsable: false, finding, tookMs: took(), settings: null };
}

/** What an earlier trial on this machine found, if nothing has changed since. */
export async function rememberedSettings(cacheDir: string, path: string): Promise<PodmanSettings | null> {
  const key = await keyOf(path, await hardLimits());
  return key === null ? null : ((await readRemembered(cacheDir, key))?.settings ?? null);
}

/** Null when a container ran, else why not. */
async function runTrial(
  podman: PodmanCommand,
  attempt: Attempt,
  owner: string,
  signal: AbortSignal,
): Promise<string | null> {
  const run = async (): Promise<{ readonly exitCode: number; readonly text: string }> => {
    // Named and labelled like a run, for the sweep: we or podman may die before it is removed.
    const id = `${trialPrefix}${randomBytes(8).toString('hex')}`;
    const labels = [`--name=${containerName(id)}`, `--label=groundcrew.owner=${owner}`, `--label=groundcrew.run=${id}`];
    const args = ['run', '--rm', '--init', '--log-driver=passthrough', '--pull=never', '--network=none', ...labels];
    const command = [...args, ...attempt.runFlags, trialImage, '/run/podman-init', '--version'];
    const { exitCode, stdout, stderr } = await podman([...globalArguments(attempt), ...command], {
      signal,
      timeoutMs: 60_000,
    });
    return { exitCode, text: stdout.toString('utf8') + stderr.toString('utf8') };
  };
  let result = await run();
  if (result.exitCode === 125 && /image not known|no such image|unable to find/i.test(result.text)) {
    const imported = await podman([...globalArguments(attempt), 'import', '-', trialImage], {
      input: emptyArchive,
      signal,
    });
    if (imported.exitCode !== 0) return reasonIn(imported.stderr.toString('utf8'));
    result = await run();
  }
  // An older podman mounts its init elsewhere: the container ran all the same, and init said that it found no command.
  const isProof = result.exitCode === 0 || result.text.includes('failed to exec pid1');
  return isProof ? null : reasonIn(result.text);
}

/** A tar file without members: two zero blocks, padded as tar does. */
const emptyArchive = new Uint8Array(10_240);

async function factsOf(
  podman: PodmanCommand,
  attempt: Attempt,
): Promise<Omit<PodmanSettings, 'globalFlags' | 'runFlags'>> {
  const told = await podman([...globalArguments(attempt), 'info', '--format', 'json']);
  return readFacts(told.stdout.toString('utf8'));
}

/** What `podman info --format json` says of control groups and storage; exported for its test. */
export function readFacts(infoJson: string): Omit<PodmanSettings, 'globalFlags' | 'runFlags'> {
  let said: PodmanInfo = {};
  try {
    said = JSON.parse(infoJson) as PodmanInfo;
  } catch {
    // It failed, and what runs without it runs.
  }
  const { host, store } = said;
  const { graphRoot, graphDriverName, graphOptions } = store ?? {};
  // Images of a second, shared store come and go without the list of the first.
  const isWhole = !JSON.stringify(graphOptions ?? {})
    .toLowerCase()
    .includes('imagestore');
  return {
    cgroupVersion: host?.cgroupVersion === 'v1' ? 1 : 2,
    cgroupManager: host?.cgroupManager === 'systemd' ? 'systemd' : 'cgroupfs',
    imageListFile:
      isWhole && graphRoot !== undefined && graphDriverName !== undefined
        ? join(graphRoot, `${graphDriverName}-images`, 'images.json')
        : null,
  };
}

/** podman-info(1), as podman 4.3 and 5 print it. */
interface PodmanInfo {
  readonly host?: { readonly cgroupVersion?: string; readonly cgroupManager?: string };
  readonly store?: { readonly graphRoot?: string; readonly graphDriverName?: string; readonly graphOptions?: unknown };
}

async function hardLimits(): Promise<HardLimits> {
  const text = await readFile('/proc/self/limits', 'latin1').catch(() => '');
  const hard = (name: string): number | null => {
    const match = new RegExp(`^${name}\\s+\\S+\\s+(\\d+)`, 'm').exec(text);
    return match === null ? null : Number(match[1]);
  };
  return { openFiles: hard('Max open files'), processes: hard('Max processes') };
}

async function keyOf(path: string, limits: HardLimits): Promise<string | null> {
  for (const dir of path.split(':')) {
    try {
      const file = await realpath(join(dir, 'podman'));
      const { mtimeMs, size } = await stat(file);
      const whoWeAre = process.getuid?.() ?? 0;
      return [recordVersion, file, mtimeMs, size, limits.openFiles, limits.processes, whoWeAre].map(String).join(' ');
    } catch {
      // Not in this directory.
    }
  }
  return null;
}

async function readRemembered(cacheDir: string, key: string): Promise<Remembered | null> {
  try {
    const found = JSON.parse(await readFile(join(cacheDir, 'podman.json'), 'utf8')) as Remembered;
    return found.key === key ? found : null;
  } catch {
    return null;
  }
}
