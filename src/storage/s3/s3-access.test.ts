import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { inspect } from 'node:util';
import type { FakeS3Fault } from '../../../test/support/fake-s3-dialect.ts';
import { openFakeS3 } from '../../../test/support/fake-s3.ts';
import { openTestS3 } from '../../../test/support/s3-store.ts';
import { GroundcrewError } from '../../base/errors.ts';
import type { ObjectRead, PutOptions } from '../object-store.ts';

const plain: PutOptions = { contentType: 'text/plain; charset=utf-8', visibility: 'public' };
const today = { takesAcl: false, isConditional: true, hasRanges: true, hidesAbsent: false };

const from = (content: string): { readonly bytes: Uint8Array } => ({ bytes: Buffer.from(content) });

async function contentOf(read: Promise<ObjectRead | null>): Promise<string | null> {
  const found = await read;
  return found === null ? null : text(found.body);
}

test('errors say whose turn it is', async (context) => {
  const cases: readonly [FakeS3Fault & object, string, string, RegExp][] = [
    [{ status: 403, code: 'AccessDenied', message: 'Access Denied' }, 'storage/forbidden', 'never', /Access Denied/],
    [{ status: 403, code: 'InvalidAccessKeyId', message: 'no such key' }, 'storage/bad-credentials', 'never', /key/],
    [{ status: 400, code: 'ExpiredToken', message: 'expired' }, 'storage/bad-credentials', 'later', /expired/],
    [{ status: 404, code: 'NoSuchBucket', message: 'no bucket' }, 'storage/no-bucket', 'never', /no bucket/],
    [
      { status: 400, code: 'AuthorizationHeaderMalformed', message: 'wrong', more: { Region: 'us-west-2' } },
      'storage/wrong-region',
      'never',
      /us-west-2/,
    ],
    [{ status: 400, code: 'EntityTooLarge', message: 'too large' }, 'storage/refused', 'never', /too large/],
    [{ status: 500, code: 'InternalError', message: 'oops' }, 'storage/unavailable', 'later', /oops/],
    [
      {
        status: 403,
        code: 'RequestTimeTooSkewed',
        message: 'skewed',
        more: { ServerTime: new Date(Date.now() - 3 * 3_600_000).toISOString() },
      },
      'storage/clock-skew',
      'later',
      /3 h ahead of/,
    ],
  ];
  for (const [fault, code, retry, message] of cases) {
    const fake = await openFakeS3(context);
    const store = await openTestS3(context, fake, { dialect: today });
    fake.fault = () => fault;
    await assert.rejects(store.get('a'), { code, retry, message });
  }
});

test('what stands in the place of the store is not taken for it', async (context) => {
  const statuses = [
    [404, 'storage/refused'],
    [503, 'storage/unavailable'],
  ] as const;
  for (const [status, code] of statuses) {
    const proxy = createServer((_, response) =>
      response.writeHead(status, { 'content-type': 'text/html' }).end('<p><b>no'),
    );
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    context.after(() => {
      proxy.closeAllConnections();
      proxy.close();
    });
    const endpoint = `http://127.0.0.1:${String((proxy.address() as AddressInfo).port)}`;
    const store = await openTestS3(context, await openFakeS3(context), { dialect: today, endpoint });
    const expected = { code, message: /not the answer of an S3 server/ };
    await assert.rejects(store.get('a'), expected);
    await assert.rejects(store.put('a', from('x'), plain), expected);
    await assert.rejects(store.delete('a'), expected);
  }
});

test('wrong keys are refused; neither they nor signatures are in the error', async (context) => {
  const fake = await openFakeS3(context);
  const secretAccessKey = 'not-the-right-secret';
  const keys = { accessKeyId: fake.accessKeyId, secretAccessKey, sessionToken: 'the-token' };
  const store = await openTestS3(context, fake, { dialect: today, keys: () => keys });
  const error = await store.get('a').catch((thrown: unknown) => thrown);
  assert.ok(error instanceof GroundcrewError);
  assert.equal(error.code, 'storage/bad-credentials');
  const all = inspect(error, { depth: 20, showHidden: true });
  for (const secret of [fake.accessKeyId, secretAccessKey, 'the-token', 'Signature=', 'AWS4-HMAC']) {
    assert.equal(all.includes(secret), false, secret);
  }
});

