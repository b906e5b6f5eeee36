/**
 * The ledger at its full size, and under many senders at once. Builds its database first (minutes, some GB), in a temporary
 * directory or, to be used again, as `--database FILE`. Each figure beside what it must reach and, where one makes sense, the same done by hand.
 * `node bench/ledger.ts [--ended 1000000] [--waiting 100000] [--events 20000] [--rounds 5] [--database FILE] [--json]`
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { openDatabase, type Database } from '../src/base/sqlite.ts';
import type { ForgeEvent } from '../src/core/forge-event.ts';
import { feedOrder } from '../src/decide/feed-order.ts';
import { openSqliteLedger } from '../src/ledger/sqlite/open-ledger.ts';
import { openSqliteLedgerReader } from '../src/ledger/sqlite/reader.ts';
import { ledgerSteps } from '../src/ledger/sqlite/schema.ts';
import { anOrder, aChange } from '../test/support/ledger-world.ts';

const { values } = parseArgs({
  options: {
    ended: { type: 'string', default: '1000000' },
    waiting: { type: 'string', default: '100000' },
    events: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '5' },
    database: { type: 'string' },
    json: { type: 'boolean' },
  },
});
const [ended, waiting, events, rounds] = [values.ended, values.waiting, values.events, values.rounds].map(Number) as [
  number,
  number,
  number,
  number,
];
const projects = 20;
const senders = 64;
const perClass = 32;

interface Row {
  readonly what: string;
  readonly target: string;
  readonly measured: string;
  readonly baseline: string;
  readonly isReached: boolean;
}

const rows: Row[] = [];
const dir = await mkdtemp(join(tmpdir(), 'gc-bench-'));
try {
  await benchSenders();
  const path = values.database ?? join(dir, 'ledger.sqlite');
  if (!existsSync(path)) await build(path);
  await benchReading(path);
} finally {
  await rm(dir, { recursive: true, force: true });
}
if (values.json === true) console.log(JSON.stringify(rows));
else {
  console.log(
    `ledger with ${ended} ended and ${waiting} waiting jobs of ${projects} projects; medians, worst in brackets`,
  );
  for (const { what, target, measured, baseline, isReached } of rows) {
    console.log(
      `${isReached ? 'ok  ' : 'MISS'} ${what.padEnd(46)} ${target.padEnd(12)} ${measured.padEnd(26)} ${baseline}`,
    );
  }
}

/** 64 senders, each waiting for its answer before it sends again, against one loop that inserts 64 in a transaction. */
async function benchSenders(): Promise<void> {
  const pairs: { ours: number; byHand: number; commits: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    // Interleaved, so that a busy machine slows both.
    const byHand = insertByHand(join(dir, `hand-${round}.sqlite`));
    const { perSecond, commits } = await sendAll(join(dir, `ours-${round}.sqlite`));
    pairs.push({ ours: perSecond, byHand, commits });
  }
  const ratio = median(pairs.map(({ ours, byHand }) => ours / byHand));
  const commits = Math.max(...pairs.map((pair) => pair.commits)) / events;
  const [ours, byHand] = [median(pairs.map((pair) => pair.ours)), median(pairs.map((pair) => pair.byHand))];
  rows.push(
    {
      what: `commits an event, ${senders} senders`,
      target: '≤ 0.2',
      measured: commits.toFixed(4),
      baseline: '',
      isReached: commits <= 0.2,
    },
    {
      what: `durable events a second, ${senders} senders`,
      target: '≥ 0.6 ×',
      measured: `${ratio.toFixed(2)} × (${ours.toFixed(0)}/s)`,
      baseline: `${byHand.toFixed(0)}/s: a bare loop, ${senders} inserts a transaction`,
      isReached: ratio >= 0.6,
    },
  );
}

function eventOf(at: number): ForgeEvent {
  const changeKey = `git|project-${at % projects}|branch/main`;
  return { kind: 'change', forge: 'git', repo: `project-${at % projects}`, changeKey, sha: sha(at) };
}

async function sendAll(path: string): Promise<{ perSecond: number; commits: number }> {
  const database = openDatabase({ path });
  const ledger = openSqliteLedger(database);
  const before = database.commits;
  let sent = 0;
  const send = async (): Promise<void> => {
    while (sent < events) {
      const at = sent++;
      await ledger.recordDelivery({ id: `delivery-${at}`, event: eventOf(at), receivedAt: at, traceId: sha(at) });
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: senders }, send));
  const perSecond = (1000 * events) / (performance.now() - began);
  const commits = database.commits - before;
  await database.close();
  return { perSecond, commits };
}

