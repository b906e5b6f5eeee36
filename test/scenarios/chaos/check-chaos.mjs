// Judges the outside after a chaos run: what GitHub shows, what the store holds, what the broker still has, and how often each
// job really ran. It imports none of our code; ledger tables are those of docs/protocol.md, objects those of its storage
// layout. The ledger by itself is judged by test/scenarios/kill/check-ledger.mjs.
//
// Usage: check-chaos.mjs FACTS    JSON, see below. To be run when all has come to rest and server and workers have left.
//   database   the ledger's file
//   runs       lines `start|term|end NONCE SHA CONTEXT MS REST` that the jobs wrote themselves
//   commits    [{ repo, sha, kinds: { CONTEXT: KIND } }]; kinds: { KIND: { exitCode, ticks } }
//   heads      [{ repo, sha }]: what is open now and must be judged
//   github     { url, token }   s3  { endpoint, region, bucket, prefix, accessKeyId, secretAccessKey }
//   broker     { url, user, password, vhost }
//   isTidied   whether the server has had the time to remove pieces of complete logs that an earlier life left
// Prints a line for each thing that is wrong, and in the end one of counts as JSON. Exit 0: all is well. 1: not. 2: usage.
import { createHash, createHmac } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

if (process.argv[2] === undefined || !existsSync(process.argv[2])) {
  process.stderr.write('usage: check-chaos.mjs FACTS\n');
  process.exit(2);
}
const facts = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const wrong = [];
const say = (rule, text) => wrong.push(`${rule}: ${text}`);
const counts = {};

const database = new DatabaseSync(facts.database, { readOnly: true });
const all = (sql) => database.prepare(sql).all();
const jobs = new Map(all('SELECT * FROM jobs').map((job) => [job.id, { ...job, outcome: parse(job.outcome) }]));
const attempts = all('SELECT * FROM attempts').map((attempt) => ({ ...attempt, outcome: parse(attempt.outcome) }));
const deliveries = new Map(all('SELECT id, state FROM deliveries').map((row) => [row.id, row.state]));
database.close();
const commits = new Map(facts.commits.map((commit) => [commit.sha, commit]));
const byNonce = new Map(attempts.filter(({ nonce }) => nonce !== '').map((one) => [one.nonce, one]));
const runs = readRuns();

checkHeads();
checkVerdicts();
checkRuns();
await checkGitHub();
await checkStore();
await checkBroker();

for (const line of wrong) process.stdout.write(`${line}\n`);
process.stdout.write(`${JSON.stringify({ ...counts, wrong: wrong.length })}\n`);
process.exitCode = wrong.length === 0 ? 0 : 1;

/** Every event led to its jobs: what is open has a verdict for each context. */
function checkHeads() {
  counts.heads = facts.heads.length;
  for (const { repo, sha } of facts.heads) {
    for (const context of Object.keys(commits.get(sha).kinds)) {
      const mine = [...jobs.values()].filter((job) => job.sha === sha && job.context === context && job.repo === repo);
      if (mine.length === 0) say('event-lost', `${repo} ${sha} ${context} has no job`);
      else if (!mine.some(({ outcome }) => isVerdict(outcome))) {
        say('head-unjudged', `${repo} ${sha} ${context}: ${mine.map(({ outcome }) => outcome?.kind).join()}`);
      }
    }
  }
}

/** Every job is over, and a verdict is what the script's exit status demands. */
function checkVerdicts() {
  const tally = {};
  for (const job of jobs.values()) {
    const kind = commits.get(job.sha)?.kinds[job.context];
    if (job.state !== 'ended' || job.outcome === null) say('job-open', `${job.id} is ${job.state}`);
    tally[job.outcome?.kind] = (tally[job.outcome?.kind] ?? 0) + 1;
    if (kind === undefined) {
      say('job-invented', `${job.repo} ${job.sha} ${job.context}`);
      continue;
    }
    if (job.outcome?.kind === 'canceled' && ['superseded', 'closed'].includes(job.outcome.reason)) continue;
    const { exitCode } = facts.kinds[kind];
    const isRight =
      exitCode === 0
        ? job.outcome?.kind === 'passed'
        : job.outcome?.kind === 'failed' && job.outcome.exitCode === exitCode;
    if (!isRight) say('verdict-wrong', `${job.id} (${kind}): ${JSON.stringify(job.outcome)}`);
  }
  counts.jobs = jobs.size;
  counts.outcomes = tally;
}

