import { openExecutor } from '../../../test/support/executor-starter.ts';
import { needs } from '../../../test/support/needs.ts';
import { testImage } from '../../../test/support/test-image.ts';
import { executorContract } from '../executor.contract.ts';

const starter = new URL('../../../test/support/executor-starter.ts', import.meta.url).pathname;

executorContract('podman', needs('podman'), {
  open: (dir) => openExecutor('podman', dir),
  starter: (order) => [process.execPath, starter, JSON.stringify({ name: 'podman', ...order })],
  image: testImage,
});
