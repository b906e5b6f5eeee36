import { chmod, mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock, type Clock } from '../../base/clock.ts';
import { errorLine, GroundcrewError } from '../../base/errors.ts';
import { exec } from '../../base/exec.ts';
import type { Executor, ExecutorTrial, Run, RunSpec } from '../executor.ts';
import {
  bootId,
  createGuardState,
  guardDir,
  readNotes,
  readText,
  newMarker,
  type RunNotes,
} from '../guard/guard-state.ts';
import { placeGuardScript } from '../guard/guard-script.ts';
import { broken, brokenRun, GuardedRun } from '../guard/guarded-run.ts';
import { createRunRegistry } from '../guard/run-registry.ts';
import { claimUnguarded, startGuard } from '../guard/start-guard.ts';
import { launchScript, quoted } from '../launch-script.ts';
import { copySecrets } from '../secret-copies.ts';
import { containerEngine } from './container-engine.ts';
import { endHerald } from './end-herald.ts';
import { createImageMemory } from './image-memory.ts';
import { ensureImage, pinnedReference, type ImageResult, type LocalImage } from './image.ts';
import { MemoryWatch, parentGroup } from './memory-watch.ts';
import { createPodmanCommand, type PodmanCommand } from './podman-command.ts';
import { containerName, globalArguments, runArguments, type PodmanSettings } from './run-arguments.ts';
import { rememberedSettings, tryPodman, type TrialResult } from './settings.ts';
import { endStuckMonitor } from './stuck-monitor.ts';

/** What the podman executor needs to know of this machine. */
export interface PodmanExecutorOptions {
  /** Whose containers these are, as a label: the sweep takes no others. `[a-z0-9._-]{1,63}`, the same after a restart. */
  readonly owner: string;
  /** Its own directory: one small file for each run that is not cleaned up. */
  readonly runsDir: string;
  /** Where it remembers which settings work here. */
  readonly cacheDir: string;
  /** The whole environment of podman: PATH, HOME, XDG_RUNTIME_DIR, CONTAINERS_CONF, proxies. Jobs see none of it. */
  readonly env: Readonly<Record<string, string>>;
  readonly clock?: Clock;
}

/**
 * Runs jobs in containers with the podman command line. Each `podman run` stays in the foreground below a guard that
 * outlives us and relays the output, so nothing depends on podman's own log. docs/executors.md has the reasons.
 */
export function createPodmanExecutor(options: PodmanExecutorOptions): Executor {
  return new PodmanExecutor(options);
}

class PodmanExecutor implements Executor {
  readonly name = 'podman';
  readonly isIsolating = true;
  readonly #options: PodmanExecutorOptions;
  readonly #clock: Clock;
  readonly #podman: PodmanCommand;
  readonly #registry: ReturnType<typeof createRunRegistry>;
  #settings: PodmanSettings | null = null;
  /** The last trial: its container is no leftover before it is over. */
  #trying: Promise<unknown> = Promise.resolve();

  constructor(options: PodmanExecutorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#podman = createPodmanCommand(options.env);
    this.#registry = createRunRegistry(options.runsDir);
  }

  trial(signal: AbortSignal): Promise<TrialResult> {
    const trying = this.#try(signal);
    this.#trying = trying.catch(() => undefined);
    return trying;
  }

