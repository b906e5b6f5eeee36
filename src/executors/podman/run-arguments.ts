import type { RunSpec } from '../executor.ts';
import { isShellName } from '../launch-script.ts';

/** What made containers run on this machine, found by trial. */
export interface PodmanSettings {
  /** Before the subcommand: runtime, cgroup manager. */
  readonly globalFlags: readonly string[];
  /** After `run`: ulimits. */
  readonly runFlags: readonly string[];
  readonly cgroupVersion: 1 | 2;
  readonly cgroupManager: 'systemd' | 'cgroupfs';
  /** The storage's list of images, replaced with every change; null where images can come and go without it. */
  readonly imageListFile: string | null;
}

/** Where things are inside the container. */
export const inContainer = {
  checkout: '/var/tmp/checkout',
  // As Cockpit's job-runner has it, so that its test suites find it.
  attachments: '/var/tmp/attachments',
  secrets: '/run/secrets',
} as const;

/** The container's name: one for an attempt, so that podman itself refuses a second. */
export function containerName(id: string): string {
  return `groundcrew-${id}`;
}

/** Everything beside the spec that goes into the command line. */
export interface ContainerPlaces {
  readonly settings: PodmanSettings;
  /** Image id, not a name, which may move. */
  readonly imageId: string;
  /** The image's own user owns what is mounted for it when that is not root. */
  readonly imageUser: string;
  readonly owner: string;
  readonly pidFile: string;
  readonly cgroupParent: string | null;
}

/**
 * The arguments of `podman` for a job, and the environment it must be called with.
 *
 * `passthrough` gives the job our pipe itself as stdout and stderr: one order for both, any byte, back-pressure, and
 * podman's own log, which loses and rewrites, has no part in it (podman-run(1), --log-driver; podman ≥ 4.0).
 * Values of variables are taken from podman's environment (`--env NAME`), as an argument list is public; only those
 * names that would change podman itself are spelled out.
 */
export function runArguments(
  spec: RunSpec,
  places: ContainerPlaces,
): { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  const { settings, owner, pidFile } = places;
  const { memoryBytes, pids, shmBytes, cpus } = spec.limits;
  const env: Record<string, string> = {};
  const envFlags: string[] = [];
  const all = {
    ...spec.env,
    TEST_ATTACHMENTS: inContainer.attachments,
    GROUNDCREW_SECRETS: inContainer.secrets,
    GROUNDCREW_NONCE: spec.nonce,
  };
  for (const [name, value] of Object.entries(all)) {
    // By name the nonce would be on podman's own processes too, and the sweep would kill them at their work.
    if (steersPodman(name) || name === 'GROUNDCREW_NONCE') {
      envFlags.push('--env', `${name}=${value}`);
    } else {
      env[name] = value;
      envFlags.push('--env', name);
    }
  }
  const ownership = isRoot(places.imageUser) ? [] : ['U=true'];
  const args = [
    ...globalArguments(settings),
    'run',
    // By the same podman that ran it: another one would take 0.1 s to begin. Nothing is asked of it after its end.
    '--rm',
    '--init',
    '--log-driver=passthrough',
    '--pull=never',
    `--name=${containerName(spec.id)}`,
    `--label=groundcrew.run=${spec.id}`,
    `--label=groundcrew.owner=${owner}`,
    `--pidfile=${pidFile}`,
    // The last net, should the guard be gone: conmon ends the container.
    `--timeout=${String(Math.ceil((spec.timeoutMs + spec.graceMs) / 1000) + 5)}`,
    '--no-healthcheck',
    '--entrypoint=',
    // Our bind mounts keep the labels they have; relabelled files could not be removed any more.
    '--security-opt=label=disable',
    `--workdir=${inContainer.checkout}`,
    mount(spec.checkoutDir, inContainer.checkout, ownership),
    mount(spec.attachmentsDir, inContainer.attachments, ownership),
    ...Object.entries(spec.secretFiles).map(([name, file]) =>
      mount(file, `${inContainer.secrets}/${name}`, ['readonly=true', ...ownership]),
    ),
    ...(places.cgroupParent === null ? [] : [`--cgroup-parent=${places.cgroupParent}`]),
    ...(memoryBytes === null ? [] : [`--memory=${String(memoryBytes)}`, `--memory-swap=${String(memoryBytes)}`]),
    // podman's own default, 2048, made browsers fail to fork: none is asked, none is set.
    `--pids-limit=${String(pids ?? -1)}`,
    ...(shmBytes === null ? [] : [`--shm-size=${String(shmBytes)}`]),
    ...(cpus === null ? [] : [`--cpus=${String(cpus)}`]),
    ...(spec.needsKvm ? ['--device=/dev/kvm'] : []),
    ...(spec.network === 'none' ? ['--network=none'] : []),
    ...settings.runFlags,
    ...envFlags,
    places.imageId,
    ...spec.command,
  ];
  return { args, env };
}

/** What stands before every subcommand. Warnings would end up in the job's output, as they share its stderr. */
export function globalArguments(settings: Pick<PodmanSettings, 'globalFlags'>): readonly string[] {
  return ['--log-level=error', ...settings.globalFlags];
}

/** True for a variable that podman, its runtime or a shell would itself obey, or that cannot travel by name. */
export function steersPodman(name: string): boolean {
  return !isShellName(name) || steering.test(name);
}

const steering = new RegExp(
  [
    '^(PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TZ|LANG|LANGUAGE|TERM|ENV|CDPATH|PS4|PWD|OLDPWD|SHLVL|NO_COLOR|TMP)$',
    '^(LC|LD|XDG|DBUS|DOCKER|STORAGE|BUILDAH|NETAVARK|RUST|GODEBUG|GOMAXPROCS|GOTRACEBACK|GOGC|GOMEMLIMIT)(_|$)',
    '^_?(CONTAINER|CONTAINERS|PODMAN|LIBPOD|CONMON|CRUN|RUNC|CATATONIT|NOTIFY|LISTEN|SSH|SSL|REGISTRY|BASH|SYSTEMD)(_|$)',
    '^(all|http|https|no|ftp|ALL|HTTP|HTTPS|NO|FTP)_(proxy|PROXY)$',
  ].join('|'),
);

function isRoot(user: string): boolean {
  return user === '' || /^(root|0)(:|$)/.test(user);
}

/** A bind mount; the fields are CSV, so a path with a comma or a quote is quoted (podman-run(1), --mount). */
function mount(source: string, target: string, more: readonly string[]): string {
  const fields = ['type=bind', `src=${source}`, `dst=${target}`, ...more];
  return `--mount=${fields.map((field) => (/[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')}`;
}
