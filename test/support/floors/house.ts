/**
 * The table of the house: every room of src/, its floor, and the doors through which upper floors may enter.
 * test/floors.test.ts holds the code to it and test/architecture.test.ts holds ARCHITECTURE.md to it.
 */
export interface Room {
  readonly floor: number;
  /** Files that other rooms may import; absent when every file may be. What is not a port is an adapter. */
  readonly ports?: readonly string[];
}

export const rooms: Readonly<Record<string, Room>> = {
  cli: { floor: 9 },
  config: { floor: 8 },
  intake: { floor: 7 },
  dispatch: { floor: 7 },
  worker: { floor: 7 },
  web: { floor: 7 },
  retention: { floor: 7 },
  bots: { floor: 7 },
  report: { floor: 6 },
  images: { floor: 6 },
  logs: { floor: 5, ports: ['log-sink.ts'] },
  // choose and disk-guard know no adapter, only the port.
  executors: { floor: 5, ports: ['executor.ts', 'choose.ts', 'disk-guard.ts'] },
  forge: { floor: 4, ports: ['forge.ts', 'webhook.ts'] },
  queue: { floor: 4, ports: ['queue.ts'] },
  ledger: { floor: 4, ports: ['ledger.ts', 'ledger-reader.ts', 'report-due.ts'] },
  storage: { floor: 4, ports: ['object-store.ts'] },
  machines: { floor: 4 },
  decide: { floor: 3 },
  results: { floor: 3 },
  metrics: { floor: 3 },
  core: { floor: 2 },
  base: { floor: 1 },
};

/**
 * Where adapters meet: the only product files that may import past a port. Several, since one would be longer than a file
 * may be: `wire.ts` joins the house, and each file of `wire/` opens one room for it.
 */
export const wirePaths = /^src\/cli\/wire(\/[a-z-]+)?\.ts$/;

/** No clock, random, environment, async or I/O below these; they are handed all they need. */
export const purePrefixes = ['src/core/', 'src/decide/', 'src/results/', 'src/metrics/alert'] as const;

/** What a pure file may take from Node and from packages. `*` is everything. */
export const pureImports: Readonly<Record<string, readonly string[] | '*'>> = {
  // Hashing is a function of its input.
  'node:crypto': ['createHash', 'hash', 'createHmac', 'timingSafeEqual'],
  'node:path': ['posix'],
  'node:util': ['stripVTControlCharacters'],
  'node:buffer': '*',
  zod: '*',
};

/** The browser's room: it imports itself and these pure files, since nothing else reaches the browser. */
export const clientPrefix = 'src/web/client/';
export const clientMayImport: readonly string[] = ['src/results/ansi.ts'];

/** Drawers, where things go to be forgotten. */
export const forbiddenNames = [
  'common',
  'helper',
  'helpers',
  'lib',
  'libs',
  'misc',
  'pkg',
  'shared',
  'util',
  'utils',
] as const;

export const mostLines = 400;