function insertByHand(path: string): number {
  const handle = new DatabaseSync(path);
  handle.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  for (const step of ledgerSteps) handle.exec(step);
  const insert = handle.prepare(
    'INSERT OR IGNORE INTO deliveries (id, event, change_key, received_at, trace_id) VALUES (?, ?, ?, ?, ?)',
  );
  const began = performance.now();
  for (let at = 0; at < events; at++) {
    if (at % senders === 0) handle.exec('BEGIN IMMEDIATE');
    const event = eventOf(at);
    insert.run(`delivery-${at}`, JSON.stringify(event), event.changeKey, at, sha(at));
    if (at % senders === senders - 1 || at === events - 1) handle.exec('COMMIT');
  }
  const perSecond = (1000 * events) / (performance.now() - began);
  handle.close();
  return perSecond;
}

/** Years of work: ended jobs with two attempts each tenth time, a queue of priorities and ages, some running. */
async function build(path: string): Promise<void> {
  const database = openDatabase({ path });
  openSqliteLedger(database);
  await database.close();
  const handle = new DatabaseSync(path);
  handle.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; BEGIN');
  const began = performance.now();
  const job = handle.prepare(
    `INSERT INTO jobs (id, generation, state, n, project, class, change_key, forge, repo, sha, branch, title, context, occasion,
       priority, pool, is_exclusive, body, queued_at, started_at, ended_at, outcome, trace_id)
     VALUES (?, 1, ?, ?, ?, ?, ?, 'git', ?, ?, 'main', 'Make it work again', ?, 'change', ?, 'default', 0, ?, ?, ?, ?, ?, ?)`,
  );
  const attempt = handle.prepare(
    `INSERT INTO attempts (job_id, generation, n, nonce, state, queue, worker, is_owner, is_accepted, phase, outcome, offered_at,
       claimed_at, last_beat_at, started_at, ended_at, log_bytes, log_sha256)
     VALUES (?, 1, ?, ?, ?, 'jobs.default', ?, 1, ?, 'running', ?, ?, ?, ?, ?, ?, 100000, ?)`,
  );
  const report = handle.prepare(
    `INSERT INTO reports (forge, repo, sha, context, job_id, version, posted_version, said, is_final, posted_at)
     VALUES ('git', ?, ?, ?, ?, 4, 4, '{"state":"success","sentence":"Passed","path":"/runs/x?g=1"}', 1, 1)`,
  );
  const delivery = handle.prepare(
    `INSERT INTO deliveries (id, event, change_key, received_at, trace_id, state, ended_at) VALUES (?, ?, ?, ?, ?, 'handled', ?)`,
  );
  const passed = '{"kind":"passed"}';
  for (let at = 0; at < ended + waiting; at++) {
    const isEnded = at < ended;
    const isRunning = !isEnded && at % 1000 === 0;
    const order = anOrder({
      repo: `project-${at % projects}`,
      sha: sha(at),
      context: `debian-${at % 7}/scenario`,
      needs: at % 3 === 0 ? ['kvm'] : [],
    });
    const { id, subject, context } = order;
    const time = at * 20_000;
    const state = isEnded ? 'ended' : isRunning ? 'running' : 'waiting';
    const needs = order.needs.length > 0 ? 'default+kvm' : 'default';
    const key = `git|${subject.repo}|branch/main`;
    job.run(
      id,
      state,
      isEnded || isRunning ? 1 : 0,
      `git|${subject.repo}`,
      needs,
      key,
      subject.repo,
      subject.sha,
      context,
      at % 10,
      JSON.stringify(order),
      time,
      isEnded || isRunning ? time + 5_000 : null,
      isEnded ? time + 600_000 : null,
      isEnded ? passed : null,
      sha(at),
    );
    if (isEnded || isRunning) {
      attempt.run(
        id,
        1,
        sha(at).slice(0, 16),
        isEnded ? 'ended' : 'live',
        `worker-${at % 24}`,
        isEnded ? 1 : 0,
        isEnded ? passed : null,
        time,
        time + 1,
        time + 2,
        time + 3,
        isEnded ? time + 600_000 : null,
        isEnded ? sha(at) : null,
      );
    }
    report.run(subject.repo, subject.sha, context, id);
    if (at % 2 === 0) delivery.run(`old-${at}`, JSON.stringify(eventOf(at)), key, time, sha(at), time);
    if (at % 100_000 === 99_999) handle.exec('COMMIT; BEGIN');
  }
  const change = handle.prepare(
    `INSERT INTO changes (key, forge, repo, head_sha, is_open, version, body) VALUES (?, 'git', ?, ?, 1, 1, ?)`,
  );
  for (let project = 0; project < projects; project++) {
    const order = anOrder({ repo: `project-${project}` });
    change.run(aChange(order).key, order.subject.repo, order.subject.sha, JSON.stringify(aChange(order)));
  }
  handle.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  handle.close();
  console.error(`built in ${((performance.now() - began) / 1000).toFixed(0)} s`);
}

