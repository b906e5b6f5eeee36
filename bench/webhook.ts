/**
 * Webhooks over real sockets: 64 connections, real payloads padded to 10 to 100 kB, each durable in the ledger before its 202.
 * By hand: a bare loop that inserts the same bodies whole into SQLite (WAL, synchronous=FULL), as many in a transaction as our
 * writer had in one on average, with no network, signature or parsing.
 * `node bench/webhook.ts [--smoke] [--json]`
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { systemRandom } from '../src/base/random.ts';
import { openDatabase } from '../src/base/sqlite.ts';
import { createBodyBudget } from '../src/intake/body-budget.ts';
import { createReceiver } from '../src/intake/receive.ts';
import { createWebhookHandler, gitHubBodyLimits, usualBudget } from '../src/intake/webhook-handler.ts';
import { openSqliteLedger } from '../src/ledger/sqlite/open-ledger.ts';
import { openTempDir, removeTempDir } from '../test/support/temp-dir.ts';
import { deliveryId, webhookExamples, webhookHeaders } from '../test/support/webhook-examples.ts';
import { aWebhookReader } from '../test/support/webhook-reader.ts';
import { benchPart, median, milliseconds, percentile, type Row } from './measure.ts';
import type { ClientOrder, ClientReport } from './webhook-client.ts';

const connections = 64;
const offeredPerSecond = 200;
const kinds = ['pull_request', 'push', 'status', 'issue_comment'];

interface Body {
  readonly event: string;
  readonly text: string;
}

await benchPart(async (context) => {
  const { isSmoke } = context;
  const [deliveries, rounds, offered] = isSmoke ? [256, 1, 40] : [6_400, 5, 2_000];
  const dir = await openTempDir();
  context.after(() => removeTempDir(dir));
  const bodies = paddedBodies(128);
  const bytes = bodies.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0) / bodies.length;

  const pairs: { ours: number; byHand: number; batch: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    const { report, commits } = await drive(join(dir, `ours-${round}.sqlite`), bodies, {
      deliveries,
      offeredPerSecond: null,
    });
    const batch = Math.max(1, Math.round(deliveries / commits));
    const byHand = insertByHand(join(dir, `hand-${round}.sqlite`), bodies, { deliveries, batch });
    pairs.push({ ours: (1000 * deliveries) / report.tookMs, byHand, batch });
  }
  const steady = await drive(join(dir, 'steady.sqlite'), bodies, { deliveries: offered, offeredPerSecond });
  const [ours, byHand, batch, ratio] = [
    median(pairs.map((pair) => pair.ours)),
    median(pairs.map((pair) => pair.byHand)),
    median(pairs.map((pair) => pair.batch)),
    median(pairs.map((pair) => pair.ours / pair.byHand)),
  ];
  const p99 = percentile(steady.report.latenciesMs, 0.99);
  const rows: readonly Row[] = [
    {
      what: `webhooks durable a second, ${connections} connections, ${(bytes / 1000).toFixed(0)} kB`,
      target: '≥ 0.35 ×',
      measured: `${ratio.toFixed(2)} × (${ours.toFixed(0)}/s)`,
      baseline: `${byHand.toFixed(0)}/s: a bare loop of the same bytes, ${batch} a transaction as ours`,
      isReached: ratio >= 0.35,
    },
    {
      what: `webhook answered, ${offeredPerSecond}/s offered, p99`,
      target: '< 100 ms',
      measured: milliseconds(p99),
      baseline: `median ${milliseconds(median(steady.report.latenciesMs))}`,
      isReached: p99 < 100,
    },
  ];
  return rows;
});

/** Real payloads, made as long as real ones are: a pull request's description, or a comment, as people write them. */
function paddedBodies(count: number): readonly Body[] {
  const examples = webhookExamples().filter(({ event }) => kinds.includes(event));
  return Array.from({ length: count }, (_, at): Body => {
    const { event, payload } = examples[at % examples.length] ?? { event: 'push', payload: {} };
    // Evenly spread over the orders of magnitude: most are small.
    const wanted = 10_000 * 10 ** ((at % 32) / 31);
    const missing = wanted - Buffer.byteLength(JSON.stringify(payload));
    const prose =
      'When the dialog is closed "at once",\n\tthe `état` of <device-7> stays: see #1234 \u2013 and retry.\n';
    const text = JSON.stringify({ ...payload, padding: missing > 0 ? prose.repeat(missing / prose.length + 1) : '' });
    return { event, text };
  });
}