/** What the jobs wrote themselves: each run belongs to an attempt, none ran twice, and each verdict had a run that ended so. */
function checkRuns() {
  const perJob = new Map();
  let begun = 0;
  for (const [nonce, { starts, end, sha, context }] of runs) {
    begun += starts;
    if (starts > 1) say('attempt-ran-twice', `${nonce}: ${starts} times`);
    const attempt = byNonce.get(nonce);
    if (attempt === undefined) {
      say('run-unknown', `${nonce} of ${sha} ${context}: no attempt in the ledger`);
      continue;
    }
    const job = jobs.get(attempt.job_id);
    if (job?.sha !== sha || job.context !== context) say('run-misplaced', `${nonce} ran ${sha} ${context}`);
    const key = `${attempt.job_id} ${attempt.generation}`;
    perJob.set(key, [...(perJob.get(key) ?? []), { ...attempt, end }]);
  }
  for (const one of attempts.filter(({ is_accepted }) => is_accepted === 1)) {
    const run = runs.get(one.nonce);
    const status = one.outcome?.kind === 'passed' ? 0 : one.outcome?.exitCode;
    if (run === undefined) say('verdict-without-run', `${one.job_id} ${one.generation}.${one.n}`);
    else if (run.end !== status) say('verdict-unlike-run', `${one.nonce} ended with ${run.end}, said ${status}`);
  }
  // A job that ran more than once in one generation: named by what became of the runs before the last.
  const why = {};
  let [extra, most, completed] = [0, 0, 0];
  for (const ran of perJob.values()) {
    most = Math.max(most, ran.length);
    extra += ran.length - 1;
    completed += Math.max(0, ran.filter(({ end }) => end !== null).length - 1);
    // The run that counted, or else the last, is the one that had to be.
    const counted = ran.find(({ is_accepted }) => is_accepted === 1) ?? ran.at(-1);
    for (const { outcome } of ran.filter((one) => one !== counted)) {
      const name = [outcome?.kind, outcome?.cause ?? outcome?.reason].filter(Boolean).join(' ');
      why[name] = (why[name] ?? 0) + 1;
    }
  }
  counts.attempts = attempts.length;
  counts.runs = begun;
  counts.duplicates = { extra, completed, most, why };
}

/** GitHub shows of each commit and context what the ledger says, and what it delivered is there. */
async function checkGitHub() {
  const { url, token } = facts.github;
  const get = async (path) => {
    const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return { body: await response.json(), next: /<([^>]*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1] };
  };
  const pages = async (path) => {
    const rows = [];
    for (let next = path; next !== undefined;) {
      const page = await get(next);
      rows.push(...page.body);
      next = page.next === undefined ? undefined : new URL(page.next).pathname + new URL(page.next).search;
    }
    return rows;
  };
  counts.statuses = 0;
  counts.unspoken = 0;
  const last = new Map();
  for (const job of [...jobs.values()].sort((a, b) => a.seq - b.seq))
    last.set(`${job.repo} ${job.sha} ${job.context}`, job);
  const heads = new Set(facts.heads.map(({ repo, sha }) => `${repo} ${sha}`));
  const withJobs = [...new Set([...last.values()].map(({ repo, sha }) => `${repo} ${sha}`))];
  for (const place of withJobs) {
    const [repo, sha] = place.split(' ');
    if (!commits.has(sha)) continue;
    const statuses = await pages(`/repos/${repo}/commits/${sha}/statuses?per_page=100`);
    counts.statuses += statuses.length;
    for (const context of Object.keys(commits.get(sha)?.kinds ?? {})) {
      const job = last.get(`${place} ${context}`);
      // Newest first. https://docs.github.com/en/rest/commits/statuses#list-commit-statuses-for-a-reference
      const shown = statuses.find((status) => status.context === context)?.state;
      if (job === undefined) {
        if (heads.has(place)) say('status-missing', `${place} ${context}`);
      } else if (shown === undefined && job.outcome?.kind === 'canceled' && !heads.has(place)) {
        // Of what was never spoken of, it need not be said that nobody wants it any more.
        counts.unspoken += 1;
      } else if (shown !== stateOf(job.outcome)) {
        say('status-differs', `${place} ${context}: shows ${shown}, is ${stateOf(job.outcome)}`);
      } else if (heads.has(place)) {
        const demanded = facts.kinds[commits.get(sha).kinds[context]].exitCode === 0 ? 'success' : 'failure';
        if (shown !== demanded) say('status-wrong', `${place} ${context}: shows ${shown}, must be ${demanded}`);
      }
    }
  }
  counts.delivered = 0;
  counts.undelivered = 0;
  for (const repo of new Set(facts.commits.map((commit) => commit.repo))) {
    for (const { id } of await pages(`/repos/${repo}/hooks`)) {
      for (const line of await pages(`/repos/${repo}/hooks/${id}/deliveries?per_page=100`)) {
        if (line.status_code < 200 || line.status_code > 299) counts.undelivered += 1;
        else {
          counts.delivered += 1;
          // What is no event of ours (ping, status, ...) is answered and not kept.
          const state = [...deliveries].find(([known]) => known.includes(line.guid))?.[1];
          if (['push', 'pull_request'].includes(line.event) && state === undefined) say('delivery-lost', line.guid);
          else if (state !== undefined && state !== 'handled') say('delivery-unhandled', `${line.guid} is ${state}`);
        }
      }
    }
  }
}

