import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { openDatabase } from '../../../src/base/sqlite.ts';
import { ledgerSteps } from '../../../src/ledger/sqlite/schema.ts';
import { openFakeGitHub } from '../../support/fake-github.ts';
import { openFakeS3 } from '../../support/fake-s3.ts';
import { needs } from '../../support/needs.ts';
import { openTestS3 } from '../../support/s3-store.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { jobKinds } from './job.ts';

const job = '0123456789abcdef0123456789abcdef';
const nonces = ['aaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbb'] as const;
const repo = 'acme/demo';
const log = `${Array.from({ length: 5 }, (_, at) => `tick ${String(at + 1)}\n`).join('')}the end of pass\n`;
const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
const prefix = `demo/main-c0ffee-one-${job.slice(0, 16)}`;
const second = `${prefix}/1.2-${nonces[1].slice(0, 8)}`;
const record = JSON.stringify({ v: 1, log: { sha256: hash(log), sizeBytes: log.length } });

/** What is changed about a sound world; `SHA` stands for its commit. */
interface Fault {
  readonly rule: string;
  readonly sql?: string;
  readonly runs?: readonly string[];
  readonly objects?: Readonly<Record<string, string | null>>;
  readonly status?: 'failure' | null;
  readonly queue?: Readonly<Record<string, number>>;
  readonly hears?: string;
}

const soundRuns = [
  `start ${nonces[0]} SHA one 1 77`,
  `start ${nonces[1]} SHA one 2 78`,
  `end ${nonces[1]} SHA one 3 0`,
] as const;
const soundObjects: Readonly<Record<string, string | null>> = {
  [`${second}/log`]: log,
  [`${second}/run.json`]: record,
  [`${second}/note.txt`]: 'pass\n',
};

/** Each fault, and the rule that must name it. */
const faults: Readonly<Record<string, Fault>> = {
  'a head without a job': { rule: 'event-lost', sql: `UPDATE jobs SET sha = 'x'` },
  'a head without a verdict': {
    rule: 'head-unjudged',
    sql: `UPDATE jobs SET outcome = '{"kind":"canceled","reason":"superseded","by":"x"}'`,
  },
  'a job that did not end': { rule: 'job-open', sql: `UPDATE jobs SET state = 'running'` },
  'a job of nothing that was pushed': { rule: 'job-invented', sql: `UPDATE jobs SET sha = 'x'` },
  'a verdict that the script did not mean': {
    rule: 'verdict-wrong',
    sql: `UPDATE jobs SET outcome = '{"kind":"failed","exitCode":1}'`,
  },
  'an attempt that ran twice': { rule: 'attempt-ran-twice', runs: [...soundRuns, `start ${nonces[1]} SHA one 4 79`] },
  'a run that nobody knows': { rule: 'run-unknown', runs: [...soundRuns, 'start cccccccccccccccc SHA one 4 79'] },
  'a run of another commit': { rule: 'run-misplaced', runs: soundRuns.map((line) => line.replace('SHA', 'beef')) },
  'a verdict of nothing that ran': { rule: 'verdict-without-run', runs: soundRuns.slice(0, 1) },
  'a verdict unlike what ran': {
    rule: 'verdict-unlike-run',
    runs: soundRuns.map((line) => line.replace('3 0', '3 1')),
  },
  'a status that is not there': { rule: 'status-differs', status: null },
  'a status that says something else': { rule: 'status-differs', status: 'failure' },
  'an event that was taken and forgotten': { rule: 'delivery-lost', hears: '202' },
  'an event that was refused': { rule: '', hears: '500' },
  'a log that is not there': { rule: 'log-missing', objects: { [`${second}/log`]: null } },
  'a log of other bytes': { rule: 'log-differs', objects: { [`${second}/log`]: log.replace('tick 3', 'tick 4') } },
  'a log without a line': { rule: 'log-torn', objects: { [`${second}/log`]: log.replace('tick 3', 'tick 4') } },
  'a log with a line too many': { rule: 'log-doubled', objects: { [`${second}/log`]: `${log}tick 5\n` } },
  'a log without its end': { rule: 'log-cut', objects: { [`${second}/log`]: log.slice(0, 36) } },
  'a log that was not sealed': { rule: 'log-unsealed', sql: 'UPDATE attempts SET log_sha256 = NULL' },
  'a part of a log that is left': { rule: 'log-leftover', objects: { [`${second}/log.0-7`]: 'tick 1\n' } },
  'a run record that is not there': { rule: 'record-missing', objects: { [`${second}/run.json`]: null } },
  'a run record of another log': {
    rule: 'record-differs',
    objects: { [`${second}/run.json`]: record.replace('"sizeBytes":', '"sizeBytes":1') },
  },
  'an attachment that is not there': { rule: 'attachment-lost', objects: { [`${second}/note.txt`]: null } },
  'an object of no attempt': { rule: 'object-orphan', objects: { [`${prefix}/1.3-cccccccc/log`]: 'x' } },
  'an object of nobody': { rule: 'object-unknown', objects: { stray: 'x' } },
  'a message that is stuck': { rule: 'queue-stuck', queue: { 'jobs.default': 1 } },
  'a message that was set aside': { rule: 'message-parked', queue: { 'parked-messages': 1 } },
};

test('a sound world passes, and the run that was lost with its worker is named', needs('git'), async (context) => {
  const { code, lines } = await check(context, { rule: '' });
  assert.equal(code, 0, lines.join('\n'));
  const counts = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
  assert.deepEqual(counts['duplicates'], { extra: 1, completed: 0, most: 2, why: { 'broken lost': 1 } });
});

