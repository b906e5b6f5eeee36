import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { systemRandom } from '../../src/base/random.ts';
import { openDatabase, type Database } from '../../src/base/sqlite.ts';
import { createBodyBudget, type BodyBudget } from '../../src/intake/body-budget.ts';
import { createReceiver } from '../../src/intake/receive.ts';
import { createWebhookHandler, type BodyLimits } from '../../src/intake/webhook-handler.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { openSqliteLedger } from '../../src/ledger/sqlite/open-ledger.ts';
import type { CleansUp } from './temp-dir.ts';
import { aWebhookReader } from './webhook-reader.ts';
import { webhookHeaders } from './webhook-examples.ts';

/** A receiver behind a real socket, over a ledger of its own. */
export interface WebhookWorld {
  readonly port: number;
  readonly ledger: Ledger;
  readonly database: Database;
  readonly budget: BodyBudget;
  /** Statuses in the order of the answers; 0: the sender went away. */
  readonly answers: readonly number[];
  /** How often something new was announced. */
  readonly news: () => number;
}

export interface WebhookWishes {
  readonly limits?: Partial<BodyLimits>;
  readonly budget?: { readonly bodies: number; readonly bytes: number };
  /** Stands before the ledger. */
  readonly wrap?: (ledger: Ledger) => Ledger;
}

/** Listens on a free port of the loopback until the test ends. */
export async function openWebhookWorld(context: CleansUp, wishes: WebhookWishes = {}): Promise<WebhookWorld> {
  const database = openDatabase({ path: ':memory:' });
  const ledger = openSqliteLedger(database);
  const answers: number[] = [];
  let news = 0;
  const budget = createBodyBudget(wishes.budget ?? { bodies: 16, bytes: 64 * 2 ** 20 });
  const handler = createWebhookHandler({
    receiver: createReceiver({
      reader: aWebhookReader(),
      ledger: wishes.wrap?.(ledger) ?? ledger,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      onNew: () => {
        news += 1;
      },
    }),
    budget,
    limits: { mostBytes: 2 ** 20, withinMs: 5_000, silenceMs: 5_000, ...wishes.limits },
    clock: systemClock,
    onAnswer: (status) => answers.push(status),
  });
  const server = createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
    await database.close();
  });
  return { port: (server.address() as AddressInfo).port, ledger, database, budget, answers, news: () => news };
}

/** The head of a delivery's request; `length` null: chunked. */
export function webhookHead(
  body: Buffer | string,
  {
    length = Buffer.byteLength(body),
    ...given
  }: Parameters<typeof webhookHeaders>[1] & { length?: number | null } = {},
): string {
  const headers = Object.entries(webhookHeaders(body, given)).map(([name, value]) => `${name}: ${value}\r\n`);
  const size = length === null ? 'transfer-encoding: chunked\r\n' : `content-length: ${String(length)}\r\n`;
  return `POST /webhook/github HTTP/1.1\r\nhost: ci.example.org\r\n${headers.join('')}${size}\r\n`;
}

/** A connection whose every byte the test writes. */
export interface RawConnection {
  readonly socket: Socket;
  /** All that came so far. */
  readonly text: () => string;
  /** Resolves when the other side has ended or cut the connection. */
  readonly closed: Promise<void>;
}

/** Connects to the loopback. */
export async function rawConnection(context: CleansUp, port: number): Promise<RawConnection> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (part: string) => (text += part));
  // A cut connection is what some tests wait for.
  socket.on('error', () => undefined);
  context.after(() => {
    socket.destroy();
  });
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve();
    });
  });
  await once(socket, 'connect');
  return { socket, text: () => text, closed };
}
