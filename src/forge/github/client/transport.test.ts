import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHandClock } from '../../../../test/support/hand-clock.ts';
import { type CameIn, openScriptedHttp, type Scripted } from '../../../../test/support/scripted-http.ts';
import { type CleansUp, tempDir } from '../../../../test/support/temp-dir.ts';
import { until } from '../../../../test/support/until.ts';
import { type Clock, systemClock } from '../../../base/clock.ts';
import { isGroundcrewError } from '../../../base/errors.ts';
import type { LogFields, Logger } from '../../../base/logger.ts';
import { silentLogger } from '../../../base/logger.ts';
import type { Account } from '../account/account.ts';
import { type GitHubCache, openGitHubCache } from './github-cache.ts';
import { type GitHubMeter, silentMeter } from '../github-meter.ts';
import { createGovernor } from './governor.ts';
import { createTransport, type GitHubRequest, type Transport } from './transport.ts';
import { createWriteBudget } from './write-budget.ts';

const random = { hex: () => '', fraction: () => 0 };
/** Time-outs and pauses of a millisecond or so. */
// What is long stays longer than a busy machine takes to answer: the time-out of a request would repeat it.
const hasty: Clock = {
  ...systemClock,
  after: (ms, fire) => systemClock.after(ms >= 30_000 ? ms / 30 : ms / 1000, fire),
};

interface Rig {
  readonly transport: Transport;
  readonly cache: GitHubCache;
  readonly seen: readonly CameIn[];
  readonly url: string;
  readonly log: string[];
  /** When all answers so far are in the cache. */
  readonly kept: () => Promise<unknown>;
  readonly ask: (path: string, more?: Partial<GitHubRequest>) => GitHubRequest;
}