/** Every sealed log is whole in the bucket, with every line once; nothing half-done is left beside it. */
async function checkStore() {
  const objects = await listObjects('');
  counts.objects = objects.length;
  counts.probes = 0;
  const logs = new Map();
  let orphans = 0;
  for (const key of objects) {
    const match = /-([0-9a-f]{16})\/(\d+)\.(\d+)-([0-9a-f]{8})\/(.*)$/.exec(key);
    if (match === null) {
      // Tried out what the store can do, and was killed before it took that back.
      if (/(^|\/)groundcrew-probe-[0-9a-f]+$/.test(key)) counts.probes += 1;
      else say('object-unknown', key);
      continue;
    }
    const place = match.slice(1, 5).join(' ');
    logs.set(place, [...(logs.get(place) ?? []), { key, name: match[5] }]);
  }
  const known = new Set();
  let [logBytes, untidy] = [0, 0];
  for (const one of attempts) {
    const place = `${one.job_id.slice(0, 16)} ${one.generation} ${one.n} ${one.nonce.slice(0, 8)}`;
    known.add(place);
    const found = logs.get(place) ?? [];
    if (one.is_accepted === 1 && one.log_sha256 === null) say('log-unsealed', place);
    if (one.log_sha256 === null) continue;
    const leftovers = found.filter(({ name }) => /^log\.(chunks|\d+-\d+)$/.test(name));
    if (leftovers.length > 0) untidy += 1;
    if (leftovers.length > 0 && facts.isTidied)
      say('log-leftover', `${place}: ${leftovers.map(({ name }) => name).join(' ')}`);
    const whole = found.find(({ name }) => name === 'log');
    const record = found.find(({ name }) => name === 'run.json');
    if (whole === undefined) {
      say('log-missing', place);
      continue;
    }
    const bytes = await getObject(whole.key);
    logBytes += bytes.length;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (bytes.length !== one.log_bytes || sha256 !== one.log_sha256) say('log-differs', place);
    if (record === undefined) say('record-missing', place);
    else {
      const { log } = JSON.parse((await getObject(record.key)).toString());
      if (log.sha256 !== sha256 || log.sizeBytes !== bytes.length) say('record-differs', place);
    }
    if (one.is_accepted === 1) checkAccepted(one, place, bytes.toString(), found);
  }
  for (const place of logs.keys()) if (!known.has(place)) orphans += 1;
  if (orphans > 0) say('object-orphan', `${orphans} attempts that the ledger does not know`);
  counts.logBytes = logBytes;
  counts.untidy = untidy;
  counts.unfinishedUploads = [...(await listXml('uploads=')).matchAll(/<UploadId>/g)].length;
}

function checkAccepted(one, place, log, found) {
  const job = jobs.get(one.job_id);
  const kind = commits.get(job?.sha)?.kinds[job?.context];
  if (kind === undefined) return;
  const { ticks } = facts.kinds[kind];
  const lines = log.split('\n').filter((line) => line.startsWith('tick '));
  const at = Array.from({ length: ticks }, (_, n) => `tick ${n + 1}`).findIndex((line, n) => lines[n] !== line);
  if (at >= 0) say('log-torn', `${place} (${kind}): ${lines[at]} where line ${at + 1} belongs`);
  else if (lines.length > ticks) say('log-doubled', `${place} (${kind}): ${lines.length} lines of ${ticks}`);
  if (!log.includes(`the end of ${kind}\n`)) say('log-cut', `${place} (${kind})`);
  if (!found.some(({ name }) => name.endsWith('note.txt'))) say('attachment-lost', `${place} (${kind})`);
}

