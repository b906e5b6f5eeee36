/** The server of `bench/scale.ts`, without its pages, over a ledger that is filled already. Ends with SIGTERM. */
import { sleep, systemClock } from '../src/base/clock.ts';
import { createLogger } from '../src/base/logger.ts';
import { systemRandom } from '../src/base/random.ts';
import { openDatabase } from '../src/base/sqlite.ts';
import { serve } from '../src/cli/serve.ts';
import type { Change } from '../src/core/change.ts';
import type { Forge } from '../src/forge/forge.ts';
import { openSqliteLedger } from '../src/ledger/sqlite/open-ledger.ts';
import { openAmqpQueue } from '../src/queue/amqp/amqp-queue.ts';
import { check } from '../test/support/decide-world.ts';
import { spokenForge, viewOf } from '../test/support/intake-world.ts';
import { ordersOf } from './scale-world.ts';

const { ledgerFile, broker, vhost } = JSON.parse(process.argv[2] ?? '') as {
  readonly ledgerFile: string;
  readonly broker: {
    readonly port: number;
    readonly managementUrl: string;
    readonly username: string;
    readonly password: string;
  };
  readonly vhost: string;
};
const stopped = new AbortController();
process.once('SIGTERM', () => {
  stopped.abort();
});
const logger = createLogger({
  level: 'warn',
  isTerminal: false,
  hasColour: false,
  write: (line) => {
    process.stderr.write(line);
  },
});
const database = openDatabase({ path: ledgerFile });
const { username } = broker;
const password = (): string => broker.password;
const queue = await openAmqpQueue({
  broker: {
    role: 'server',
    hosts: [{ host: '127.0.0.1', port: broker.port }],
    vhost,
    username,
    password,
    tls: null,
    management: { url: broker.managementUrl, username, password },
  },
  clientName: 'server',
  clock: systemClock,
  random: systemRandom,
  logger,
});

// Shows what the ledger knows already: nothing has moved, and nothing has to be decided.
const forge: Forge = {
  ...spokenForge(),
  repos: () =>
    database.read((sql) => sql.all<{ repo: string }>('SELECT DISTINCT repo FROM changes')).map(({ repo }) => repo),
  places: async (repo) =>
    database.read((sql) =>
      sql.all<{ changeKey: string; headSha: string; version: number }>(
        'SELECT key AS changeKey, head_sha AS headSha, version FROM changes WHERE repo = ?',
        repo,
      ),
    ),
  view: async (_repo, changeKey) => {
    const row = database.read((sql) => sql.get<{ body: string }>('SELECT body FROM changes WHERE key = ?', changeKey));
    return row === undefined ? null : viewOf(JSON.parse(row.body) as Change);
  },
  watch: (_hear, signal) => sleep(systemClock, 24 * 3_600_000, signal),
};

const signingKey = systemRandom.hex(32);
const server = serve(
  {
    ledger: openSqliteLedger(database),
    queue,
    forges: new Map([[forge.name, forge]]),
    plan: async ({ pull }) => ({ kind: 'checks', checks: ordersOf(pull ?? 0).map((job) => check(job)) }),
    runRecords: async () => [],
    clock: systemClock,
    random: systemRandom,
    logger,
    signingKey,
    verifyKeys: [signingKey],
    knownQueues: [],
    publicUrl: () => null,
    scanPeriodMs: 600_000,
    onChanged: () => undefined,
    onReady: () => {
      process.stdout.write('ready\n');
    },
  },
  stopped.signal,
);
await server.done;
await queue.close();
await database.close();