async function benchReading(path: string): Promise<void> {
  const writer = openDatabase({ path });
  const ledger = openSqliteLedger(writer);
  // As a page does it: another handle than the writer's, nothing prepared beforehand but what the first call prepares.
  const database = openDatabase({ path, isReadOnly: true });
  const reader = openSqliteLedgerReader(database);
  const now = (ended + waiting) * 20_000;
  const deep = await cursorAt(database, Math.floor(ended / 2));
  const last = (await reader.listRuns({ state: 'waiting', limit: 1 })).runs[0]?.jobId ?? '';
  const hindmost =
    database.read((sql) =>
      sql.get<{ id: string }>(`SELECT id FROM jobs WHERE state = 'waiting' ORDER BY seq DESC LIMIT 1`),
    )?.id ?? '';
  const list = 50;
  await measure('choose the next of the waiting', list / 10, async () => {
    const view = await ledger.feedView(now, perClass);
    if (feedOrder(view.candidates, view.underway, now).length === 0) throw new Error('nothing to feed');
  });
  await measure('first page of all runs', list, () => reader.listRuns({ limit: 50 }));
  await measure('first page of ended runs', list, () => reader.listRuns({ state: 'ended', limit: 50 }));
  await measure('a page in the middle of the ended', list, () =>
    reader.listRuns({ state: 'ended', limit: 50, before: deep }),
  );
  await measure('ended runs of one repository', list, () =>
    reader.listRuns({ state: 'ended', repo: 'project-7', limit: 50 }),
  );
  await measure('all runs of one repository', list, () => reader.listRuns({ repo: 'project-7', limit: 50 }));
  await measure('running', list, () => reader.listRuns({ state: 'running', limit: 100 }));
  await measure('first page of the waiting, in feed order', list, () =>
    reader.listRuns({ state: 'waiting', limit: 50 }),
  );
  await measure('position of the next job', list, () => reader.position(last));
  await measure('position of the newest job', list, () => reader.position(hindmost));
  await measure('one run by 8 digits', list, () => reader.run(hindmost.slice(0, 8)));
  await measure('counts, for each look at /metrics', list, () => reader.counts());
  await measure('held and workers', list, () => Promise.all([reader.held(), reader.workers()]));
  const noIndex = time(() =>
    database.read((sql) => sql.all(`SELECT id FROM jobs WHERE state = 'ended' ORDER BY +ended_at DESC LIMIT 50`)),
  );
  rows.push({
    what: 'by hand: first ended page without an index',
    target: '',
    measured: milliseconds(noIndex),
    baseline: '',
    isReached: true,
  });
  await database.close();
  await writer.close();
}

async function cursorAt(database: Database, seq: number): Promise<string> {
  const at =
    database.read((sql) => sql.get<{ ended_at: number }>('SELECT ended_at FROM jobs WHERE seq = ?', seq))?.ended_at ??
    0;
  return `ended.${at}.${seq}`;
}

async function measure(what: string, targetMs: number, work: () => Promise<unknown>): Promise<void> {
  const took: number[] = [];
  for (let round = 0; round < 20; round++) {
    const began = performance.now();
    await work();
    took.push(performance.now() - began);
  }
  const middle = median(took);
  rows.push({
    what,
    target: `≤ ${targetMs} ms`,
    measured: `${milliseconds(middle)} (${milliseconds(Math.max(...took))})`,
    baseline: '',
    isReached: middle <= targetMs,
  });
}

function time(work: () => unknown): number {
  const began = performance.now();
  work();
  return performance.now() - began;
}

function milliseconds(took: number): string {
  return `${took.toFixed(took < 10 ? 2 : 0)} ms`;
}

/** Made of the number, and spread over the whole range as hashes are. */
function sha(at: number): string {
  return (Math.imul(at + 1, 2_654_435_761) >>> 0).toString(16).padStart(8, '0') + at.toString(16).padStart(32, '0');
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
