import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { signalGroup, type House, type Part } from './house.ts';
import type { SeededRandom } from './seeded-random.ts';

/**
 * Whom SIGKILL hits. `part`: a process of ours. `group`: with its children. `all`: every part with every job, as when the
 * machine stops. `guard`, `relay`, `watch`: the processes around one job; `job`: its command, for a container podman;
 * `container`: its first process; `conmon`: its monitor; `git`: a git that we run.
 */
export type VictimKind =
  'up' | 'server' | 'worker' | 'group' | 'all' | 'guard' | 'relay' | 'watch' | 'job' | 'container' | 'conmon' | 'git';

/** One kill that hit. `shas`: commits whose test was hit itself, so that its verdict is anybody's guess. */
export interface Hit {
  readonly kind: VictimKind;
  readonly parts: readonly Part[];
  readonly shas: readonly string[];
}

interface LiveAttempt {
  readonly nonce: string;
  readonly sha: string;
  readonly n: number;
  readonly guard: number | null;
  readonly job: number | null;
  /** The first process of its container, once there is one. */
  readonly container: number | null;
}

const weights: Readonly<Record<'up' | 'apart', Readonly<Partial<Record<VictimKind, number>>>>> = {
  up: { up: 10, group: 4, all: 2, guard: 2, relay: 1, watch: 1, job: 2, git: 2 },
  apart: { server: 6, worker: 6, group: 3, all: 2, guard: 2, relay: 1, watch: 1, job: 2, git: 2 },
};

const aroundContainers: Readonly<Partial<Record<VictimKind, number>>> = { container: 2, conmon: 2 };

/**
 * Kills somebody, now. Only processes that `house` started are ever signalled: its parts by their handles, jobs by the pid
 * files in its state directory together with the attempt's nonce.
 * @param choice.mostTries a job whose guard was killed waits for its next try; only attempts up to this number are hit so.
 */
export async function killSomebody(
  house: House,
  random: SeededRandom,
  { mostTries, inContainers }: { readonly mostTries: number; readonly inContainers: boolean },
): Promise<Hit | null> {
  const live = house.parts.filter((part) => part.child !== null && !part.isKilled);
  const isUp = house.parts.some((part) => part.name === 'up');
  const kind = random.weighted({ ...weights[isUp ? 'up' : 'apart'], ...(inContainers ? aroundContainers : {}) });
  const attempts = liveAttempts(house.stateDir);
  const chosen = random.pick(attempts.filter((one) => one.guard !== null && one.n <= mostTries));
  switch (kind) {
    case 'up':
    case 'server':
    case 'worker': {
      const part = random.pick(live.filter((one) => one.isServer === (kind !== 'worker')));
      return part === undefined ? null : killParts(kind, [part], (child) => child.kill('SIGKILL'));
    }
    case 'group': {
      const part = random.pick(live);
      return part === undefined ? null : killParts(kind, [part], (child) => signalGroup(child, 'SIGKILL'));
    }
    case 'all': {
      if (attempts.some((one) => one.n > mostTries)) return null;
      const hit = killParts(kind, live, (child) => signalGroup(child, 'SIGKILL'));
      // The guard first, or it would write down how its job ended.
      for (const { guard, nonce } of attempts) {
        const others = guard === null ? [] : descendantsOf(guard);
        if (guard !== null) kill(guard);
        for (const pid of [...others, ...processesOf([nonce])]) kill(pid);
      }
      return hit;
    }
    case 'guard':
      return chosen !== undefined && kill(chosen.guard) ? { kind, parts: [], shas: [] } : null;
    case 'relay':
    case 'watch': {
      // They are the guard's own subshells, told apart by the program that each waits for.
      const program = kind === 'relay' ? 'dd' : 'sleep';
      const pid = childrenOf(chosen?.guard ?? 0).find(
        (child) =>
          argsOf(child).some((one) => /\/guard-\w+\.sh$/.test(one)) &&
          childrenOf(child).some((one) => argsOf(one)[0] === program),
      );
      return pid !== undefined && kill(pid) ? { kind, parts: [], shas: [] } : null;
    }
    case 'job':
      return chosen !== undefined && kill(chosen.job) ? { kind, parts: [], shas: [chosen.sha] } : null;
    case 'container':
      return chosen !== undefined && kill(chosen.container) ? { kind, parts: [], shas: [chosen.sha] } : null;
    case 'conmon': {
      const monitor = parentOf(chosen?.container ?? 0);
      if (chosen === undefined || !/(?:^|\/)conmon$/.test(argsOf(monitor)[0] ?? '')) return null;
      return kill(monitor) ? { kind, parts: [], shas: [chosen.sha] } : null;
    }
    case 'git': {
      const pids = live
        .flatMap(({ child }) => descendantsOf(child?.pid ?? 0))
        .filter((pid) => argsOf(pid)[0] === 'git');
      const pid = random.pick(pids);
      return pid !== undefined && kill(pid) ? { kind, parts: [], shas: [] } : null;
    }
    default:
      return kind satisfies never;
  }
}

