/** The other side of `webhook.ts`, in a thread of its own: GitHub as a load, over bare sockets so that it costs little. */
import { connect, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

/** What the thread is told. Offered: deliveries a second at fixed times, whatever the answers do; null: as fast as answers come. */
export interface ClientOrder {
  readonly port: number;
  readonly connections: number;
  readonly deliveries: number;
  readonly offeredPerSecond: number | null;
  /** Ids begin after this number. */
  readonly firstId: number;
  /** Whole requests, with a place of 12 digits for the id. */
  readonly requests: readonly { readonly bytes: Uint8Array; readonly idAt: number }[];
}

/** What it answers. Latencies in ms, from the time when a request was due. */
export interface ClientReport {
  readonly tookMs: number;
  readonly latenciesMs: readonly number[];
  readonly statuses: Readonly<Record<string, number>>;
}

const order = workerData as ClientOrder;
const statuses: Record<string, number> = {};
const latenciesMs: number[] = [];
let sent = 0;

function nextRequest(): Buffer {
  const { bytes, idAt } = order.requests[sent % order.requests.length] ?? { bytes: new Uint8Array(), idAt: 0 };
  const request = Buffer.from(bytes);
  request.write((order.firstId + sent).toString(16).padStart(12, '0'), idAt, 'latin1');
  sent += 1;
  return request;
}

/** A connection that sends one request after the other. */
class Sender {
  readonly #socket: Socket;
  #answered: (status: string) => void = () => undefined;
  #failed: (why: Error) => void = () => undefined;
  #text = '';

  constructor() {
    this.#socket = connect({ port: order.port, host: '127.0.0.1', noDelay: true });
    this.#socket
      .on('error', () => undefined)
      .on('close', () => {
        this.#failed(new Error('the server closed a connection'));
      });
    this.#socket.setEncoding('latin1').on('data', (part: string) => {
      this.#text += part;
      const head = this.#text.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(this.#text)?.[1]);
      if (head < 0 || this.#text.length < head + 4 + length) return;
      const status = this.#text.slice(9, 12);
      this.#text = this.#text.slice(head + 4 + length);
      this.#answered(status);
    });
  }

  async send(dueAt: number): Promise<void> {
    const answered = new Promise<string>((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
    });
    if (this.#socket.destroyed) throw new Error('the server closed a connection');
    this.#socket.write(nextRequest());
    const status = await answered;
    statuses[status] = (statuses[status] ?? 0) + 1;
    latenciesMs.push(performance.now() - dueAt);
  }

  end(): void {
    this.#socket.destroy();
  }
}

const senders = Array.from({ length: order.connections }, () => new Sender());
const began = performance.now();
if (order.offeredPerSecond === null) {
  await Promise.all(
    senders.map(async (sender) => {
      while (sent < order.deliveries) await sender.send(performance.now());
    }),
  );
} else {
  const free = [...senders];
  const due: number[] = [];
  const underway: Promise<void>[] = [];
  // Who waits for a connection is late since the time when it was due: a slow server cannot hide behind slow asking.
  const push = (): void => {
    while (due.length > 0 && free.length > 0) {
      // In turn, so that none is idle for as long as a server keeps it.
      const [sender, dueAt] = [free.shift(), due.shift()];
      if (sender === undefined || dueAt === undefined) return;
      underway.push(
        sender.send(dueAt).then(() => {
          free.push(sender);
          push();
        }),
      );
    }
  };
  for (let at = 0; at < order.deliveries; at++) {
    const dueAt = began + (1000 * at) / order.offeredPerSecond;
    const waitMs = dueAt - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    due.push(dueAt);
    push();
  }
  while (due.length > 0 || free.length < senders.length) await new Promise((resolve) => setTimeout(resolve, 5));
  await Promise.all(underway);
}
const report: ClientReport = { tookMs: performance.now() - began, latenciesMs, statuses };
for (const sender of senders) sender.end();
parentPort?.postMessage(report);
