import { join } from 'node:path';
import { systemClock, type Clock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { tryProcessLock, type ProcessLock } from '../../src/base/process-lock.ts';
import { systemRandom } from '../../src/base/random.ts';
import { openDatabase, type Database } from '../../src/base/sqlite.ts';
import { openEmbeddedQueue } from '../../src/queue/embedded/embedded-queue.ts';
import type { QueueHarness } from '../../src/queue/hands.contract.ts';
import type { Queue } from '../../src/queue/queue.ts';
import { openTempDir, removeTempDir } from './temp-dir.ts';

const pollMs = 20;

/**
 * The embedded queue as a broker for the contract suite: every client has its own database handle, lock and socket, as a
 * process of its own would have.
 */
export async function openEmbeddedBroker(patienceMs = 10_000): Promise<QueueHarness> {
  const directory = await openTempDir();
  const databases: Database[] = [];
  const queues = new Map<Queue, { lock: ProcessLock | null }>();
  let passedMs = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + passedMs };
  return {
    patienceMs,
    async connect() {
      const database = openDatabase({ path: join(directory, 'state.db') });
      databases.push(database);
      const held: { lock: ProcessLock | null } = { lock: null };
      const queue = await openEmbeddedQueue({
        database,
        directory: join(directory, 'queue'),
        clock,
        random: systemRandom,
        logger: silentLogger,
        pollMs,
        takeLock: (path) => (held.lock = tryProcessLock(path)),
      });
      queues.set(queue, held);
      return queue;
    },
    async cut(queue) {
      await queues.get(queue)?.lock?.release();
    },
    async pass(timeMs) {
      passedMs += timeMs;
    },
    settle: () => new Promise((resolve) => setTimeout(resolve, 3 * pollMs)),
    async close() {
      for (const queue of queues.keys()) await queue.close();
      for (const database of databases) await database.close();
      await removeTempDir(directory);
    },
  };
}