function killParts(
  kind: VictimKind,
  parts: readonly Part[],
  how: (child: NonNullable<Part['child']>) => boolean,
): Hit | null {
  const hit = parts.filter((part) => {
    if (part.child === null) return false;
    part.isKilled = true;
    return how(part.child);
  });
  return hit.length === 0 ? null : { kind, parts: hit, shas: [] };
}

/** Pids of all processes that carry one of these nonces, in their environment or among their arguments. */
export function processesOf(nonces: readonly string[]): readonly number[] {
  if (nonces.length === 0) return [];
  const found: number[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^[1-9]\d*$/.test(name) || Number(name) === process.pid) continue;
    const text = readOrEmpty(`/proc/${name}/environ`) + readOrEmpty(`/proc/${name}/cmdline`);
    if (nonces.some((nonce) => text.includes(nonce)) && !isZombie(Number(name))) found.push(Number(name));
  }
  return found;
}

/** Pids of all processes that work below `dir` or name it among their arguments. */
export function processesIn(dir: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^[1-9]\d*$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => !isZombie(pid) && (isBelow(cwdOf(pid), dir) || argsOf(pid).some((arg) => isBelow(arg, dir))));
}

/** What a process calls itself, for a report. */
export function describeProcess(pid: number): string {
  return `${String(pid)} ${argsOf(pid).join(' ').slice(0, 200)} (in ${cwdOf(pid)})`;
}

function liveAttempts(stateDir: string): readonly LiveAttempt[] {
  const found: LiveAttempt[] = [];
  for (const worker of entriesOf(join(stateDir, 'worker'))) {
    const attempts = join(stateDir, 'worker', worker, 'attempts');
    for (const nonce of entriesOf(attempts)) {
      const holding = parse(readOrEmpty(join(attempts, nonce, 'holding.json')));
      if (holding === null) continue;
      const { n, job } = holding.envelope;
      const pidOf = (name: string): number | null => {
        const [pid = '', ticks = ''] = readOrEmpty(join(attempts, nonce, 'run/executor', name))
          .trim()
          .split(' ');
        // Numbers are used again: it must be the very process that wrote the file.
        return pid !== '' && startTicksOf(Number(pid)) === ticks && !isZombie(Number(pid)) ? Number(pid) : null;
      };
      const [first = ''] = readOrEmpty(join(attempts, nonce, 'run/executor/container.pid'))
        .trim()
        .split(' ');
      const isOurs = first !== '' && readOrEmpty(`/proc/${first}/environ`).includes(nonce);
      const container = isOurs ? Number(first) : null;
      found.push({ nonce, sha: job.subject.sha, n, guard: pidOf('guard'), job: pidOf('job'), container });
    }
  }
  return found;
}

function parse(text: string): { envelope: { n: number; job: { subject: { sha: string } } } } | null {
  try {
    return JSON.parse(text) as ReturnType<typeof parse>;
  } catch {
    return null;
  }
}

function kill(pid: number | null): boolean {
  try {
    return pid !== null && process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

function childrenOf(pid: number): readonly number[] {
  const text = readOrEmpty(`/proc/${String(pid)}/task/${String(pid)}/children`);
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map(Number);
}

function descendantsOf(pid: number): readonly number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

function argsOf(pid: number): readonly string[] {
  return readOrEmpty(`/proc/${String(pid)}/cmdline`).split('\0');
}

function cwdOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${String(pid)}/cwd`);
  } catch {
    return '';
  }
}

const isBelow = (path: string, dir: string): boolean => path === dir || path.startsWith(`${dir}/`);

function statOf(pid: number): readonly string[] {
  const line = readOrEmpty(`/proc/${String(pid)}/stat`);
  return line.slice(line.lastIndexOf(') ') + 2).split(' ');
}

const parentOf = (pid: number): number => Number(statOf(pid)[1] ?? 0);
const isZombie = (pid: number): boolean => ['Z', 'X', ''].includes(statOf(pid)[0] ?? '');
const startTicksOf = (pid: number): string => statOf(pid)[19] ?? '';

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function entriesOf(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}
