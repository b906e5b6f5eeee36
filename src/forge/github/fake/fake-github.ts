import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { createGit } from '../../../base/git.ts';
import { type Random, systemRandom } from '../../../base/random.ts';
import { removeTree } from '../../../base/remove-tree.ts';
import { allRoutes } from './all-routes.ts';
import { createApiServer, type Exchange, type SeenRequest } from './api-server.ts';
import { createDeliverer } from './deliveries.ts';
import { createFaults, type Faults } from './faults.ts';
import { createGitStore } from './git-store.ts';
import { runGraphql } from './graphql.ts';
import type { Json } from './json.ts';
import { createLimits, type Limits, type LimitSettings } from './limits.ts';
import { createPeople, type People } from './people.ts';
import { createRouter } from './router.ts';
import type { World } from './world.ts';

/** How the fake is started; everything has a default. */
export interface FakeGitHubOptions {
  /** Time of limits, tokens and stamps. Latency and time-outs of deliveries pass in real time. */
  readonly clock?: Clock;
  readonly random?: Random;
  readonly limits?: Partial<LimitSettings>;
  /** Environment of git; `PATH` is all that is needed of it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** How long a receiver of a webhook may take. */
  readonly hookTimeoutMs?: number;
  /** Default 500 for each hook. */
  readonly mostDeliveries?: number;
  /** Each says what is wrong with an answer, or a payload, of the fake; `troubles` collects it. For tests. */
  readonly inspectExchange?: (exchange: Exchange) => readonly string[];
  readonly inspectPayload?: (event: string, action: string | null, payload: Json) => readonly string[];
}

/**
 * A GitHub of one's own, on 127.0.0.1: repositories in real git, pull requests, statuses, comments, hooks, Apps, REST, and
 * the GraphQL that we use. It answers, limits and refuses as GitHub does, and goes wrong on order.
 */
export interface FakeGitHub extends AsyncDisposable {
  /** Base of the API, without a slash at its end; GraphQL is at `/graphql`. */
  readonly url: string;
  /** The same as an Enterprise server gives it: `…/api/v3`, with GraphQL at `…/api/graphql`. */
  readonly enterpriseUrl: string;
  /** Where the pages would be; git is served at `<webUrl>/<owner>/<repo>.git`. */
  readonly webUrl: string;
  /** What people do. */
  readonly people: People;
  /** What goes wrong. */
  readonly faults: Faults;
  readonly limits: Limits;
  /** The state itself, to look at; it is moved by `people`. */
  readonly world: World;
  /** The newest 20,000 requests, oldest first. */
  readonly requests: readonly SeenRequest[];
  forgetRequests(): void;
  /** What is wrong with the fake itself: answers that break the description, errors. A test ends with none. */
  readonly troubles: readonly string[];
  /** When every webhook has been delivered, or given up. */
  delivered(): Promise<void>;
  close(): Promise<void>;
}

const mostRequests = 20_000;
const mostTroubles = 100;
const usualPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Starts on 127.0.0.1, on a free port, with git repositories in a new directory that `close` removes. */
export async function startFakeGitHub(options: FakeGitHubOptions = {}): Promise<FakeGitHub> {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const root = await mkdtemp(join(tmpdir(), 'gc-hub-'));
  const git = createGit(options.env ?? {});
  const faults = createFaults(clock);
  const limits = createLimits(clock, options.limits);
  const troubles: string[] = [];
  const onTrouble = (why: string): void => {
    if (troubles.length < mostTroubles) troubles.push(why);
  };
  let lastId = 1000;
  const world: World = {
    clock,
    random,
    git: createGitStore(git, root),
    limits,
    urls: { api: '', web: '' },
    accounts: new Map(),
    repos: new Map(),
    tokens: new Map(),
    apps: new Map(),
    installations: new Map(),
    hooks: new Map(),
    nextId: () => (lastId += 1),
    announce: (announcement) => {
      deliverer.announce(announcement);
    },
    redeliver: (hook, delivery) => {
      deliverer.redeliver(hook, delivery);
    },
  };
  const deliverer = createDeliverer({
    world,
    faults,
    timeoutMs: options.hookTimeoutMs ?? 10_000,
    mostDeliveries: options.mostDeliveries ?? 500,
    inspect: (event, action, payload) => options.inspectPayload?.(event, action, payload).forEach(onTrouble),
    onTrouble,
  });
  const requests: SeenRequest[] = [];
  const serve = createApiServer({
    world,
    faults,
    router: createRouter(allRoutes),
    graphql: runGraphql(limits),
    git: {
      backend: join((await git.text(['--exec-path'], { cwd: root })).trim(), 'git-http-backend'),
      path: options.env?.['PATH'] ?? usualPath,
    },
    onRequest: (seen) => {
      requests.push(seen);
      if (requests.length > mostRequests) requests.shift();
    },
    onExchange: (exchange) => options.inspectExchange?.(exchange).forEach(onTrouble),
    onTrouble,
  });
  const server = createServer(serve);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  Object.assign(world.urls, { api: url, web: url });
  const close = async (): Promise<void> => {
    await deliverer.close();
    server.closeAllConnections();
    await new Promise<void>((resolve) =>
      server.close(() => {
        resolve();
      }),
    );
    await removeTree(root);
  };
  return {
    url,
    enterpriseUrl: `${url}/api/v3`,
    webUrl: url,
    people: createPeople(world, deliverer),
    faults,
    limits,
    world,
    requests,
    forgetRequests: () => {
      requests.length = 0;
    },
    troubles,
    delivered: () => deliverer.idle(),
    close,
    [Symbol.asyncDispose]: close,
  };
}
