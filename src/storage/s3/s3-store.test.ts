import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { FakeS3Fault, FakeS3Request } from '../../../test/support/fake-s3-dialect.ts';
import { openFakeS3 } from '../../../test/support/fake-s3.ts';
import { openTestS3 } from '../../../test/support/s3-store.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { isGroundcrewError } from '../../base/errors.ts';
import { silentLogger, type LogFields } from '../../base/logger.ts';
import { objectStoreClauses } from '../object-store.contract.ts';
import type { ObjectRead, PutOptions } from '../object-store.ts';

const plain: PutOptions = { contentType: 'text/plain; charset=utf-8', visibility: 'public' };
const today = { takesAcl: false, isConditional: true, hasRanges: true, hidesAbsent: false };
const mebibyte = 1024 * 1024;

// These two take seconds; s3-store.long.test.ts has all.
const slow = ['listing goes past one page', 'large bodies are streamed, not held'];
for (const { title, prove } of objectStoreClauses.filter((clause) => !slow.includes(clause.title))) {
  test(`S3 store: ${title}`, async (context) => {
    await prove(await openTestS3(context, await openFakeS3(context)), context);
  });
}

const from = (content: string): { readonly bytes: Uint8Array } => ({ bytes: Buffer.from(content) });

async function contentOf(read: Promise<ObjectRead | null>): Promise<string | null> {
  const found = await read;
  return found === null ? null : text(found.body);
}

/** The fault for the first `times` requests that match, then none. */
function firstTimes(times: number, method: string, fault: FakeS3Fault): (request: FakeS3Request) => FakeS3Fault | null {
  let left = times;
  return (request) => (request.method === method && left-- > 0 ? fault : null);
}

test('how the store differs is found once, and nothing of the trial stays', async (context) => {
  const fake = await openFakeS3(context);
  const store = await openTestS3(context, fake);
  assert.deepEqual(await store.dialect(), today);
  const requests = fake.requests.length;
  await store.dialect();
  assert.deepEqual([fake.requests.length, fake.objects.size], [requests, 0]);
});

test('each difference is found', async (context) => {
  const dialects = [
    [{ takesAcl: true }, { ...today, takesAcl: true }],
    [{ isConditional: false }, { ...today, isConditional: false }],
    [{ ranges: 'wrong' }, { ...today, hasRanges: false }],
    [{ ranges: 'whole' }, { ...today, hasRanges: false }],
    [{ mayList: false }, { ...today, hidesAbsent: true }],
  ] as const;
  for (const [dialect, expected] of dialects) {
    const store = await openTestS3(context, await openFakeS3(context, { dialect }));
    assert.deepEqual(await store.dialect(), expected);
  }
});

test('a store that is away is tried out again by the next who needs it', async (context) => {
  const fake = await openFakeS3(context);
  const store = await openTestS3(context, fake);
  fake.fault = () => 'cut';
  await assert.rejects(store.put('a', from('x'), plain), (error) => isGroundcrewError(error, 'storage/unavailable'));
  fake.fault = () => null;
  await store.put('a', from('x'), plain);
  assert.equal(await contentOf(store.get('a')), 'x');
});

test('an ACL is sent for what is public, and only where it is taken', async (context) => {
  for (const takesAcl of [true, false]) {
    const fake = await openFakeS3(context, { dialect: { takesAcl } });
    const store = await openTestS3(context, fake);
    await store.dialect();
    const trial = fake.requests.length;
    await store.put('public', from('x'), plain);
    await store.put('private', from('x'), { ...plain, visibility: 'private' });
    const sent = fake.requests.slice(trial).map(({ headers }) => headers['x-amz-acl']);
    assert.deepEqual(sent, [takesAcl ? 'public-read' : undefined, undefined]);
  }
});

test('buckets are named in the host where AWS wants it so', async (context) => {
  const fake = await openFakeS3(context);
  const port = String(fake.port);
  const keys = { dialect: today, prefix: 'logs/' };
  await (await openTestS3(context, fake, keys)).put('a b', from('x'), plain);
  const endpoint = `http://localhost:${port}`;
  const store = await openTestS3(context, fake, { ...keys, endpoint, addressing: 'host' });
  const { hostname, pathname, search } = new URL((await store.address('a b', 60_000)) ?? assert.fail());
  assert.deepEqual([hostname, pathname], ['ci-logs.localhost', '/logs/a%20b']);
  // Such names resolve on some machines only.
  const options = { host: '127.0.0.1', port, path: pathname + search, headers: { host: `${hostname}:${port}` } };
  const [answer] = (await once(request(options).end(), 'response')) as [IncomingMessage];
  assert.deepEqual([answer.statusCode, await text(answer)], [200, 'x']);
});

