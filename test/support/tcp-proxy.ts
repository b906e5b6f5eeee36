import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** What a proxy has passed and withheld so far. */
export interface ProxyCounts {
  /** Connections that somebody made. */
  readonly accepted: number;
  /** Connections that found nobody behind the proxy. */
  readonly refused: number;
  /** Bytes that came at all, from either side. */
  readonly bytes: number;
  /** Bytes that came into a black hole. */
  readonly swallowedBytes: number;
  /** Bytes that came while everything was held back, or late. */
  readonly heldBytes: number;
  readonly lateBytes: number;
}

/** A TCP proxy that can do to a connection what networks do. */
export interface TcpProxy {
  readonly port: number;
  /** How many connections are open through it. */
  readonly open: number;
  readonly counts: ProxyCounts;
  /** Each piece takes so long, in each direction; 0 at first. */
  latencyMs: number;
  /** Both directions go nowhere from now on, for all connections of now; nobody is told. New ones are let through. How many. */
  blackHole(): number;
  /** The server sees its connections closed, the client hears nothing more. */
  cutFromServer(): void;
  /** Both ends of all connections of now see them closed, what was under way is lost. How many. */
  cut(): number;
  /** Nothing passes from now on, of new connections neither, until `release`: then all of it arrives, as TCP sends again. */
  hold(): void;
  release(): void;
  /** New connections go to that port. */
  retarget(port: number): void;
  close(): Promise<void>;
}

interface Piece {
  /** By `performance.now()`. */
  readonly readyAt: number;
  /** Null: the sender is done. */
  readonly bytes: Buffer | null;
}

interface Pair {
  readonly client: Socket;
  readonly target: Socket;
  isDead: boolean;
}

/** Listens on a free port of 127.0.0.1 and passes everything to `targetPort` there. */
export async function openTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  const counts = { accepted: 0, refused: 0, bytes: 0, swallowedBytes: 0, heldBytes: 0, lateBytes: 0 };
  const pumps = new Set<() => void>();
  let isHeld = false;
  let latencyMs = 0;
  let goesTo = targetPort;

  const pass = (pair: Pair, from: Socket, to: Socket): void => {
    const pieces: Piece[] = [];
    let timer: NodeJS.Timeout | null = null;
    const pump = (): void => {
      if (timer !== null) clearTimeout(timer);
      timer = null;
      for (let next = pieces[0]; next !== undefined && !pair.isDead && !isHeld; next = pieces[0]) {
        const waitMs = next.readyAt - performance.now();
        if (waitMs > 0) {
          timer = setTimeout(pump, waitMs);
          return;
        }
        pieces.shift();
        if (next.bytes === null) to.end();
        else to.write(next.bytes);
      }
    };
    const take = (bytes: Buffer | null): void => {
      const size = bytes?.length ?? 0;
      counts.bytes += size;
      if (pair.isDead) counts.swallowedBytes += size;
      else if (isHeld) counts.heldBytes += size;
      else if (latencyMs > 0) counts.lateBytes += size;
      if (pair.isDead) return;
      pieces.push({ readyAt: performance.now() + latencyMs, bytes });
      // A timer that is set already ends before this piece is ready.
      if (timer === null) pump();
    };
    pumps.add(pump);
    from.setNoDelay(true);
    from.on('data', take);
    from.on('end', () => {
      take(null);
    });
    let hasFailed = false;
    from.on('error', () => {
      hasFailed = true;
    });
    from.on('close', () => {
      pumps.delete(pump);
      if (pair.isDead) return;
      if (hasFailed || !from.readableEnded) to.destroy();
      if (to.destroyed) pairs.delete(pair);
    });
  };

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const target = connect({ port: goesTo, host: '127.0.0.1', allowHalfOpen: true });
    counts.accepted += 1;
    target.once('error', (error) => {
      if ('code' in error && error.code === 'ECONNREFUSED') counts.refused += 1;
    });
    const pair: Pair = { client, target, isDead: false };
    pairs.add(pair);
    pass(pair, client, target);
    pass(pair, target, client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const living = (): readonly Pair[] => [...pairs].filter(({ isDead }) => !isDead);
  return {
    port,
    counts,
    get open() {
      return living().length;
    },
    get latencyMs() {
      return latencyMs;
    },
    set latencyMs(ms) {
      latencyMs = ms;
    },
    blackHole() {
      const hit = living();
      for (const pair of hit) pair.isDead = true;
      return hit.length;
    },
    cutFromServer() {
      for (const pair of pairs) {
        pair.isDead = true;
        pair.target.destroy();
      }
    },
    cut() {
      const hit = living();
      for (const pair of hit) {
        pair.isDead = true;
        pair.client.resetAndDestroy();
        pair.target.resetAndDestroy();
        pairs.delete(pair);
      }
      return hit.length;
    },
    hold() {
      isHeld = true;
    },
    release() {
      isHeld = false;
      for (const pump of pumps) pump();
    },
    retarget(to) {
      goesTo = to;
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
