// Judges a state directory after the kill test, by what lies on the disk alone. It imports none of our code, so that a
// mistake in the ledger's rules cannot hide in its own reader; the tables are those of docs/protocol.md.
//
// Usage: check-ledger.mjs --database FILE [--store DIR] [--expect FILE] [--statuses FILE]
//   --store     the directory store: every sealed log must be there, whole, and nothing unfinished beside it
//   --expect    JSON: { deliveries?: [id], heads?: [{ repo, sha, state? }], parked?: number }: what the world was promised
//   --statuses  JSON lines { repo, sha, context, state }: what a forge was told, oldest first
// Prints a line for each thing that is wrong, and counts in the end. Exit 0: all is well. 1: not. 2: usage.
// To be run when everything has come to rest: no server, no worker.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';

const options = readOptions();
const wrong = [];
const say = (rule, text) => wrong.push(`${rule}: ${text}`);

const database = new DatabaseSync(options.database);
const all = (sql, ...params) => database.prepare(sql).all(...params);
checkFile();
const expected = options.expect === undefined ? {} : JSON.parse(readFileSync(options.expect, 'utf8'));
const jobs = new Map(all('SELECT * FROM jobs').map((job) => [job.id, { ...job, outcome: parse(job.outcome) }]));
const attempts = all('SELECT * FROM attempts').map((attempt) => ({ ...attempt, outcome: parse(attempt.outcome) }));
const reports = all('SELECT * FROM reports').map((report) => ({ ...report, said: parse(report.said) }));
const deliveries = all('SELECT id, state, why FROM deliveries');

checkDeliveries();
checkJobs();
checkAttempts();
checkReports();
checkHeads();
checkQueues();
if (options.store !== undefined) checkStore(join(options.store, 'objects'));
if (options.statuses !== undefined) checkStatuses(options.statuses);
database.close();

for (const line of wrong) process.stdout.write(`${line}\n`);
const counts = { deliveries: deliveries.length, jobs: jobs.size, attempts: attempts.length, wrong: wrong.length };
process.stdout.write(`${JSON.stringify(counts)}\n`);
process.exitCode = wrong.length === 0 ? 0 : 1;

/** The file opens as the last kill left it, and SQLite finds no fault in it; else nothing more can be said. */
function checkFile() {
  let verdict;
  try {
    verdict = all('PRAGMA integrity_check').map((row) => row.integrity_check);
  } catch (error) {
    verdict = [error.message];
  }
  if (verdict.join() === 'ok') return;
  process.stdout.write(`file: ${verdict.join(', ')}\n`);
  process.exit(1);
}

/** No accepted event is lost or forgotten. */
function checkDeliveries() {
  const known = new Set(deliveries.map(({ id }) => id));
  for (const id of expected.deliveries ?? []) if (!known.has(id)) say('delivery-lost', id);
  for (const { id, state } of deliveries) if (state === 'pending') say('delivery-unhandled', id);
  const parked = deliveries.filter(({ state }) => state === 'parked');
  if (parked.length !== (expected.parked ?? 0)) {
    say('delivery-parked', `${parked.length}: ${parked.map(({ id, why }) => `${id} (${why})`).join(', ')}`);
  }
}

/** Every job is over, and its outcome is that of the one attempt that was accepted. */
function checkJobs() {
  for (const job of jobs.values()) {
    if (job.state !== 'ended' || job.outcome === null || job.ended_at === null) {
      say('job-open', `${job.id} is ${job.state}`);
      continue;
    }
    const accepted = attempts.filter((one) => one.job_id === job.id && one.is_accepted === 1);
    const current = accepted.filter((one) => one.generation === job.generation);
    if (isVerdict(job.outcome)) {
      if (current.length !== 1) say('verdict-count', `${job.id} has ${current.length} accepted attempts`);
      for (const one of current) {
        if (!isSame(one.outcome, job.outcome)) say('verdict-differs', `${job.id} ${one.generation}.${one.n}`);
      }
    } else if (current.length > 0) say('verdict-unwanted', `${job.id} is ${job.outcome.kind} in spite of a verdict`);
    for (const one of accepted) {
      if (!isVerdict(one.outcome)) say('accepted-without-verdict', `${job.id} ${one.generation}.${one.n}`);
      // A generation that has a verdict is never opened again (R13).
      if (one.generation < job.generation) say('verdict-forgotten', `${job.id} ${one.generation}.${one.n}`);
    }
    if (job.outcome.kind === 'broken' && !attempts.some((one) => one.job_id === job.id)) {
      say('broken-untried', job.id);
    }
  }
}

/** No attempt still lives, none has two owners, and tries are bounded. */
function checkAttempts() {
  const owners = new Map();
  for (const one of attempts) {
    const key = `${one.job_id} ${one.generation}.${one.n}`;
    const job = jobs.get(one.job_id);
    if (job === undefined) say('attempt-orphan', key);
    if (one.state !== 'ended' || one.outcome === null) say('attempt-open', `${key} is ${one.state}`);
    if (one.is_owner === 1) owners.set(key, (owners.get(key) ?? 0) + 1);
    if (job !== undefined && (one.generation > job.generation || one.generation < 1)) say('attempt-generation', key);
    if (one.n < 1 || one.n > 12) say('attempt-number', key);
  }
  for (const [key, count] of owners) if (count > 1) say('attempt-owners', `${key} has ${count}`);
}