for (const [what, fault] of Object.entries(faults)) {
  test(
    `${what} is ${fault.rule === '' ? 'nobody’s fault' : `named by ${fault.rule}`}`,
    needs('git'),
    async (context) => {
      const { code, lines } = await check(context, fault);
      assert.equal(code, fault.rule === '' ? 0 : 1, lines.join('\n'));
      if (fault.rule !== '') {
        assert.ok(
          lines.some((line) => line.startsWith(`${fault.rule}: `)),
          lines.join('\n'),
        );
      }
    },
  );
}

async function check(
  context: TestContext,
  fault: Fault,
): Promise<{ readonly code: number; readonly lines: readonly string[] }> {
  const dir = await tempDir(context);
  const hub = await openFakeGitHub(context);
  hub.people.createOrganisation('acme');
  hub.people.createUser('bot');
  const made = await hub.people.createRepo({ name: repo });
  hub.people.setCollaborator(repo, 'bot', 'admin');
  const sha = made.state.branches.get('main') ?? '';
  if (fault.hears !== undefined) {
    const status = Number(fault.hears);
    const url = await serve(context, () => ({ status, body: {} }));
    hub.people.createHook(repo, { url, pings: false });
    await hub.people.commit(repo, { branch: 'other', files: { a: '1' } });
    await hub.delivered();
  }
  if (fault.status !== null) {
    hub.people.setStatus(repo, sha, { state: fault.status ?? 'success', context: 'one', by: 'bot' });
  }

  const file = join(dir, 'ledger.sqlite');
  const database = openDatabase({ path: file });
  database.migrate('ledger', ledgerSteps);
  await database.close();
  const { DatabaseSync } = await import('node:sqlite');
  const ledger = new DatabaseSync(file);
  ledger.exec(sound(sha));
  if (fault.sql !== undefined) ledger.exec(fault.sql);
  ledger.close();

  const s3 = await openFakeS3(context);
  const store = await openTestS3(context, s3, { prefix: 'ci/' });
  for (const [key, body] of Object.entries({ ...soundObjects, ...fault.objects })) {
    if (body !== null)
      await store.put(key, { bytes: Buffer.from(body) }, { contentType: 'text/plain', visibility: 'public' });
  }
  const queues = { collector: 0, ...fault.queue };
  const broker = await serve(context, (path) => ({
    status: 200,
    body: path.endsWith('/get')
      ? [{ payload: 'unreadable', properties: {} }]
      : Object.entries(queues).map(([name, messages]) => ({ name, messages })),
  }));
  const runs = join(dir, 'runs');
  writeFileSync(runs, (fault.runs ?? soundRuns).map((line) => `${line.replace('SHA', sha)}\n`).join(''));
  const facts = join(dir, 'facts.json');
  writeFileSync(
    facts,
    JSON.stringify({
      database: file,
      runs,
      kinds: jobKinds,
      commits: [{ repo, sha, kinds: { one: 'pass' } }],
      heads: [{ repo, sha }],
      github: { url: hub.url, token: hub.people.createToken('bot') },
      s3: {
        endpoint: s3.endpoint,
        region: s3.region,
        bucket: s3.bucket,
        accessKeyId: s3.accessKeyId,
        secretAccessKey: s3.secretAccessKey,
      },
      broker: { url: broker, user: 'u', password: 'p', vhost: '/' },
      isTidied: true,
    }),
  );
  const run = promisify(execFile)(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    join(import.meta.dirname, 'check-chaos.mjs'),
    facts,
  ]);
  return run.then(
    ({ stdout }) => ({ code: 0, lines: stdout.trimEnd().split('\n') }),
    (error: unknown) => {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, lines: `${stdout}${stderr}`.trimEnd().split('\n') };
    },
  );
}

/** One job that passed at its second attempt; the first was lost with its worker. */
function sound(sha: string): string {
  return `
  INSERT INTO jobs (id, generation, state, n, project, class, change_key, forge, repo, sha, title, context, occasion,
      priority, pool, is_exclusive, body, queued_at, ended_at, outcome, trace_id)
    VALUES ('${job}', 1, 'ended', 2, 'gh|demo', 'default', 'k', 'gh', '${repo}', '${sha}', 'a title', 'one', 'change',
      0, 'default', 0, '{}', 1, 9, '{"kind":"passed"}', 't');
  INSERT INTO attempts (job_id, generation, n, nonce, state, queue, worker, is_owner, outcome, offered_at, ended_at)
    VALUES ('${job}', 1, 1, '${nonces[0]}', 'ended', 'q', 'w', 1, '{"kind":"broken","cause":"lost","phase":"running"}', 1, 5);
  INSERT INTO attempts (job_id, generation, n, nonce, state, queue, worker, is_owner, is_accepted, outcome, offered_at,
      ended_at, log_bytes, log_sha256)
    VALUES ('${job}', 1, 2, '${nonces[1]}', 'ended', 'q', 'w', 1, 1, '{"kind":"passed"}', 5, 9, ${String(log.length)},
      '${hash(log)}');`;
}

async function serve(
  context: TestContext,
  answer: (path: string) => { readonly status: number; readonly body: unknown },
): Promise<string> {
  const server = createServer((request, response) => {
    const { status, body } = answer(request.url ?? '');
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}