async function rig(
  context: CleansUp,
  answer: (request: CameIn, nth: number) => Scripted | Promise<Scripted>,
  options: { readonly clock?: Clock; readonly meter?: Partial<GitHubMeter>; readonly tokens?: string[] } = {},
): Promise<Rig> {
  const { url, seen } = await openScriptedHttp(context, answer);
  const clock = options.clock ?? hasty;
  const log: string[] = [];
  const note = (message: string, fields?: LogFields): void => void log.push(`${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { ...silentLogger, info: note, warn: note };
  const meter = { ...silentMeter, ...options.meter };
  const opened = openGitHubCache({ path: join(await tempDir(context), 'cache'), clock, logger });
  const keeping: Promise<void>[] = [];
  const cache: GitHubCache = {
    ...opened,
    keepAnswer: (key, answer) => {
      const kept = opened.keepAnswer(key, answer);
      keeping.push(kept);
      return kept;
    },
  };
  context.after(() => cache.close());
  const budget = createWriteBudget();
  const governor = createGovernor({
    forge: 'gh',
    clock,
    random,
    logger,
    meter,
    budget,
    onWrite: () => undefined,
    concurrentReads: 4,
  });
  const tokens = options.tokens ?? ['ghp_secret'];
  const account: Account = {
    id: 'token-1',
    governor,
    authorization: (_signal, isRefused) => {
      if (isRefused === true && tokens.length > 1) tokens.shift();
      return Promise.resolve(`Bearer ${tokens[0] ?? ''}`);
    },
  };
  const ask = (path: string, more: Partial<GitHubRequest> = {}): GitHubRequest => ({
    account,
    kind: 'read',
    method: 'GET',
    url: `${url}${path}`,
    headers: { accept: 'application/json' },
    body: null,
    isIdempotent: true,
    mostBytes: 1_000_000,
    mayCut: false,
    signal: AbortSignal.timeout(20_000),
    ...more,
  });
  return {
    transport: createTransport({ forge: 'gh', cache, clock, random, logger, meter }),
    cache,
    seen,
    url,
    log,
    ask,
    kept: () => Promise.all(keeping),
  };
}

const failsWith =
  (code: `forge/${string}`, retry: string) =>
  (error: unknown): boolean => {
    assert.ok(isGroundcrewError(error, code), String(error));
    assert.equal(error.retry, retry);
    return true;
  };

test('an answer with an ETag is asked for conditionally, and 304 gives it again, over a restart too', async (context) => {
  let saved = 0;
  const { transport, seen, ask, kept } = await rig(
    context,
    ({ headers }) =>
      headers['if-none-match'] === '"a"'
        ? { status: 304 }
        : { headers: { etag: '"a"', link: '<x>; rel="next"' }, body: '[1]' },
    { meter: { saved: () => (saved += 1) } },
  );
  for (let i = 0; i < 3; i += 1) {
    const reply = await transport.send(ask('/x'));
    assert.equal(reply.status, 200);
    assert.equal(reply.body.toString(), '[1]');
    assert.equal(reply.headers.get('link'), '<x>; rel="next"');
    await kept();
  }
  assert.deepEqual(
    seen.map(({ headers }) => headers['if-none-match']),
    [undefined, '"a"', '"a"'],
  );
  assert.equal(saved, 2);
  await transport.send(ask('/x', { headers: { accept: 'other' } }));
  assert.equal(seen.at(-1)?.headers['if-none-match'], undefined, 'another form is another answer');
});

test('equal reads at the same time are one request', async (context) => {
  const { transport, seen, ask } = await rig(context, () => ({ body: '{}' }));
  await Promise.all(Array.from({ length: 10 }, () => transport.send(ask('/same'))));
  assert.equal(seen.length, 1);
});

test('a read is tried again after 502 and a cut connection, and the waits are told', async (context) => {
  const waits: string[] = [];
  const { transport, seen, ask, log } = await rig(
    context,
    (_request, nth) => (nth === 1 ? { status: 502 } : nth === 2 ? null : { body: 'yes' }),
    { meter: { waited: ({ why }) => void waits.push(why) } },
  );
  assert.equal((await transport.send(ask('/x'))).body.toString(), 'yes');
  assert.equal(seen.length, 3);
  assert.deepEqual(waits, ['retry', 'retry']);
  assert.equal(log.filter((line) => line.includes('trying a request')).length, 2);
});

test('a server that stays away ends in an error to come back from, and nothing shows the token', async (context) => {
  const { transport, seen, ask, log } = await rig(context, () => null);
  await assert.rejects(transport.send(ask('/x')), (error) => {
    assert.doesNotMatch(`${String(error)} ${JSON.stringify(error)} ${log.join()}`, /ghp_secret/);
    return failsWith('forge/unreachable', 'later')(error);
  });
  assert.equal(seen.length, 4);
});

test('a write that may have arrived is not sent twice, unless that does no harm', async (context) => {
  const { transport, seen, ask } = await rig(context, () => null);
  const write = { method: 'POST', kind: 'write', body: '{}' } as const;
  await assert.rejects(
    transport.send(ask('/x', { ...write, isIdempotent: false })),
    failsWith('forge/unreachable', 'later'),
  );
  assert.equal(seen.length, 1);
  await assert.rejects(transport.send(ask('/x', write)), failsWith('forge/unreachable', 'later'));
  assert.ok(seen.length > 2);
});

test('a silent server is given up after 30 s', async (context) => {
  const clock = createHandClock();
  const { transport, seen, ask } = await rig(context, () => new Promise(() => undefined), { clock });
  const sent = assert.rejects(
    transport.send(ask('/x', { isIdempotent: false, method: 'POST', kind: 'write' })),
    (error) => {
      assert.match(String(error), /30 s/);
      return failsWith('forge/unreachable', 'later')(error);
    },
  );
  await until(() => seen.length === 1);
  clock.pass(30_000);
  await sent;
});

test('an answer larger than allowed is an error, or its beginning', async (context) => {
  const { transport, ask } = await rig(context, () => ({ body: 'x'.repeat(100_000) }));
  await assert.rejects(transport.send(ask('/x', { mostBytes: 1000 })), failsWith('forge/bad-answer', 'later'));
  const reply = await transport.send(ask('/x', { mostBytes: 1000, mayCut: true }));
  assert.equal(reply.body.length, 1000);
  assert.equal(reply.isCut, true);
});

test('a renamed repository is followed on the same server only', async (context) => {
  const other = await openScriptedHttp(context, () => ({ body: 'theirs' }));
  const { transport, ask, url } = await rig(context, ({ path }) => {
    if (path === '/old') return { status: 301, headers: { location: `${url}/new` } };
    if (path === '/evil') return { status: 301, headers: { location: `${other.url}/x` } };
    return { body: 'here' };
  });
  assert.equal((await transport.send(ask('/old'))).body.toString(), 'here');
  assert.equal((await transport.send(ask('/evil'))).status, 301);
  assert.equal(other.seen.length, 0);
});

test('a token that is refused is asked for anew, once', async (context) => {
  const { transport, seen, ask } = await rig(
    context,
    ({ headers }) => (headers.authorization === 'Bearer new' ? { body: 'yes' } : { status: 401 }),
    { tokens: ['old', 'new'] },
  );
  assert.equal((await transport.send(ask('/x'))).body.toString(), 'yes');
  assert.equal(seen.length, 2);
  const bad = await rig(context, () => ({ status: 401 }));
  assert.equal((await bad.transport.send(bad.ask('/x'))).status, 401);
  assert.equal(bad.seen.length, 1);
});

test('Retry-After is obeyed by every request of the account', async (context) => {
  const clock = createHandClock();
  const { transport, seen, ask, log } = await rig(
    context,
    (_request, nth) => (nth === 1 ? { status: 429, headers: { 'retry-after': '20' } } : { body: 'yes' }),
    { clock },
  );
  const first = transport.send(ask('/x'));
  await until(() => clock.waiting > 0 && log.length > 0);
  const second = transport.send(ask('/y'));
  clock.pass(19_000);
  for (let i = 0; i < 10; i += 1) await new Promise(setImmediate);
  assert.equal(seen.length, 1);
  clock.pass(2_500);
  await until(() => seen.length >= 2);
  await Promise.all([first, second]);
  assert.match(log.join('\n'), /pause/);
});

test('a quota that is used up for long is said at once, without another request', async (context) => {
  const date = new Date(1_800_000_000_000).toUTCString();
  const reset = String(1_800_000_000 + 3000);
  const { transport, seen, ask } = await rig(
    context,
    () => ({
      status: 403,
      headers: { date, 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset },
      body: '{"message":"API rate limit exceeded"}',
    }),
    { clock: createHandClock() },
  );
  await assert.rejects(transport.send(ask('/x')), failsWith('forge/rate-limited', 'later'));
  await assert.rejects(transport.send(ask('/x')), failsWith('forge/rate-limited', 'later'));
  assert.equal(seen.length, 1);
});

test('a 403 that speaks of no limit is an answer', async (context) => {
  const { transport, ask } = await rig(context, () => ({
    status: 403,
    headers: { 'x-ratelimit-remaining': '4000' },
    body: '{"message":"Resource not accessible by integration"}',
  }));
  assert.equal((await transport.send(ask('/x'))).status, 403);
});

test('who gives up is let go at once', async (context) => {
  const { transport, ask, seen } = await rig(context, () => new Promise(() => undefined));
  const stop = new AbortController();
  const sent = assert.rejects(transport.send(ask('/x', { signal: stop.signal })), failsWith('forge/aborted', 'later'));
  await until(() => seen.length === 1);
  stop.abort();
  await sent;
});
