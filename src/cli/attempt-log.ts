import type { Clock } from '../base/clock.ts';
import { isGroundcrewError } from '../base/errors.ts';
import type { Settings } from '../config/settings.ts';
import { isRemote } from '../config/store-settings.ts';
import type { AttemptDetail } from '../ledger/ledger-reader.ts';
import { attemptName } from '../web/attempt-name.ts';
import type { OpenLog } from '../web/web-deps.ts';
import { connectIfRunning } from './client.ts';

/** Without a server the store is read for so long, then somebody may have started one. */
const lookForServerMs = 20_000;

/** One attempt's log from its first byte: as far as it goes, or with `follow` until it is complete. Ends early when `signal` aborts. */
export type OpenAttemptLog = (
  wanted: { readonly jobId: string; readonly attempt: AttemptDetail; readonly follow: boolean },
  signal: AbortSignal,
) => AsyncIterable<Uint8Array>;

/**
 * Reads logs for the command line. One that grows in a store elsewhere is read through the server that runs here, since only the server can
 * tell the worker that somebody watches; where none runs, or it goes meanwhile, the store is read from the byte that was reached.
 */
export function createAttemptLogs(deps: {
  readonly settings: Pick<Settings, 'store'> & { readonly paths: Pick<Settings['paths'], 'serverFile'> };
  readonly openLog: OpenLog;
  readonly clock: Clock;
}): OpenAttemptLog {
  const { settings, openLog, clock } = deps;
  return async function* ({ jobId, attempt, follow }, signal) {
    const { storePrefix } = attempt;
    if (!follow || !isRemote(settings.store)) {
      yield* openLog({ storePrefix, fromByte: 0, follow }, signal);
      return;
    }
    let fromByte = 0;
    const counted = async function* (log: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const bytes of log) {
        fromByte += bytes.length;
        yield bytes;
      }
    };
    const isOver = (): boolean => signal.aborted;
    while (!isOver()) {
      const server = connectIfRunning(settings.paths);
      if (server !== null) {
        const query = new URLSearchParams({ attempt: attemptName(attempt), from: String(fromByte), follow: '1' });
        try {
          yield* counted(server.bytes(`/api/runs/${jobId}/log?${query.toString()}`, signal));
          return;
        } catch (error) {
          if (isOver()) return;
          // It went: what it has given is counted, the store has the rest.
          if (!isGroundcrewError(error)) throw error;
        }
      }
      const turn = new AbortController();
      const timer = clock.after(lookForServerMs, () => {
        turn.abort();
      });
      try {
        yield* counted(openLog({ storePrefix, fromByte, follow }, AbortSignal.any([signal, turn.signal])));
      } finally {
        timer.cancel();
      }
      if (!turn.signal.aborted) return;
    }
  };
}
