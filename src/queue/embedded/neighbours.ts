import { closeSync, mkdirSync, openSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

/** What we hear from the other processes on this machine. */
export interface NeighboursOptions {
  /** Where the sockets lie. */
  readonly directory: string;
  /** Somebody changed a queue: look. */
  readonly onHint: () => void;
  /** The process behind this name closed its end: it is probably dead. */
  readonly onGone: (name: string) => void;
  /** Nobody can connect to us, so we hear of changes at the next poll only. */
  readonly onDeaf: (cause: Error) => void;
}

// sun_path holds 108 bytes with the final zero.
const longestSocketPath = 107;

/**
 * Connections among the processes that share one queue file: a newcomer connects to all that are there. They carry no
 * data: the first line is the newcomer's name, then each line feed says "look into the file". A lost hint costs a poll.
 */
export class Neighbours {
  readonly #options: NeighboursOptions;
  readonly #directoryFd: number;
  readonly #sockets = new Map<string, Socket>();
  /** All that are open, with those that have not said their name yet. */
  readonly #all = new Set<Socket>();
  #server: Server | null = null;
  #isHinting = false;

  constructor(options: NeighboursOptions) {
    this.#options = options;
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    this.#directoryFd = openSync(options.directory, 'r');
  }

  /** Lets others connect to `name`. A system without unix sockets leaves the poll. */
  listen(name: string): Promise<void> {
    this.#server?.close();
    const server = createServer((socket) => {
      this.#welcome(socket);
    });
    this.#server = server;
    server.unref();
    return new Promise((resolve) => {
      server.on('error', (cause) => {
        this.#options.onDeaf(cause);
        resolve();
      });
      server.listen(this.#path(name), resolve);
    });
  }

  /** Connects to those that we do not know yet; resolves when each has answered or refused. */
  async greet(self: string, names: readonly string[]): Promise<void> {
    const unknown = names.filter((name) => !this.#sockets.has(name));
    await Promise.all(unknown.map((name) => this.#connect(self, name)));
  }

  /** Tells everybody to look, once for all calls of this turn. */
  hint(): void {
    if (this.#isHinting || this.#sockets.size === 0) return;
    this.#isHinting = true;
    setImmediate(() => {
      this.#isHinting = false;
      // A socket with unsent bytes belongs to one who does not read: it has its hint when it wakes.
      for (const socket of this.#sockets.values()) if (socket.writableLength === 0) socket.write('\n');
    });
  }

  close(): void {
    this.#server?.close();
    this.#server = null;
    for (const socket of this.#all) socket.destroy();
    this.#sockets.clear();
    closeSync(this.#directoryFd);
  }

  /** A path through our own descriptor is short however deep the directory lies. */
  #path(name: string): string {
    const path = join(this.#options.directory, `${name}.sock`);
    if (Buffer.byteLength(path) <= longestSocketPath) return path;
    return `/proc/self/fd/${this.#directoryFd}/${name}.sock`;
  }

  #welcome(socket: Socket): void {
    this.#open(socket);
    let start = '';
    const onData = (bytes: Buffer): void => {
      start += bytes.toString('latin1');
      const end = start.indexOf('\n');
      // Our names are 18 characters; who says more is no neighbour.
      if (end > 64 || (end < 0 && start.length > 64)) socket.destroy();
      if (end < 0) return;
      socket.off('data', onData);
      this.#keep(start.slice(0, end), socket);
      if (start.length > end + 1) this.#options.onHint();
    };
    socket.on('data', onData);
  }

  #connect(self: string, name: string): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect(this.#path(name));
      this.#open(socket);
      socket.on('close', () => {
        resolve();
      });
      socket.on('connect', () => {
        socket.write(`${self}\n`);
        this.#keep(name, socket);
        resolve();
      });
    });
  }

  #open(socket: Socket): void {
    this.#all.add(socket);
    // The close that follows tells all that there is to tell.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#all.delete(socket));
  }

  #keep(name: string, socket: Socket): void {
    if (this.#server === null) {
      socket.destroy();
      return;
    }
    socket.unref();
    // Two that greet each other at once have two connections; both are heard, the newer one is spoken through.
    this.#sockets.set(name, socket);
    socket.on('data', () => {
      this.#options.onHint();
    });
    socket.on('close', () => {
      if (this.#sockets.get(name) === socket) this.#sockets.delete(name);
      if (this.#server !== null) this.#options.onGone(name);
    });
  }
}
