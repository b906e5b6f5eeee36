import { readSmallFile } from './small-file.ts';

/**
 * Where something is mounted below one of `dirs` (absolute, without links), as the kernel has it now. Reading the list asks no
 * file system, so it does not wait for one whose server does not answer.
 * @see https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html the fifth field, with blanks and the like in octal
 */
export function mountsBelow(
  dirs: readonly string[],
  mountinfo = readSmallFile('/proc/self/mountinfo') ?? '',
): ReadonlySet<string> {
  const found = new Set<string>();
  for (const line of mountinfo.split('\n')) {
    const point = line.split(' ', 5)[4];
    if (point === undefined) continue;
    const path = point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
    if (dirs.some((dir) => path.startsWith(`${dir}/`))) found.add(path);
  }
  return found;
}