/** What is shown is the last verdict: nothing is due, and what was said fits the job's outcome. */
function checkReports() {
  for (const report of reports) {
    const key = `${report.repo} ${report.sha} ${report.context}`;
    if (report.posted_version !== report.version)
      say('report-due', `${key}: ${report.posted_version}/${report.version}`);
    if (report.job_id === null) continue;
    const job = jobs.get(report.job_id);
    if (job === undefined || job.repo !== report.repo || job.sha !== report.sha || job.context !== report.context) {
      say('report-job', `${key} shows ${report.job_id}`);
      continue;
    }
    const state = stateOf(job.outcome);
    // Of what was never spoken of, it need not be said that nobody wants it any more.
    if (report.said === null && report.posts === 0 && job.outcome?.kind === 'canceled') continue;
    if (report.said?.state !== state) say('report-differs', `${key}: said ${report.said?.state}, is ${state}`);
    if (report.is_final !== 1) say('report-not-final', key);
  }
  const shown = new Set(reports.map(({ forge, repo, sha, context }) => [forge, repo, sha, context].join('|')));
  for (const { id, forge, repo, sha, context } of jobs.values()) {
    if (!shown.has([forge, repo, sha, context].join('|'))) say('report-missing', id);
  }
  for (const { body } of all('SELECT body FROM chores WHERE is_done = 0')) say('chore-due', body);
}

/** Every commit that stayed a head has been judged. */
function checkHeads() {
  for (const { repo, sha, state } of expected.heads ?? []) {
    const said = reports.filter((report) => report.repo === repo && report.sha === sha && report.job_id !== null);
    if (said.length === 0) say('head-untested', `${repo} ${sha}`);
    for (const { job_id, context } of said) {
      const job = jobs.get(job_id);
      if (!isVerdict(job?.outcome)) say('head-unjudged', `${repo} ${sha} ${context}: ${job?.outcome?.kind}`);
      else if (state !== undefined && stateOf(job.outcome) !== state) {
        say('head-misjudged', `${repo} ${sha} ${context}: ${stateOf(job.outcome)}, should be ${state}`);
      }
    }
  }
}

/** The embedded queue counts right and holds nothing any more. */
function checkQueues() {
  if (all(`SELECT 1 FROM sqlite_schema WHERE name = 'queue_message'`).length === 0) return;
  const real = new Map();
  for (const row of all(
    'SELECT queue, sum(holder IS NULL) AS ready, count(holder) AS unacked FROM queue_message GROUP BY queue',
  )) {
    real.set(row.queue, row);
  }
  for (const { name, ready, unacked } of all('SELECT name, ready, unacked FROM queue')) {
    const count = real.get(name) ?? { ready: 0, unacked: 0 };
    if (count.ready !== ready || count.unacked !== unacked) {
      say('queue-count', `${name} says ${ready}+${unacked}, has ${count.ready}+${count.unacked}`);
    }
  }
  for (const { queue, ready, unacked } of real.values()) say('queue-left', `${queue} has ${ready}+${unacked}`);
}

/** Every sealed log is in the store, whole; the accepted attempts are all sealed. */
function checkStore(objects) {
  const logs = new Map();
  for (const entry of existsSync(objects) ? readdirSync(objects, { recursive: true }) : []) {
    const path = String(entry);
    const match = /-([0-9a-f]{16})\/(\d+)\.(\d+)-([^/]{1,8})\/(log(?:\.chunks|\.\d+-\d+)?)$/.exec(path);
    if (match === null) continue;
    const key = match.slice(1, 5).join(' ');
    logs.set(key, [...(logs.get(key) ?? []), { path, name: match[5] }]);
  }
  for (const one of attempts) {
    const key = `${one.job_id.slice(0, 16)} ${one.generation} ${one.n} ${one.nonce.slice(0, 8)}`;
    if (one.is_accepted === 1 && one.log_sha256 === null) say('log-unsealed', key);
    if (one.log_sha256 === null) continue;
    const found = logs.get(key) ?? [];
    const whole = found.find(({ name }) => name === 'log');
    if (whole === undefined) {
      say('log-missing', key);
      continue;
    }
    const bytes = readFileSync(join(objects, whole.path));
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (bytes.length !== one.log_bytes) say('log-size', `${key}: ${bytes.length}, should be ${one.log_bytes}`);
    else if (sha256 !== one.log_sha256) say('log-differs', key);
    if (found.length > 1) say('log-unfinished', `${key}: ${found.map(({ name }) => name).join(', ')}`);
  }
}

/** The last thing that a forge heard about a commit and context is what the ledger says. */
function checkStatuses(file) {
  const last = new Map();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    // The recorder may have been killed in the middle of a line.
    if (!line.endsWith('}')) continue;
    const { repo, sha, context, state } = JSON.parse(line);
    last.set(`${repo} ${sha} ${context}`, state);
  }
  for (const { repo, sha, context, job_id } of reports) {
    if (job_id === null) continue;
    const key = `${repo} ${sha} ${context}`;
    const state = stateOf(jobs.get(job_id)?.outcome ?? null);
    if (last.get(key) !== state) say('status-differs', `${key}: the forge has ${last.get(key)}, it is ${state}`);
  }
}

function stateOf(outcome) {
  if (outcome === null) return 'pending';
  if (outcome.kind === 'passed') return 'success';
  return outcome.kind === 'failed' || outcome.kind === 'timed-out' ? 'failure' : 'error';
}

function isVerdict(outcome) {
  return outcome !== null && outcome !== undefined && ['passed', 'failed', 'timed-out'].includes(outcome.kind);
}

function isSame(one, other) {
  const text = (value) => JSON.stringify(Object.entries(value ?? {}).sort());
  return text(one) === text(other);
}

function parse(json) {
  return json === null ? null : JSON.parse(json);
}

function readOptions() {
  const text = { type: 'string' };
  try {
    const { values } = parseArgs({ options: { database: text, store: text, expect: text, statuses: text } });
    if (values.database === undefined || !existsSync(values.database)) throw new Error('--database FILE is needed');
    return values;
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}
