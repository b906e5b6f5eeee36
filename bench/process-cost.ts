import { readdirSync, readFileSync } from 'node:fs';

/** Unit of the CPU times in `/proc/PID/stat`: USER_HZ, 100 on every Linux that Node runs on. */
const tickMs = 10;

/** What a process took (ms, user and system), with the children that it waited for. */
export function cpuMs(pid: number): number {
  return statOf(pid)
    .slice(11, 15)
    .reduce((sum, ticks) => sum + Number(ticks) * tickMs, 0);
}

/** The most memory that a process ever had (bytes, VmHWM). */
export function peakBytes(pid: number): number {
  const kib = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${String(pid)}/status`, 'latin1'))?.[1];
  return Number(kib) * 1024;
}

/** Fields 3 and on of `/proc/PID/stat`, counted behind the name, which may hold anything. */
function statOf(pid: number): readonly string[] {
  const line = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
  return line.slice(line.lastIndexOf(') ') + 2).split(' ');
}

/**
 * CPU time that this machine spent at all (ms, user, nice and system, of all processors): what short processes took is in it,
 * and what strangers took.
 */
export function machineCpuMs(): number {
  const [, user, nice, system] = (/^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[0] ?? '').split(/ +/);
  return (Number(user) + Number(nice) + Number(system)) * tickMs;
}

/** The processes below one, itself too. */
export function treeOf(pid: number): readonly number[] {
  const children = readdirSync(`/proc/${String(pid)}/task`).flatMap((task) =>
    readFileSync(`/proc/${String(pid)}/task/${task}/children`, 'latin1')
      .split(' ')
      .filter(Boolean)
      .map(Number),
  );
  return [pid, ...children.flatMap(treeOf)];
}
