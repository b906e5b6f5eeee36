import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import type { CleansUp } from './temp-dir.ts';

/** What came to a gate. */
export interface GateRequest {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | null;
}

/** A web server of 127.0.0.1 that passes all to another one, and holds back on order. */
export interface HttpGate {
  /** Without a slash at its end. */
  readonly url: string;
  readonly seen: readonly GateRequest[];
  /** What matches waits from now on, before the server behind hears of it. */
  hold(matches: (request: GateRequest) => boolean): HeldRequests;
}

/** Requests that wait at a gate. */
export interface HeldRequests {
  readonly waiting: readonly GateRequest[];
  /** Those that wait go on, and none waits any more. Twice is harmless. */
  release(): void;
}

/** Opens one before `target`, the address of a web server without TLS, and closes it after the test. */
export async function openHttpGate(context: CleansUp, target: string): Promise<HttpGate> {
  const seen: GateRequest[] = [];
  const held = new Set<{ readonly matches: (request: GateRequest) => boolean; readonly add: Hold }>();
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    const one: GateRequest = { method, url, authorization: headers.authorization ?? null };
    seen.push(one);
    const holder = [...held].find(({ matches }) => matches(one));
    const go = (): void => {
      pass(target, request, response);
    };
    if (holder === undefined) go();
    else holder.add(one, go);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    seen,
    hold(matches) {
      const waiting: GateRequest[] = [];
      const goers: (() => void)[] = [];
      const entry = {
        matches,
        add: (one: GateRequest, go: () => void): void => {
          waiting.push(one);
          goers.push(go);
        },
      };
      held.add(entry);
      return {
        waiting,
        release() {
          held.delete(entry);
          for (const go of goers.splice(0)) go();
        },
      };
    },
  };
}

type Hold = (one: GateRequest, go: () => void) => void;

function pass(target: string, request: IncomingMessage, response: ServerResponse): void {
  const { method, url = '/', headers } = request;
  const onward = ask(new URL(url, target), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    pipeline(answer, response, () => undefined);
  });
  onward.on('error', () => response.destroy());
  pipeline(request, onward, () => undefined);
}
