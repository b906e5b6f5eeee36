import { createPodmanExecutor } from '../../src/executors/podman/podman-executor.ts';
import { createProcessExecutor } from '../../src/executors/process/process-executor.ts';
import type { Executor, RunSpec } from '../../src/executors/executor.ts';
import { podmanCacheDir, podmanEnv } from './test-image.ts';

/** The executor of a worker whose state is in `dir`: opened again with the same directory it is that worker restarted. */
export function openExecutor(name: 'podman' | 'process', dir: string): Executor {
  const runsDir = `${dir}/runs`;
  if (name === 'process') return createProcessExecutor({ runsDir });
  const owner = `test-${dir
    .replace(/[^a-zA-Z0-9]/g, '')
    .slice(-20)
    .toLowerCase()}`;
  return createPodmanExecutor({ owner, runsDir, cacheDir: podmanCacheDir(), env: podmanEnv() });
}

// As a program it is a worker that starts one run, says so, and then only waits to be killed.
if (process.argv[1] === import.meta.filename) {
  const order = JSON.parse(process.argv[2] ?? '') as { name: 'podman' | 'process'; dir: string; spec: RunSpec };
  await openExecutor(order.name, order.dir).start(order.spec, () => undefined, new AbortController().signal);
  process.stdout.write('started\n');
  setInterval(() => undefined, 60_000);
}
