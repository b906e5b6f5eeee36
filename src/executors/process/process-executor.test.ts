import { openExecutor } from '../../../test/support/executor-starter.ts';
import { needs } from '../../../test/support/needs.ts';
import { executorContract } from '../executor.contract.ts';

const starter = new URL('../../../test/support/executor-starter.ts', import.meta.url).pathname;

executorContract('process', needs('linux'), {
  open: (dir) => openExecutor('process', dir),
  starter: (order) => [process.execPath, starter, JSON.stringify({ name: 'process', ...order })],
  image: () => Promise.resolve(null),
});
