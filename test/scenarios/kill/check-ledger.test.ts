import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { exec } from '../../../src/base/exec.ts';
import { openDatabase } from '../../../src/base/sqlite.ts';
import { ledgerSteps } from '../../../src/ledger/sqlite/schema.ts';
import { queueMigrations } from '../../../src/queue/embedded/schema.ts';
import { tempDir } from '../../support/temp-dir.ts';

const job = '0123456789abcdef0123456789abcdef';
const log = 'all is well\n';
const sound = `
  INSERT INTO deliveries (id, event, change_key, received_at, trace_id, state) VALUES ('d1', '{}', 'k', 1, 't', 'handled');
  INSERT INTO jobs (id, generation, state, n, project, class, change_key, forge, repo, sha, title, context, occasion,
      priority, pool, is_exclusive, body, queued_at, ended_at, outcome, trace_id)
    VALUES ('${job}', 1, 'ended', 2, 'git|demo', 'default', 'k', 'git', 'demo', 'c0ffee', 'a title', 'test', 'change',
      0, 'default', 0, '{}', 1, 9, '{"kind":"passed"}', 't');
  INSERT INTO attempts (job_id, generation, n, nonce, state, queue, worker, is_owner, outcome, offered_at, ended_at)
    VALUES ('${job}', 1, 1, 'aaaaaaaaaaaa', 'ended', 'q', 'w', 1, '{"kind":"broken","cause":"lost","phase":"running"}', 1, 5);
  INSERT INTO attempts (job_id, generation, n, nonce, state, queue, worker, is_owner, is_accepted, outcome, offered_at,
      ended_at, log_bytes, log_sha256)
    VALUES ('${job}', 1, 2, 'bbbbbbbbbbbb', 'ended', 'q', 'w', 1, 1, '{"kind":"passed"}', 5, 9, ${log.length},
      '${createHash('sha256').update(log).digest('hex')}');
  INSERT INTO reports (forge, repo, sha, context, job_id, version, posted_version, said, is_final)
    VALUES ('git', 'demo', 'c0ffee', 'test', '${job}', 3, 3, '{"state":"success"}', 1);
  INSERT INTO queue (name) VALUES ('collector');
`;
const logKey = `demo/main-c0ffee-test-${job.slice(0, 16)}/1.2-bbbbbbbb`;

interface Fault {
  readonly rule: string;
  readonly sql?: string;
  readonly expect?: object;
  readonly statuses?: readonly object[];
  readonly objects?: Readonly<Record<string, string>>;
}

/** Each fault, and the rule that must name it. */
const faults: Readonly<Record<string, Fault>> = {
  'an accepted event that is not there': { rule: 'delivery-lost', expect: { deliveries: ['d1', 'd2'] } },
  'an event that nobody handled': { rule: 'delivery-unhandled', sql: `UPDATE deliveries SET state = 'pending'` },
  'a parked event': { rule: 'delivery-parked', sql: `UPDATE deliveries SET state = 'parked'` },
  'a job that did not end': { rule: 'job-open', sql: `UPDATE jobs SET state = 'running', outcome = NULL` },
  'a verdict without an attempt': { rule: 'verdict-count', sql: 'UPDATE attempts SET is_accepted = 0' },
  'two verdicts': {
    rule: 'verdict-count',
    sql: `UPDATE attempts SET is_accepted = 1, outcome = '{"kind":"passed"}'`,
  },
  'a verdict that no attempt gave': { rule: 'verdict-differs', sql: `UPDATE jobs SET outcome = '{"kind":"failed"}'` },
  'a canceled job with a verdict': {
    rule: 'verdict-unwanted',
    sql: `UPDATE jobs SET outcome = '{"kind":"canceled","reason":"person","by":"x"}'`,
  },
  'a judged job that was opened again': { rule: 'verdict-forgotten', sql: 'UPDATE jobs SET generation = 2' },
  'an accepted attempt that broke': {
    rule: 'accepted-without-verdict',
    sql: `UPDATE attempts SET is_accepted = 1`,
  },
  'an attempt that lives on': { rule: 'attempt-open', sql: `UPDATE attempts SET state = 'live' WHERE n = 1` },
  'an attempt without a job': { rule: 'attempt-orphan', sql: `UPDATE attempts SET job_id = 'x' WHERE n = 1` },
  'two owners': { rule: 'attempt-owners', sql: 'UPDATE attempts SET n = 2' },
  'tries without end': { rule: 'attempt-number', sql: 'UPDATE attempts SET n = 13 WHERE n = 1' },
  'an unposted status': { rule: 'report-due', sql: 'UPDATE reports SET posted_version = 2' },
  'a status that says something else': {
    rule: 'report-differs',
    sql: `UPDATE reports SET said = '{"state":"failure"}'`,
  },
  'a status of another job': { rule: 'report-job', sql: `UPDATE reports SET job_id = 'x'` },
  'a job without a status': { rule: 'report-missing', sql: 'DELETE FROM reports' },
  'a chore that waits': { rule: 'chore-due', sql: `INSERT INTO chores (body) VALUES ('{}')` },
  'a head without a job': { rule: 'head-untested', expect: { heads: [{ repo: 'demo', sha: 'beef' }] } },
  'a head without a verdict': {
    rule: 'head-unjudged',
    sql: `UPDATE jobs SET outcome = '{"kind":"canceled","reason":"superseded","by":"x"}'`,
    expect: { heads: [{ repo: 'demo', sha: 'c0ffee' }] },
  },
  'a head with the wrong verdict': {
    rule: 'head-misjudged',
    expect: { heads: [{ repo: 'demo', sha: 'c0ffee', state: 'failure' }] },
  },
  'a message that is left': {
    rule: 'queue-left',
    sql: `INSERT INTO queue_message (queue, body) VALUES ('collector', '{}')`,
  },
  'a queue that counts wrong': { rule: 'queue-count', sql: 'UPDATE queue SET ready = 1' },
  'a status that the forge has otherwise': {
    rule: 'status-differs',
    statuses: [
      { repo: 'demo', sha: 'c0ffee', context: 'test', state: 'success' },
      { repo: 'demo', sha: 'c0ffee', context: 'test', state: 'pending' },
    ],
  },
  'a status that the forge never heard': { rule: 'status-differs', statuses: [] },
  'a missing log': { rule: 'log-missing', objects: {} },
  'a short log': { rule: 'log-size', objects: { [`${logKey}/log`]: 'all' } },
  'another log': { rule: 'log-differs', objects: { [`${logKey}/log`]: 'all is bad!\n' } },
  'a log that is whole and in pieces': {
    rule: 'log-unfinished',
    objects: { [`${logKey}/log`]: log, [`${logKey}/log.chunks`]: '[12]' },
  },
  'a verdict without a sealed log': { rule: 'log-unsealed', sql: 'UPDATE attempts SET log_sha256 = NULL' },
};