test('what is not there reads as null also without permission to list', async (context) => {
  const store = await openTestS3(context, await openFakeS3(context, { dialect: { mayList: false } }));
  assert.equal(await store.get('nothing'), null);
  assert.equal(await store.get('nothing', { start: 5 }), null);
  assert.equal(await store.get('nothing', { start: 4, end: 4 }), null);
  assert.equal(await store.putIfAbsent('new', from('x'), plain), true);
  assert.equal(await contentOf(store.get('new')), 'x');
});

test('a server that does no ranges, or wrong ones, is read whole and cut', async (context) => {
  for (const ranges of ['whole', 'wrong'] as const) {
    const store = await openTestS3(context, await openFakeS3(context, { dialect: { ranges } }));
    await store.put('digits', from('0123456789'), plain);
    assert.equal(await contentOf(store.get('digits', { start: 6 })), '6789');
    assert.equal(await contentOf(store.get('digits', { start: 2, end: 4 })), '23');
  }
});

test('an answer without a range is cut, also where the store was said to have them', async (context) => {
  const fake = await openFakeS3(context, { dialect: { ranges: 'whole' } });
  const store = await openTestS3(context, fake, { dialect: today });
  await store.put('digits', from('0123456789'), plain);
  assert.equal(await contentOf(store.get('digits', { start: 2, end: 4 })), '23');
  const past = await store.get('digits', { start: 20 });
  assert.deepEqual([past?.sizeBytes, past === null ? null : await text(past.body)], [10, '']);
});

test('503 and broken connections are tried again, so often and no more', async (context) => {
  const slowDown: FakeS3Fault = { status: 503, code: 'SlowDown', message: 'Please reduce your request rate.' };
  for (const fault of [slowDown, 'cut'] as const) {
    const fake = await openFakeS3(context);
    const store = await openTestS3(context, fake, { dialect: today });
    fake.fault = firstTimes(4, 'PUT', fault);
    await store.put('a', from('x'), plain);
    assert.equal(fake.requests.length, 5);
    fake.fault = firstTimes(5, 'PUT', fault);
    await assert.rejects(store.put('a', from('y'), plain), { code: 'storage/unavailable', retry: 'later' });
    assert.equal(fake.requests.length, 10);
    assert.equal(await contentOf(store.get('a')), 'x');
  }
});

test('a server that never answers is given up in time', async (context) => {
  const fake = await openFakeS3(context);
  const store = await openTestS3(context, fake, { dialect: today, pace: { answerMs: 20, tries: 2 } });
  fake.fault = () => 'stall';
  await assert.rejects(store.get('a'), { code: 'storage/unavailable', message: /ETIMEDOUT/ });
  assert.equal(fake.requests.length, 2);
});

test('a put-if-absent whose answer was lost knows its own object', async (context) => {
  const fake = await openFakeS3(context);
  const store = await openTestS3(context, fake, { dialect: today });
  fake.fault = firstTimes(1, 'PUT', 'cut-after');
  assert.equal(await store.putIfAbsent('k', from('mine'), plain), true);
  assert.equal(await store.putIfAbsent('k', from('second'), plain), false);
  assert.equal(await contentOf(store.get('k')), 'mine');
});

test('a large body goes in parts, in the room of a few, and is put together once', async (context) => {
  const fake = await openFakeS3(context);
  const store = await openTestS3(context, fake, { dialect: today });
  const file = join(await tempDir(context), 'large');
  const large = Buffer.alloc(20 * mebibyte, '0123456789abcdef');
  await writeFile(file, large);
  // The answer to the last request is lost: the second time there is no such upload any more.
  fake.fault = firstTimes(2, 'POST', 'cut-after');
  await store.put('large', { file }, { ...plain, isDownload: true });
  const read = (await store.get('large')) ?? assert.fail();
  assert.equal(read.isDownload, true);
  assert.ok((await buffer(read.body)).equals(large));
  const parts = fake.requests.filter(({ method, url }) => method === 'PUT' && url.includes('partNumber='));
  assert.equal(parts.length, 3);
  assert.equal(await store.putIfAbsent('large', { file }, plain), false);
});

test('an upload that fails is given up, and the store keeps what it had', async (context) => {
  const fake = await openFakeS3(context);
  const store = await openTestS3(context, fake, { dialect: today });
  const file = join(await tempDir(context), 'large');
  await writeFile(file, Buffer.alloc(20 * mebibyte));
  await store.put('k', from('before'), plain);
  fake.fault = ({ url }) =>
    url.includes('partNumber=2') ? { status: 403, code: 'AccessDenied', message: 'Access Denied' } : null;
  await assert.rejects(store.put('k', { file }, plain), { code: 'storage/forbidden', retry: 'never' });
  await assert.rejects(store.put('k', { file, end: 30 * mebibyte }, plain), { code: 'storage/forbidden' });
  fake.fault = () => null;
  await assert.rejects(store.put('k', { file, end: 21 * mebibyte }, plain), { code: 'storage/source-short' });
  assert.equal(fake.uploads.open.size, 0);
  assert.equal(await contentOf(store.get('k')), 'before');
});

