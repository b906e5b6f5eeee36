import { errorLine } from '../base/errors.ts';
import type { LogFields, Logger } from '../base/logger.ts';
import type { ControlMessage } from '../core/worker-message.ts';
import type { Queue } from '../queue/queue.ts';

/**
 * Tells a worker something, best effort: where the broker does not take it, the log has `missed` with `fields`, and the message is
 * said again when the worker next speaks.
 */
export async function tellWorker(
  { queue, logger }: { readonly queue: Pick<Queue, 'sendControl'>; readonly logger: Logger },
  worker: string,
  message: ControlMessage,
  { missed, ...fields }: LogFields & { readonly missed: string },
): Promise<void> {
  try {
    await queue.sendControl(worker, { body: JSON.stringify(message) });
  } catch (error) {
    logger.warn(missed, { worker, ...fields, why: errorLine(error) });
  }
}