/** Sends deliveries at a receiver of its own. */
async function drive(
  path: string,
  bodies: readonly Body[],
  load: Pick<ClientOrder, 'deliveries' | 'offeredPerSecond'>,
): Promise<{ readonly report: ClientReport; readonly commits: number }> {
  const database = openDatabase({ path });
  const receiver = createReceiver({
    reader: aWebhookReader(),
    ledger: openSqliteLedger(database),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    onNew: () => undefined,
  });
  const handler = createWebhookHandler({
    receiver,
    budget: createBodyBudget(usualBudget),
    limits: gitHubBodyLimits,
    clock: systemClock,
    onAnswer: () => undefined,
  });
  const server = createServer(handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const before = database.commits;
  const order: ClientOrder = {
    ...load,
    connections,
    port: (server.address() as AddressInfo).port,
    firstId: 1,
    requests: bodies.map(requestOf),
  };
  const worker = new Worker(new URL('./webhook-client.ts', import.meta.url), { workerData: order });
  // An error of the thread rejects this.
  const [report] = (await once(worker, 'message')) as [ClientReport];
  await worker.terminate();
  server.closeAllConnections();
  server.close();
  const commits = database.commits - before;
  const stored = database.read((sql) => sql.get<{ n: number }>('SELECT COUNT(*) AS n FROM deliveries'))?.n;
  await database.close();
  const isWhole = report.statuses['202'] === load.deliveries && stored === load.deliveries;
  if (!isWhole) throw new Error(`${JSON.stringify(report.statuses)} answers, ${String(stored)} stored`);
  return { report, commits };
}

function requestOf({ event, text }: Body): { readonly bytes: Uint8Array; readonly idAt: number } {
  const headers = Object.entries(webhookHeaders(text, { event, id: deliveryId(0) }));
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  // As GitHub sends them, as far as it costs us something.
  const head = `POST /webhook/github HTTP/1.1\r\nhost: ci.example.org\r\nuser-agent: GitHub-Hookshot/044aadd\r\naccept: */*\r\ncontent-length: ${Buffer.byteLength(text)}\r\n${lines}\r\n`;
  const bytes = Buffer.from(head + text);
  return { bytes, idAt: bytes.indexOf(deliveryId(0)) + deliveryId(0).length - 12 };
}

/** Bodies a second. */
function insertByHand(
  path: string,
  bodies: readonly Body[],
  { deliveries, batch }: { readonly deliveries: number; readonly batch: number },
): number {
  const handle = new DatabaseSync(path);
  handle.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  handle.exec('CREATE TABLE deliveries (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body BLOB NOT NULL) STRICT');
  const insert = handle.prepare('INSERT OR IGNORE INTO deliveries (id, body) VALUES (?, ?)');
  const raw = bodies.map(({ text }) => Buffer.from(text));
  const began = performance.now();
  for (let at = 0; at < deliveries; at++) {
    if (at % batch === 0) handle.exec('BEGIN IMMEDIATE');
    insert.run(deliveryId(at + 1), raw[at % raw.length] ?? null);
    if (at % batch === batch - 1 || at === deliveries - 1) handle.exec('COMMIT');
  }
  const perSecond = (1000 * deliveries) / (performance.now() - began);
  handle.close();
  // Some hundred MB.
  rmSync(path);
  return perSecond;
}
