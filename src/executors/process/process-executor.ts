import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../base/clock.ts';
import { errorLine, GroundcrewError, isGroundcrewError } from '../../base/errors.ts';
import { writeSmallFile } from '../../base/small-file.ts';
import {
  cgroupPlaces,
  makeCgroups,
  memoryEvidence,
  possibleCgroups,
  removeCgroups,
  type CgroupPlaces,
  type MadeCgroups,
} from '../cgroup.ts';
import type { Executor, ExecutorTrial, Run, RunSpec } from '../executor.ts';
import {
  bootId,
  createGuardState,
  guardDir,
  isRunning,
  readIdentity,
  readNotes,
  readText,
  newMarker,
  type RunNotes,
} from '../guard/guard-state.ts';
import { placeGuardScript } from '../guard/guard-script.ts';
import { broken, brokenRun, GuardedRun, type GuardedEngine } from '../guard/guarded-run.ts';
import { killCarriers, sendSignal } from '../guard/nonce-sweep.ts';
import { createRunRegistry, type RunRegistry } from '../guard/run-registry.ts';
import { claimUnguarded, startGuard } from '../guard/start-guard.ts';
import { launchScript } from '../launch-script.ts';
import { copySecrets } from '../secret-copies.ts';

/** What the process executor needs to know of this machine. */
export interface ProcessExecutorOptions {
  /** Its own directory: one small file for each run that is not cleaned up, for the sweep. */
  readonly runsDir: string;
  /** PATH of jobs that set none, and of the guard. */
  readonly path?: string;
  readonly clock?: Clock;
}

/** Where programs are, on a machine that says nothing else. */
export const standardPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Runs jobs as plain processes of our own user: it isolates nothing and needs nothing but `sh`, `setsid`, `dd`, `grep`
 * and /proc. docs/executors.md says what it keeps (time, output, clean environment, and where control groups can be
 * made memory, pids and CPU) and what escapes it.
 */
export function createProcessExecutor(options: ProcessExecutorOptions): Executor {
  const clock = options.clock ?? systemClock;
  const path = options.path ?? standardPath;
  const registry = createRunRegistry(options.runsDir);
  let foundPlaces: Promise<CgroupPlaces> | null = null;
  // A worker stays where it is.
  const places = (): Promise<CgroupPlaces> => (foundPlaces ??= cgroupPlaces());
  const running = (spec: Pick<RunSpec, 'id' | 'stateDir'>, notes: RunNotes): GuardedRun =>
    new GuardedRun({
      dir: guardDir(spec.stateDir),
      notes,
      clock,
      engine: processEngine(guardDir(spec.stateDir), notes),
      forget: () => {
        registry.remove(spec.id);
      },
    });

  const find = async (spec: Pick<RunSpec, 'id' | 'stateDir'>): Promise<GuardedRun | null> => {
    const dir = guardDir(spec.stateDir);
    const notes = readNotes(dir);
    if (notes?.id !== spec.id) return null;
    if (claimUnguarded(dir)) {
      await clearUnstarted(notes, registry, clock);
      return null;
    }
    return running(spec, notes);
  };

  return {
    name: 'process',
    isIsolating: false,

    async trial(signal) {
      return await tryOut(join(options.runsDir, 'trials'), { path, clock }, signal);
    },

    async start(spec, progress, signal) {
      const id = spec.id;
      if (spec.network === 'none') progress('The process executor cannot take the network away; this job has it.');
      if (signal.aborted) return brokenRun(id, broken('canceled before it was started'), () => Promise.resolve());
      registry.add({ id, stateDir: spec.stateDir });
      const groups = makeCgroups(await places(), groupName(id), spec.limits);
      const missing = missingLimits(spec, groups);
      if (missing !== '') progress(`No control group can be made here: the limit of ${missing} is not kept.`);
      const notes: RunNotes = {
        id,
        nonce: spec.nonce,
        bootId: bootId(),
        kind: 'group',
        imageDigest: null,
        cgroups: groups.dirs,
        marker: newMarker(),
      };
      try {
        const dir = createGuardState(spec.stateDir, notes);
        await prepare(spec, dir, { path, groups });
        const argv = ['sh', join(dir, 'job.sh')];
        const { timeoutMs, graceMs } = spec;
        const script = await placeGuardScript(options.runsDir);
        await startGuard({ script, dir, kind: 'group', notes, timeoutMs, graceMs, argv, path }, clock);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
          throw new GroundcrewError('executors/started-before', `run ${id} was started before in ${spec.stateDir}`);
        }
        const clear = (): Promise<void> => clearUnstarted(notes, registry, clock);
        if (isGroundcrewError(error) || error instanceof Error) return brokenRun(id, broken(errorLine(error)), clear);
        throw error;
      }
      return running(spec, notes);
    },

    adopt: find,

    async sweep(keep) {
      const removed: string[] = [];
      for (const entry of await registry.list()) {
        if (keep.has(entry.id)) continue;
        const run = await find(entry);
        if (run === null) {
          removeCgroups(possibleCgroups(await places(), groupName(entry.id)));
          registry.remove(entry.id);
        } else {
          await run.cleanup();
        }
        removed.push(entry.id);
      }
      return removed;
    },
  };
}

function groupName(id: string): string {
  return `groundcrew-${id}`;
}

async function clearUnstarted(notes: RunNotes, registry: RunRegistry, clock: Clock): Promise<void> {
  await killCarriers(notes.nonce, notes.cgroups, { clock, mostMs: 10_000 });
  removeCgroups(notes.cgroups);
  registry.remove(notes.id);
}