test('a sound ledger passes', async (t) => {
  const { exitCode, lines } = await check(t, {
    rule: '',
    expect: { deliveries: ['d1'], heads: [{ repo: 'demo', sha: 'c0ffee', state: 'success' }] },
    statuses: [
      { repo: 'demo', sha: 'c0ffee', context: 'test', state: 'pending' },
      { repo: 'demo', sha: 'c0ffee', context: 'test', state: 'success' },
    ],
  });
  assert.deepEqual(lines, ['{"deliveries":1,"jobs":1,"attempts":2,"wrong":0}']);
  assert.equal(exitCode, 0);
});

for (const [name, fault] of Object.entries(faults)) {
  test(`the checker sees ${name}`, async (t) => {
    const { exitCode, lines } = await check(t, fault);
    assert.equal(exitCode, 1);
    assert.ok(
      lines.some((line) => line.startsWith(`${fault.rule}: `)),
      lines.join('\n'),
    );
  });
}

test('the checker sees a damaged file', async (t) => {
  const path = await makeLedger(t);
  const database = new DatabaseSync(path);
  const page = database.prepare(`SELECT rootpage FROM sqlite_schema WHERE name = 'jobs_commit'`).get();
  database.close();
  const bytes = await readFile(path);
  // The index now says another commit than its table.
  bytes.write('decade', bytes.indexOf('c0ffee', (Number(page?.['rootpage']) - 1) * 4096));
  await writeFile(path, bytes);
  const { exitCode, lines } = await run(['--database', path]);
  assert.equal(exitCode, 1);
  assert.match(lines[0] ?? '', /^file: .*jobs_commit/);
});

test('without a database the checker says how to use it', async () => {
  assert.equal((await run(['--database', '/nonexistent/state.db'])).exitCode, 2);
});

async function makeLedger(t: TestContext): Promise<string> {
  const path = join(await tempDir(t), 'state.db');
  await using database = openDatabase({ path });
  database.migrate('ledger', ledgerSteps);
  database.migrate('queue', queueMigrations);
  const plain = new DatabaseSync(path);
  plain.exec(sound);
  plain.close();
  return path;
}

async function check(t: TestContext, fault: Fault): Promise<{ exitCode: number; lines: string[] }> {
  const path = await makeLedger(t);
  const directory = join(path, '..');
  const plain = new DatabaseSync(path);
  plain.exec(fault.sql ?? '');
  plain.close();
  for (const [key, text] of Object.entries(fault.objects ?? { [`${logKey}/log`]: log })) {
    await mkdir(join(directory, 'store', 'objects', key, '..'), { recursive: true });
    await writeFile(join(directory, 'store', 'objects', key), text);
  }
  const args = ['--database', path, '--store', join(directory, 'store')];
  if (fault.expect !== undefined) {
    await writeFile(join(directory, 'expect.json'), JSON.stringify(fault.expect));
    args.push('--expect', join(directory, 'expect.json'));
  }
  if (fault.statuses !== undefined) {
    await writeFile(
      join(directory, 'statuses'),
      fault.statuses.map((status) => `${JSON.stringify(status)}\n`).join('') + '{"repo":"demo","sh',
    );
    args.push('--statuses', join(directory, 'statuses'));
  }
  return run(args);
}

async function run(args: readonly string[]): Promise<{ exitCode: number; lines: string[] }> {
  const program = join(import.meta.dirname, 'check-ledger.mjs');
  const { exitCode, stdout, stderr } = await exec([process.execPath, '--no-warnings', program, ...args], { env: {} });
  assert.equal(exitCode === 2 || stderr.length === 0, true, stderr.toString());
  return { exitCode, lines: stdout.toString().trim().split('\n') };
}
