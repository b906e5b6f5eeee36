import { maxMessageBytes } from '../queue/queue.ts';
import type { Holding } from '../core/worker-message.ts';

/** Half of a message: the rest of it, and what a broker adds, are small. */
const mostBytes = maxMessageBytes / 2;

/** As many holdings, in order, as one message has room for, and the others. */
export function withinMessage(holdings: readonly Holding[]): {
  readonly within: readonly Holding[];
  readonly beyond: readonly Holding[];
} {
  let bytes = 0;
  const fits = holdings.findIndex((holding) => {
    bytes += Buffer.byteLength(JSON.stringify(holding)) + 1;
    return bytes > mostBytes;
  });
  return fits < 0
    ? { within: holdings, beyond: [] }
    : { within: holdings.slice(0, fits), beyond: holdings.slice(fits) };
}
