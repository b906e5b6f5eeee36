import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { containersOf } from '../../support/end-processes.ts';
import { podmanEnv } from '../../support/test-image.ts';

/** A line for each container that mounts something of `dir`, and for each mount of a container that podman does not know. */
export async function containersLeft(dir: string): Promise<readonly string[]> {
  const wrong = containersOf(dir).map((id) => `container-left: ${id}`);
  // Other tests make and remove containers meanwhile: what stays is looked at twice.
  const first = strayMounts();
  if (first.length === 0) return wrong;
  await pause(5_000);
  const later = new Set(strayMounts());
  return [...wrong, ...first.filter((mount) => later.has(mount)).map((mount) => `mount-left: ${mount}`)];
}

/** A container has its shm mounted at `overlay-containers/<id>/userdata/shm` for as long as its root is. */
function strayMounts(): readonly string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'latin1').matchAll(/ (\/\S+-containers\/([0-9a-f]{64})\/\S+) /g);
  const found = [...mounts].map(([, path = '', id = '']) => ({ path, id }));
  const args = ['--log-level=error', 'ps', '--all', '--external', '--quiet', '--no-trunc'];
  const known = new Set(execFileSync('podman', args, { env: podmanEnv(), encoding: 'utf8' }).split('\n'));
  return found.filter(({ id }) => !known.has(id)).map(({ path }) => path);
}