test('a sweep gives up the uploads of killed processes, and no young ones', async (context) => {
  let nowMs = Date.now() - 60_000;
  const fake = await openFakeS3(context, { nowMs: () => nowMs });
  const store = await openTestS3(context, fake, { prefix: 'ours/' });
  fake.uploads.begin({ key: 'ours/old', headers: {}, beganAt: nowMs - 3_600_000 });
  fake.uploads.begin({ key: 'theirs/old', headers: {}, beganAt: nowMs - 3_600_000 });
  fake.uploads.begin({ key: 'ours/young', headers: {}, beganAt: nowMs });
  nowMs += 60_000;
  assert.equal(await store.sweep(600_000), 1);
  assert.deepEqual(
    [...fake.uploads.open.values()].map(({ key }) => key),
    ['theirs/old', 'ours/young'],
  );
});

test('a sweep removes what trials of killed processes left, and nothing of young ones or of others', async (context) => {
  let nowMs = Date.now() - 3_600_000;
  const fake = await openFakeS3(context, { nowMs: () => nowMs });
  const store = await openTestS3(context, fake, { prefix: 'ours/', dialect: today });
  const theirs = await openTestS3(context, fake, { prefix: 'theirs/', dialect: today });
  await store.put('groundcrew-probe-0001', from('x'), plain);
  await store.put('groundcrew-probe-0002/form', from('x'), plain);
  await store.put('demo/log', from('x'), plain);
  await theirs.put('groundcrew-probe-0003', from('x'), plain);
  nowMs += 3_600_000;
  await store.put('groundcrew-probe-0004', from('x'), plain);
  assert.equal(await store.sweep(600_000), 2);
  assert.deepEqual([...fake.objects.keys()].sort(), [
    'ours/demo/log',
    'ours/groundcrew-probe-0004',
    'theirs/groundcrew-probe-0003',
  ]);
});

test('a body that breaks on its way goes on where it was', async (context) => {
  const fake = await openFakeS3(context);
  const store = await openTestS3(context, fake, { dialect: today });
  const content = 'abcdefghij'.repeat(100_000);
  await store.put('k', from(content), plain);
  fake.fault = firstTimes(3, 'GET', 'cut-in-body');
  assert.equal((await contentOf(store.get('k'))) === content, true);
  assert.ok(fake.requests.at(-1)?.headers.range?.startsWith('bytes=') === true);
  fake.fault = () => 'cut-in-body';
  const read = (await store.get('k')) ?? assert.fail();
  await assert.rejects(text(read.body), { code: 'storage/unavailable' });
});

test('a body that breaks and was replaced meanwhile is no mixture', async (context) => {
  const fake = await openFakeS3(context);
  const store = await openTestS3(context, fake, { dialect: today });
  await store.put('k', from('a'.repeat(3_000_000)), plain);
  fake.fault = firstTimes(1, 'GET', 'cut-in-body');
  const read = (await store.get('k')) ?? assert.fail();
  await store.put('k', from('b'.repeat(3_000_000)), plain);
  await assert.rejects(text(read.body), { code: 'storage/changed-while-read', retry: 'now' });
});

test('pages of a listing are fetched as they are read', async (context) => {
  const fake = await openFakeS3(context);
  fake.pageSize = 3;
  const store = await openTestS3(context, fake, { dialect: today, prefix: 'x y/' });
  for (let n = 0; n < 8; n++) await store.put(`k+${String(n)}`, from('x'), plain);
  const requests = fake.requests.length;
  const keys: string[] = [];
  for await (const { key } of store.list('k+')) {
    keys.push(key);
    if (keys.length === 1) assert.equal(fake.requests.length, requests + 1);
  }
  assert.deepEqual(keys, ['k+0', 'k+1', 'k+2', 'k+3', 'k+4', 'k+5', 'k+6', 'k+7']);
  assert.equal(fake.requests.length, requests + 3);
});

test('a clock that is wrong is told with the amount, and the store is used all the same', async (context) => {
  const said: { readonly message: string; readonly fields: LogFields | undefined }[] = [];
  const logger = {
    ...silentLogger,
    warn: (message: string, fields?: LogFields) => void said.push({ message, fields }),
  };
  const fake = await openFakeS3(context, { nowMs: () => Date.now() + 17 * 60_000 });
  const store = await openTestS3(context, fake, { dialect: today, logger });
  await store.put('a', from('x'), plain);
  assert.deepEqual(said, [
    { message: 'the clock is wrong, or that of the store is', fields: { clock: '17 min behind' } },
  ]);
  const url = (await store.address('a', 60_000)) ?? assert.fail();
  assert.equal(await (await fetch(url)).text(), 'x');
});