/** Nothing is stuck in a queue, and nothing was set aside. */
async function checkBroker() {
  const { url, user, password, vhost } = facts.broker;
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const call = async (path, body) => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const response = await fetch(`${url}/api/${path}`, {
      ...init,
      headers: { authorization, 'content-type': 'application/json' },
    });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response.json();
  };
  counts.queues = {};
  for (const { name, messages = 0 } of await call(`queues/${encodeURIComponent(vhost)}`)) {
    counts.queues[name] = messages;
    if (messages === 0) continue;
    if (name !== 'parked-messages') {
      say('queue-stuck', `${name} has ${messages}`);
      continue;
    }
    const order = { count: 100, ackmode: 'ack_requeue_true', encoding: 'auto', truncate: 2000 };
    for (const { payload, properties } of await call(`queues/${encodeURIComponent(vhost)}/${name}/get`, order)) {
      say('message-parked', `${payload.slice(0, 300)} ${JSON.stringify(properties).slice(0, 500)}`);
    }
  }
}

function readRuns() {
  const found = new Map();
  const text = existsSync(facts.runs) ? readFileSync(facts.runs, 'utf8') : '';
  for (const line of text.split('\n').filter(Boolean)) {
    const [what, nonce, sha, context, , rest] = line.split(' ');
    const run = found.get(nonce) ?? { starts: 0, end: null, sha, context };
    if (what === 'start') run.starts += 1;
    if (what === 'end') run.end = Number(rest);
    found.set(nonce, run);
  }
  return found;
}

async function listObjects(prefix) {
  const keys = [];
  for (let token; ;) {
    const more = token === undefined ? '' : `&continuation-token=${encodeURIComponent(token)}`;
    const text = await listXml(
      `${more.slice(1)}${more === '' ? '' : '&'}list-type=2&prefix=${encodeURIComponent(prefix)}`,
    );
    keys.push(...[...text.matchAll(/<Key>(.*?)<\/Key>/g)].map((match) => match[1]));
    token = /<NextContinuationToken>(.*?)</.exec(text)?.[1];
    if (token === undefined) return keys;
  }
}

async function listXml(query) {
  return (await s3('', query)).toString();
}

async function getObject(key) {
  return s3(`/${key.split('/').map(encodeURIComponent).join('/')}`, '');
}

/** A signed GET. https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
async function s3(path, query) {
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = facts.s3;
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${stamp.slice(0, 8)}/${region}/s3/aws4_request`;
  const headers = { host: new URL(endpoint).host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'x-amz-date': stamp };
  const names = Object.keys(headers).join(';');
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const request = ['GET', `/${bucket}${path}`, query, lines.join(''), names, 'UNSIGNED-PAYLOAD'].join('\n');
  const hash = createHash('sha256').update(request).digest('hex');
  const hmac = (key, text) => createHmac('sha256', key).update(text).digest();
  const key = ['s3', 'aws4_request'].reduce(hmac, hmac(hmac(`AWS4${secretAccessKey}`, stamp.slice(0, 8)), region));
  const signature = hmac(key, ['AWS4-HMAC-SHA256', stamp, scope, hash].join('\n')).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  const response = await fetch(`${endpoint}/${bucket}${path}${query === '' ? '' : `?${query}`}`, {
    headers: { ...headers, authorization },
  });
  if (!response.ok) throw new Error(`S3 ${path}?${query}: ${response.status} ${await response.text()}`);
  return Buffer.from(await response.arrayBuffer());
}

function stateOf(outcome) {
  if (outcome === null) return 'pending';
  if (outcome.kind === 'passed') return 'success';
  return outcome.kind === 'failed' || outcome.kind === 'timed-out' ? 'failure' : 'error';
}

function isVerdict(outcome) {
  return outcome !== null && outcome !== undefined && ['passed', 'failed', 'timed-out'].includes(outcome.kind);
}

function parse(json) {
  return json === null ? null : JSON.parse(json);
}
