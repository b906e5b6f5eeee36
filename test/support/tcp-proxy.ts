import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that can do to a connection what networks do. */
export interface TcpProxy {
  readonly port: number;
  /** How many connections are open through it. */
  readonly open: number;
  /** Both directions go nowhere from now on, for all connections of now; nobody is told. New ones are let through. */
  blackHole(): void;
  /** The server sees its connections closed, the client hears nothing more. */
  cutFromServer(): void;
  close(): Promise<void>;
}

/** Listens on a free port of 127.0.0.1 and passes everything to `targetPort` there. */
export async function openTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<{ readonly client: Socket; readonly target: Socket; isDead: boolean }>();
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    const pair = { client, target, isDead: false };
    pairs.add(pair);
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        if (!pair.isDead) to.write(bytes);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        if (pair.isDead) return;
        to.destroy();
        pairs.delete(pair);
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    port,
    get open() {
      return [...pairs].filter(({ isDead }) => !isDead).length;
    },
    blackHole() {
      for (const pair of pairs) pair.isDead = true;
    },
    cutFromServer() {
      for (const pair of pairs) {
        pair.isDead = true;
        pair.target.destroy();
      }
    },
    async close() {
      for (const { client, target } of pairs) {
        client.destroy();
        target.destroy();
      }
      server.close();
      await once(server, 'close');
    },
  };
}
