/**
 * A server with very many workers and a very long queue: 1,000 workers, each with a connection and a broker's user of its own,
 * that speak the protocol and finish every order at once; 100,000 waiting jobs; RabbitMQ. Server, workers and broker share
 * the processors.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemRandom } from '../src/base/random.ts';
import { openDatabase } from '../src/base/sqlite.ts';
import { openSqliteLedger } from '../src/ledger/sqlite/open-ledger.ts';
import { aChange } from '../test/support/ledger-world.ts';
import { has } from '../test/support/needs.ts';
import { openRabbitBroker, type RabbitBroker } from '../test/support/rabbit-broker.ts';
import { openTempDir, removeTempDir } from '../test/support/temp-dir.ts';
import { until } from '../test/support/until.ts';
import { benchPart, type Row } from './measure.ts';
import { cpuMs, peakBytes } from './process-cost.ts';
import { checksEach, ordersOf } from './scale-world.ts';

await benchPart(async (context) => {
  const [workers, jobs] = context.isSmoke ? [20, 3_000] : [1_000, 100_000];
  const what = `${workers.toLocaleString('en')} connected workers, ${jobs.toLocaleString('en')} queued jobs`;
  if (!has('rabbitmq')) return [notMeasured(what, 'rabbitmq-server is missing')];
  const root = await openTempDir();
  context.after(() => removeTempDir(root));
  const ledgerFile = join(root, 'ledger.sqlite');
  await fill(ledgerFile, jobs);
  const broker = await openRabbitBroker();
  context.after(() => broker.close());
  const vhost = await broker.addVhost();
  const { port, managementUrl, username, password } = broker;
  const server = start('scale-server.ts', { broker: { port, managementUrl, username, password }, vhost, ledgerFile });
  context.after(() => end(server));
  await ready(server);
  const names = Array.from({ length: workers }, (_, index) => `worker-${String(index)}`);
  const secret = systemRandom.hex(8);
  await addUsers(broker, vhost, { names, password: secret });
  const clients = start('protocol-clients.ts', { port, vhost, password: secret, names });
  context.after(() => end(clients));
  await ready(clients);

  const database = openDatabase({ path: ledgerFile, isReadOnly: true });
  context.after(() => database.close());
  const ended = (): number =>
    database.read((sql) => sql.get<{ n: number }>(`SELECT COUNT(*) AS n FROM jobs WHERE state = 'ended'`))?.n ?? 0;
  // Everybody is at work, and what the start left to do is done.
  await until(() => ended() >= workers, { within: 300_000, what: 'every worker to have ended a job, on average' });
  await pause(context.isSmoke ? 0 : 10_000);
  const pids = [server.pid ?? 0, await pidOf(broker), clients.pid ?? 0];
  const now = (): { at: number; ended: number; cpu: number[] } => ({
    at: performance.now(),
    ended: ended(),
    cpu: pids.map(cpuMs),
  });
  const before = now();
  await pause(context.isSmoke ? 1_000 : 30_000);
  const after = now();
  const done = after.ended - before.ended;
  if (done === 0) throw new Error('nothing was dispatched while it was measured');
  const rate = (1000 * done) / (after.at - before.at);
  const [ofServer = 0, ofBroker = 0, ofWorkers = 0] = after.cpu.map((ms, at) => (ms - (before.cpu[at] ?? 0)) / done);
  const peakMb = peakBytes(server.pid ?? 0) / 1e6;
  return [
    {
      what: `${what}: dispatched, claimed, finished and sealed`,
      target: '≥ 200/s',
      measured: `${rate.toFixed(0)}/s`,
      baseline: `CPU a job: server ${ofServer.toFixed(2)}, broker ${ofBroker.toFixed(2)}, workers ${ofWorkers.toFixed(2)} ms`,
      isReached: rate >= 200,
    },
    {
      what: `${what}: memory of the server at its peak`,
      target: '< 400 MB',
      measured: `${peakMb.toFixed(0)} MB`,
      baseline: '',
      isReached: peakMb < 400,
    },
  ];
});

/** The management API knows it some seconds after the start. */
function pidOf(broker: RabbitBroker): Promise<number> {
  return until(
    async () => {
      const [node] = (await broker.api('GET', 'nodes')) as { os_pid?: string }[];
      return node?.os_pid === undefined ? null : Number(node.os_pid);
    },
    { within: 60_000, what: "the broker's process number" },
  );
}

function notMeasured(what: string, why: string): Row {
  return { what, target: '≥ 200/s, < 400 MB', measured: `not measured: ${why}`, baseline: '', isReached: null };
}

async function fill(path: string, jobs: number): Promise<void> {
  const database = openDatabase({ path });
  const ledger = openSqliteLedger(database);
  await ledger.begin(1);
  for (let pull = 1; pull <= jobs / checksEach; pull += 1) {
    const orders = ordersOf(pull);
    await ledger.applyDecision({
      change: aChange(orders[0]),
      actions: orders.map((job) => ({ kind: 'enqueue', job, generation: 1 }) as const),
      deliveryIds: [],
      now: Date.now(),
      traceId: pull.toString(16).padStart(32, '0'),
    });
  }
  await database.close();
}

/** Users of one password in one request: one by one they take minutes. */
async function addUsers(
  broker: RabbitBroker,
  vhost: string,
  { names, password }: { readonly names: readonly string[]; readonly password: string },
): Promise<void> {
  // rabbitmq.com/docs/passwords: base64 of a salt of 4 bytes and SHA-256 of salt and password.
  const salt = Buffer.from(systemRandom.hex(4), 'hex');
  const hash = createHash('sha256').update(salt).update(password).digest();
  const password_hash = Buffer.concat([salt, hash]).toString('base64');
  const hashing_algorithm = 'rabbit_password_hashing_sha256';
  await broker.api('POST', 'definitions', {
    users: names.map((name) => ({ name, password_hash, hashing_algorithm, tags: '' })),
    permissions: names.map((user) => ({ user, vhost, configure: '.*', write: '.*', read: '.*' })),
  });
}

function start(file: string, order: object): ChildProcess {
  const flags = ['--disable-warning=ExperimentalWarning', ...(process.env['BENCH_NODE_FLAGS']?.split(' ') ?? [])];
  const args = [...flags, join(import.meta.dirname, file), JSON.stringify(order)];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function ready(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => {
      resolve();
    });
    child.once('exit', (code) => {
      reject(new Error(`a part ended with ${String(code)} before it was ready`));
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), 20_000);
  await exited;
  clearTimeout(hard);
}
