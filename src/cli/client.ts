import { z } from 'zod';
import { GroundcrewError } from '../base/errors.ts';
import { findServer } from '../config/server-file.ts';
import type { StatePaths } from '../config/state-dir.ts';

/** A person's wish, as `POST /api/requests` takes it (see `web/submit.ts`). */
export interface Ask {
  readonly kind: 'retry' | 'cancel' | 'approve' | 'test';
  readonly by: string;
  readonly jobId?: string;
  readonly repo?: string;
  readonly changeKey?: string;
  readonly sha?: string;
  readonly contexts?: readonly string[];
}

/** The running server of this user, as a client sees it. */
export interface Client {
  readonly url: string;
  /** Resolves when the wish is recorded durably; it is carried out soon after. */
  ask(ask: Ask, signal: AbortSignal): Promise<{ readonly deliveryId: string }>;
}

const answerTimeoutMs = 15_000;
const accepted = z.object({ deliveryId: z.string() });
const refused = z.object({ error: z.string() });

/**
 * Finds the server that was started on this state directory.
 * @throws GroundcrewError `cli/no-server` when there is none, or the one that was is dead.
 */
export function connect(paths: StatePaths): Client {
  const found = findServer(paths.serverFile);
  switch (found.kind) {
    case 'running':
      return { url: found.server.url, ask: (ask, signal) => post(found.server, ask, signal) };
    case 'none':
      throw new GroundcrewError('cli/no-server', `no server runs on ${paths.stateDir}; start one: groundcrew up`);
    case 'stale':
      throw new GroundcrewError(
        'cli/no-server',
        `the server of ${paths.stateDir} (process ${String(found.pid)}) is gone; start it again: groundcrew up`,
      );
    case 'unsafe':
      throw new GroundcrewError(
        'cli/no-server',
        `${paths.serverFile}: ${found.why}; remove it and start the server again`,
      );
    default:
      return found satisfies never;
  }
}

async function post(
  server: { readonly url: string; readonly token: string },
  ask: Ask,
  signal: AbortSignal,
): Promise<{ readonly deliveryId: string }> {
  let status: number;
  let text: string;
  try {
    const response = await fetch(`${server.url}/api/requests`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.token}`,
        'content-type': 'application/json',
        accept: 'application/json',
      },
      body: JSON.stringify(ask),
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]),
      redirect: 'error',
    });
    status = response.status;
    text = (await response.text()).slice(0, 65_536);
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new GroundcrewError('cli/no-answer', `the server at ${server.url} does not answer; is it still running?`, {
      cause,
      retry: 'later',
    });
  }
  const body = asJson(text);
  if (status === 202) {
    const answer = accepted.safeParse(body);
    if (answer.success) return answer.data;
  }
  if (status === 401 || status === 403) {
    throw new GroundcrewError('cli/refused', `the server at ${server.url} does not take our token; restart it`);
  }
  const said = refused.safeParse(body);
  const why = said.success ? said.data.error : `it answered ${String(status)}`;
  throw new GroundcrewError('cli/refused', `the server refused to ${ask.kind}: ${why}`);
}

function asJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