test('keys are read for each request, so renewed ones count', async (context) => {
  const fake = await openFakeS3(context);
  let secretAccessKey = 'of yesterday';
  const keys = () => ({ accessKeyId: fake.accessKeyId, secretAccessKey });
  const store = await openTestS3(context, fake, { dialect: today, keys });
  await assert.rejects(store.get('a'), { code: 'storage/bad-credentials' });
  ({ secretAccessKey } = fake);
  assert.equal(await store.get('a'), null);
});

test('a signed address is good for a browser, until it expires', async (context) => {
  let nowMs = Date.now();
  const fake = await openFakeS3(context, { nowMs: () => nowMs });
  const store = await openTestS3(context, fake, { dialect: today });
  await store.put('a b/ü+?#', from('hello'), { ...plain, visibility: 'private', isDownload: true });
  const url = (await store.address('a b/ü+?#', 60_000)) ?? assert.fail();
  const answer = await fetch(url);
  assert.deepEqual([answer.status, await answer.text()], [200, 'hello']);
  assert.equal(answer.headers.get('content-disposition'), 'attachment');
  assert.equal((await fetch(url, { method: 'DELETE' })).status, 403);
  assert.equal((await fetch(url.replace('X-Amz-Expires=60', 'X-Amz-Expires=600'))).status, 403);
  nowMs += 62_000;
  assert.equal((await fetch(url)).status, 403);
  assert.match((await store.address('a', 30 * 24 * 3_600_000)) ?? '', /X-Amz-Expires=604800&/);
});

test('a public bucket has plain addresses', async (context) => {
  const publicUrl = 'https://logs.example.org/';
  const store = await openTestS3(context, await openFakeS3(context), { prefix: 'ci/', publicUrl });
  assert.equal(await store.address('a b/ü?', 1000), 'https://logs.example.org/ci/a%20b/%C3%BC%3F');
});

test('a signed address takes one object, of that kind and size, and nothing else', async (context) => {
  const fake = await openFakeS3(context);
  const store = await openTestS3(context, fake, { dialect: today });
  const options: PutOptions = { contentType: 'text/html', visibility: 'private', isDownload: true };
  const { url, headers } = await store.putAddress('job/1/page', { ...options, sizeBytes: 5, validMs: 60_000 });
  const send = async (to: string, body: string, more: Readonly<Record<string, string>> = {}) =>
    (await fetch(to, { method: 'PUT', body, headers: { ...headers, ...more } })).status;
  assert.equal(await send(url.replace('job/1', 'job/2'), 'hello'), 403);
  assert.equal(await send(url, 'hello', { 'content-type': 'text/css' }), 403);
  assert.equal(await send(url, 'hello', { 'content-disposition': 'inline' }), 403);
  assert.equal(await send(url, 'hello again', { 'content-length': '11' }), 403);
  assert.equal(fake.objects.size, 0);
  assert.equal(await send(url, 'hello'), 200);
  const read = (await store.get('job/1/page')) ?? assert.fail();
  assert.deepEqual([read.contentType, read.isDownload, await text(read.body)], ['text/html', true, 'hello']);
});

test('bytes damaged on their way are not stored', async (context) => {
  const fake = await openFakeS3(context);
  const store = await openTestS3(context, fake, { dialect: today });
  await store.put('a', from('x'), plain);
  const signed = fake.requests.at(-1)?.headers ?? {};
  const headers = Object.fromEntries(
    Object.entries(signed).flatMap(([name, value]) =>
      ['connection', 'expect'].includes(name) ? [] : [[name, String(value)] as const],
    ),
  );
  const answer = await fetch(`${fake.endpoint}/ci-logs/a?x-id=PutObject`, { method: 'PUT', body: 'y', headers });
  assert.deepEqual([answer.status, (await answer.text()).includes('XAmzContentSHA256Mismatch')], [400, true]);
  assert.equal(await contentOf(store.get('a')), 'x');
});