  async #try(signal: AbortSignal): Promise<TrialResult> {
    const { cacheDir, owner } = this.#options;
    const place = { cacheDir, path: this.#path(), clock: this.#clock, owner };
    const result = await tryPodman(this.#podman, place, signal);
    this.#settings = result.settings;
    return result;
  }

  async recall(): Promise<ExecutorTrial | null> {
    this.#settings ??= await rememberedSettings(this.#options.cacheDir, this.#path());
    return this.#settings === null ? null : { isUsable: true, finding: 'podman, as found before', tookMs: 0 };
  }

  async start(spec: RunSpec, progress: (line: string) => void, signal: AbortSignal): Promise<Run> {
    const { id, stateDir } = spec;
    const nothing = (): Promise<void> => Promise.resolve();
    if (signal.aborted) return brokenRun(id, broken('canceled before it was started'), nothing);
    if (spec.image === null) {
      throw new GroundcrewError('executors/no-image', `run ${id} names no image; the podman executor needs one`);
    }
    const settings = await this.#usableSettings(signal);
    if (typeof settings === 'string') return brokenRun(id, broken(settings), nothing);
    const had = await this.#haveImage(spec.image, settings, { progress, signal });
    if (!had.isThere) return brokenRun(id, had.end, nothing);
    const notes: RunNotes = {
      id,
      nonce: spec.nonce,
      bootId: bootId(),
      kind: 'container',
      imageDigest: pinnedReference(spec.image, had.image),
      cgroups: [],
      marker: newMarker(),
    };
    try {
      this.#registry.add({ id, stateDir });
      const dir = createGuardState(stateDir, notes);
      await this.#prepare(spec, { dir, image: had.image, settings });
      const { timeoutMs, graceMs } = spec;
      const order = { dir, kind: 'container', notes, timeoutMs, graceMs } as const;
      const script = await placeGuardScript(this.#options.runsDir);
      await startGuard({ ...order, script, argv: ['sh', join(dir, 'launch.sh')], path: this.#path() }, this.#clock);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
        throw new GroundcrewError('executors/started-before', `run ${id} was started before in ${stateDir}`);
      }
      return brokenRun(id, broken(errorLine(error)), () => {
        this.#registry.remove(id);
        return Promise.resolve();
      });
    }
    return this.#running(spec, notes, settings);
  }

  async adopt(spec: Pick<RunSpec, 'id' | 'stateDir'>): Promise<GuardedRun | null> {
    const dir = guardDir(spec.stateDir);
    const notes = readNotes(dir);
    if (notes?.id !== spec.id) return null;
    if (claimUnguarded(dir)) {
      this.#registry.remove(spec.id);
      return null;
    }
    const settings = readText(join(dir, 'settings.json'));
    return settings === null ? null : this.#running(spec, notes, JSON.parse(settings) as PodmanSettings);
  }

  async sweep(keep: ReadonlySet<string>): Promise<readonly string[]> {
    const removed = new Set<string>();
    for (const entry of await this.#registry.list()) {
      if (keep.has(entry.id)) continue;
      const run = await this.adopt(entry);
      if (run === null) this.#registry.remove(entry.id);
      else await run.cleanup();
      removed.add(entry.id);
    }
    // Containers whose files are gone: somebody emptied the state directory, or podman was killed while it made them; and
    // those of trials, which have none.
    const settings = await this.#usableSettings(AbortSignal.timeout(60_000));
    await this.#trying;
    if (typeof settings === 'string') return [...removed];
    const flags = globalArguments(settings);
    const filter = `label=groundcrew.owner=${this.#options.owner}`;
    const format = '{{index .Labels "groundcrew.run"}}';
    const listed = await this.#podman([...flags, 'ps', '--all', '--filter', filter, '--format', format]);
    for (const id of listed.stdout.toString('utf8').split('\n')) {
      if (id === '' || keep.has(id)) continue;
      await this.#podman([...flags, 'rm', '--force', '--time=0', '--', containerName(id)]);
      await endStuckMonitor(containerName(id));
      removed.add(id);
    }
    return [...removed];
  }

  #path(): string {
    return this.#options.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin';
  }

  /** By memory, else from the storage, else from a registry. */
  async #haveImage(
    name: string,
    settings: PodmanSettings,
    hears: { readonly progress: (line: string) => void; readonly signal: AbortSignal },
  ): Promise<ImageResult> {
    const memory = this.#imageMemory(settings);
    const stamp = await memory.stamp();
    const known = await memory.recall(name, stamp);
    if (known !== null) return { isThere: true, image: known };
    const { globalFlags } = settings;
    const had = await ensureImage(this.#podman, { name, globalFlags, signal: hears.signal }, hears.progress);
    if (had.isThere) await memory.keep(name, had.image, stamp);
    return had;
  }

  #imageMemory(settings: PodmanSettings): ReturnType<typeof createImageMemory> {
    return createImageMemory(join(this.#options.cacheDir, 'podman-images.json'), settings.imageListFile);
  }

  /** Settings that work, by memory or by trial; or in words why there are none. */
  async #usableSettings(signal: AbortSignal): Promise<PodmanSettings | string> {
    this.#settings ??= await rememberedSettings(this.#options.cacheDir, this.#path());
    if (this.#settings !== null) return this.#settings;
    const { settings, finding } = await this.trial(signal);
    return settings ?? finding;
  }

  /** Writes the guard's scripts: what becomes `podman run`, and what ends, awaits and removes the container. */
  async #prepare(
    spec: RunSpec,
    made: { readonly dir: string; readonly image: LocalImage; readonly settings: PodmanSettings },
  ): Promise<void> {
    const { dir, image, settings } = made;
    const secrets = await copySecrets(spec.stateDir, spec.secretFiles);
    const { args, env } = runArguments(
      { ...spec, secretFiles: secrets.files },
      {
        settings,
        imageId: image.id,
        imageUser: image.user,
        owner: this.#options.owner,
        pidFile: join(dir, 'container.pid'),
        cgroupParent: parentGroup(spec.nonce, settings)?.flag ?? null,
      },
    );
    const script = (jobEnv: Readonly<Record<string, string>>, argv: readonly string[]): string =>
      launchScript({
        env: { ...this.#options.env, ...jobEnv },
        cwd: null,
        cgroups: [],
        troubleFile: join(dir, 'trouble'),
        argv: ['podman', ...argv],
      });
    const engine = (...argv: string[]): string => script({}, [...globalArguments(settings), ...argv]);
    const name = containerName(spec.id);
    const write = (file: string, text: string): Promise<void> => writeFile(join(dir, file), text, { mode: 0o600 });
    await mkdir(spec.attachmentsDir, { recursive: true });
    // The container's user need not be ours.
    await chmod(spec.attachmentsDir, 0o777);
    await write('settings.json', JSON.stringify(settings));
    await write('launch.sh', script(env, args));
    await write('kill.sh', engine('kill', '--signal=TERM', name).replace(quoted('--signal=TERM'), '--signal="$1"'));
    await write('wait.sh', engine('wait', name));
    await write('remove.sh', engine('rm', '--force', '--ignore', '--time=0', name));
  }

  #running(spec: Pick<RunSpec, 'id' | 'stateDir'>, notes: RunNotes, settings: PodmanSettings): GuardedRun {
    const dir = guardDir(spec.stateDir);
    const parent = parentGroup(notes.nonce, settings);
    const memory = new MemoryWatch(join(dir, 'container.pid'), parent?.name ?? null, endHerald(dir, this.#clock));
    memory.start();
    const remove = async (): Promise<void> => {
      const args = ['rm', '--force', '--time=0', '--ignore', '--', containerName(notes.id)];
      await this.#podman([...globalArguments(settings), ...args]);
      await endStuckMonitor(containerName(notes.id));
      // A systemd slice goes by itself; a plain group stays until somebody removes it.
      if (parent?.flag.startsWith('/') === true) {
        await rmdir(join('/sys/fs/cgroup', parent.flag)).catch(() => undefined);
      }
    };
    const engine = containerEngine(dir, notes, this.#shell(dir));
    return new GuardedRun({
      dir,
      notes,
      clock: this.#clock,
      engine: {
        ...engine,
        memory: () => memory.result(),
        remove,
        startFailure: async (exitCode) => {
          const failure = await engine.startFailure(exitCode);
          // What was remembered of the image may be the reason.
          if (failure !== null) await this.#imageMemory(settings).forget();
          return failure;
        },
      },
      forget: () => {
        this.#registry.remove(notes.id);
      },
    });
  }

  /** Runs one of the scripts that `#prepare` wrote. */
  #shell(dir: string): (file: string, ...words: string[]) => Promise<void> {
    return async (file, ...words) => {
      await exec(['sh', join(dir, file), ...words], { env: { PATH: this.#path() }, timeoutMs: 20_000 });
    };
  }
}