function missingLimits(spec: RunSpec, groups: MadeCgroups): string {
  const { memoryBytes, pids, cpus } = spec.limits;
  const asked = [
    { name: 'memory' as const, value: memoryBytes },
    { name: 'pids' as const, value: pids },
    { name: 'cpus' as const, value: cpus },
  ];
  return asked
    .filter(({ name, value }) => value !== null && !groups.kept.includes(name))
    .map(({ name }) => name)
    .join(', ');
}

/** Private directories, secrets, and the script that becomes the job. */
async function prepare(
  spec: RunSpec,
  dir: string,
  place: { readonly path: string; readonly groups: MadeCgroups },
): Promise<void> {
  const home = join(spec.stateDir, 'home');
  // Directly below the state directory: programs put sockets into TMPDIR, whose paths may have 107 bytes.
  const temporary = join(spec.stateDir, 'tmp');
  for (const one of [home, temporary]) mkdirSync(one, { recursive: true, mode: 0o700 });
  const secrets = await copySecrets(spec.stateDir, spec.secretFiles);
  const env = {
    PATH: place.path,
    LANG: 'C.UTF-8',
    ...spec.env,
    HOME: home,
    TMPDIR: temporary,
    TEST_ATTACHMENTS: spec.attachmentsDir,
    GROUNDCREW_SECRETS: secrets.dir,
    GROUNDCREW_NONCE: spec.nonce,
  };
  const script = launchScript({
    env,
    cwd: spec.checkoutDir,
    cgroups: place.groups.dirs,
    troubleFile: join(dir, 'trouble'),
    argv: spec.command,
  });
  writeSmallFile(join(dir, 'job.sh'), script);
}

function processEngine(dir: string, notes: RunNotes): GuardedEngine {
  const memoryDir = notes.cgroups.find((group) => group.includes('/memory/')) ?? notes.cgroups.at(-1) ?? null;
  return {
    async signal(signal) {
      const job = readIdentity(join(dir, 'job'));
      const guard = readIdentity(join(dir, 'guard'));
      // While the guard runs it has not reaped the job, so the number is still the job's, even of a dead one.
      if (job === null || !(isRunning(job) || (guard !== null && isRunning(guard)))) return false;
      if (existsSync(join(dir, 'ended'))) return false;
      const isHeard = sendSignal(-job.pid, signal);
      if (isHeard && signal === 'SIGTERM') sendSignal(-job.pid, 'SIGCONT');
      return isHeard;
    },
    async memory() {
      if (memoryDir === null) return { oom: 'unknown', peakMemoryBytes: null };
      const { oomKills, peakBytes } = memoryEvidence(memoryDir);
      return { oom: oomKills === null ? 'unknown' : oomKills > 0 ? 'yes' : 'no', peakMemoryBytes: peakBytes };
    },
    async startFailure(exitCode) {
      const trouble = exitCode === 125 ? readText(join(dir, 'trouble')) : null;
      return trouble === null ? null : broken(`the job's directory cannot be entered: ${trouble}`);
    },
    remove: () => Promise.resolve(),
    // Home and TMPDIR are in the state directory; what it writes elsewhere nobody can tell apart.
    diskDirs: () => Promise.resolve([]),
  };
}

/** Older than this, a trial's directory belongs to a process that was killed in the middle of it. */
const deadTrialMs = 60_000;

/** Removes what trials of killed processes left in `trialsDir`. */
async function sweepTrials(trialsDir: string, place: TrialPlace): Promise<void> {
  for (const name of await readdir(trialsDir)) {
    const dir = join(trialsDir, name);
    const found = await stat(dir).catch(() => null);
    if (found === null || place.clock.now() - found.mtimeMs < deadTrialMs) continue;
    await createProcessExecutor({ ...place, runsDir: join(dir, 'runs') }).sweep(new Set());
    await rm(dir, { recursive: true, force: true });
  }
}

interface TrialPlace {
  readonly path: string;
  readonly clock: Clock;
}

/** Runs two words through the whole machinery. */
async function tryOut(trialsDir: string, place: TrialPlace, signal: AbortSignal): Promise<ExecutorTrial> {
  const began = place.clock.monotonic();
  await mkdir(trialsDir, { recursive: true, mode: 0o700 });
  await sweepTrials(trialsDir, place);
  const dir = await mkdtemp(join(trialsDir, 'trial-'));
  const executor = createProcessExecutor({ ...place, runsDir: join(dir, 'runs') });
  let run: Run | null = null;
  try {
    const spec: RunSpec = {
      id: `trial-${randomBytes(8).toString('hex')}`,
      nonce: randomBytes(8).toString('hex'),
      image: null,
      command: ['sh', '-c', 'echo it works'],
      env: {},
      checkoutDir: dir,
      attachmentsDir: dir,
      stateDir: join(dir, 'state'),
      secretFiles: {},
      limits: { memoryBytes: null, pids: null, shmBytes: null, cpus: null, diskBytes: null, logBytes: null },
      needsKvm: false,
      network: 'default',
      timeoutMs: 10_000,
      graceMs: 1000,
    };
    run = await executor.start(spec, () => undefined, signal);
    const end = await run.wait();
    let said = '';
    for await (const bytes of run.output(0)) said += Buffer.from(bytes).toString();
    const isUsable = end.kind === 'exited' && end.exitCode === 0 && said === 'it works\n';
    const groups = readNotes(guardDir(spec.stateDir))?.cgroups.length ?? 0;
    const reason = end.kind === 'broken' ? end.detail : `exit status ${String(end.exitCode)}, said ${said.trim()}`;
    const finding = isUsable
      ? `plain processes, ${groups > 0 ? 'limits by control groups' : 'no limits: no control group can be made'}; isolates nothing`
      : `plain processes do not work here: ${reason}`;
    return { isUsable, finding, tookMs: Math.round(place.clock.monotonic() - began) };
  } finally {
    await run?.cleanup();
    await rm(dir, { recursive: true, force: true });
  }
}
