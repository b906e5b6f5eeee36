import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { openFakeS3, type FakeS3 } from '../../../test/support/fake-s3.ts';
import { openTestS3 } from '../../../test/support/s3-store.ts';
import { tempDir, type CleansUp } from '../../../test/support/temp-dir.ts';
import { systemClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import type { StoreGrant } from '../../core/grant.ts';
import type { PutOptions, StoreGrantSource } from '../object-store.ts';
import type { S3Store } from '../s3/s3-store.ts';
import { openGrantedStore, type GrantedStore } from './granted-store.ts';

const plain: PutOptions = { contentType: 'text/plain; charset=utf-8', visibility: 'public' };
const prefix = 'demo/main-1-t-1/1.1-aaaaaaaa';
const bytes = (content: string): { readonly bytes: Uint8Array } => ({ bytes: Buffer.from(content) });

/** Gives what `next` gives, one after the other; null: nothing is granted any more. */
function granting(next: () => Promise<StoreGrant | null>): StoreGrantSource & { readonly refused: StoreGrant[] } {
  let held: Promise<StoreGrant | null> | null = null;
  const refused: StoreGrant[] = [];
  return {
    refused,
    wait: () => (held ??= next()),
    refuse: (grant) => {
      refused.push(grant);
      held = null;
    },
  };
}

function openGranted(context: CleansUp, grants: StoreGrantSource): GrantedStore {
  const store = openGrantedStore({
    grants,
    prefix,
    signal: new AbortController().signal,
    clock: systemClock,
    random: systemRandom,
    pace: { retry: { firstMs: 1, mostMs: 2, factor: 2 } },
  });
  context.after(() => {
    store.close();
  });
  return store;
}

async function openPair(context: CleansUp, dialect: { takesAcl?: boolean } = {}, nowMs?: () => number) {
  const fake = await openFakeS3(context, { dialect, ...(nowMs === undefined ? {} : { nowMs }) });
  const server = await openTestS3(context, fake, { prefix: 'gc/' });
  await server.dialect();
  const validMs = { validMs: 60_000 };
  const grants = granting(async () => (await server.form(prefix, validMs.validMs)).form);
  return { fake, server, grants, validMs, store: openGranted(context, grants) };
}

async function contentOf(server: S3Store, key: string): Promise<string | null> {
  const read = await server.get(key);
  return read === null ? null : text(read.body);
}

const forms = (fake: FakeS3): number =>
  fake.requests.filter(({ method, url }) => method === 'POST' && url === `/${fake.bucket}/`).length;

for (const takesAcl of [false, true]) {
  test(`a form puts objects below its prefix, with their kind (ACLs ${takesAcl ? 'taken' : 'refused'})`, async (context) => {
    const { server, store, fake } = await openPair(context, { takesAcl });
    const file = join(await tempDir(context), 'log');
    await writeFile(file, 'x'.repeat(3_000_000));
    await store.put(`${prefix}/log`, { file, start: 1, isFinal: true }, plain);
    await store.put(`${prefix}/a b/ü"'%.html`, bytes('<p>'), {
      contentType: 'text/html',
      visibility: 'public',
      isDownload: true,
    });
    await store.put(`${prefix}/empty`, bytes(''), plain);
    assert.equal((await contentOf(server, `${prefix}/log`))?.length, 2_999_999);
    const read = (await server.get(`${prefix}/a b/ü"'%.html`)) ?? assert.fail();
    assert.deepEqual([read.contentType, read.isDownload, await text(read.body)], ['text/html', true, '<p>']);
    assert.equal(await contentOf(server, `${prefix}/empty`), '');
    assert.equal(forms(fake), 3);
  });
}

test('a page that claims to be shown in place becomes a download; with a form of 0.1 it is what its writer says', async (context) => {
  const { server, store } = await openPair(context);
  const page = { contentType: 'text/html', visibility: 'public' } as const;
  await store.put(`${prefix}/page`, bytes('<script>'), page);
  assert.equal((await server.get(`${prefix}/page`))?.isDownload, true);
  const old = await server.form(prefix, 60_000, false);
  assert.equal(old.form.forms, undefined);
  const ofOldServer = openGranted(
    context,
    granting(() => Promise.resolve(old.form)),
  );
  await ofOldServer.put(`${prefix}/page`, bytes('<script>'), page);
  assert.equal((await server.get(`${prefix}/page`))?.isDownload, false);
});

test('who changes the type that a form is for is refused by the store', async (context) => {
  const { server, fake } = await openPair(context);
  const { form } = await server.form(prefix, 60_000);
  const [first] = form.forms ?? [];
  assert.ok(first);
  const lying = openGranted(
    context,
    granting(() => Promise.resolve({ ...form, forms: [{ ...first, contentType: 'text/html' }] })),
  );
  const page = { contentType: 'text/html', visibility: 'public' } as const;
  await assert.rejects(lying.put(`${prefix}/page`, bytes('<script>'), page), { code: 'storage/forbidden' });
  assert.equal(fake.objects.size, 0);
});

test('what is not below the prefix cannot be put, whatever the worker does', async (context) => {
  const { store, server, fake } = await openPair(context);
  await assert.rejects(store.put('demo/other/log', bytes('x'), plain), { code: 'storage/forbidden' });
  // The server is asked as well: a worker may be another program.
  const { form } = await server.form(prefix, 60_000);
  const lying = openGranted(
    context,
    granting(() => Promise.resolve({ ...form, fields: { ...form.fields, key: 'gc/demo/other/' } })),
  );
  await assert.rejects(lying.put(`${prefix}/log`, bytes('x'), plain), { code: 'storage/forbidden' });
  assert.equal(fake.objects.size, 0);
});

test('a grant that ran out is replaced, and the object put', async (context) => {
  const time = { now: Date.now() };
  const { store, grants, server, validMs } = await openPair(context, {}, () => time.now);
  validMs.validMs = 1000;
  await store.put(`${prefix}/1`, bytes('1'), plain);
  time.now += 2000;
  validMs.validMs = 3_600_000;
  await store.put(`${prefix}/2`, bytes('2'), plain);
  assert.deepEqual([grants.refused.length, await contentOf(server, `${prefix}/2`)], [1, '2']);
});

test('a store that refuses every grant is a failure that may pass', async (context) => {
  const { store, grants, fake } = await openPair(context);
  fake.fault = ({ method }) => (method === 'POST' ? { status: 403, code: 'AccessDenied', message: 'no' } : null);
  await assert.rejects(store.put(`${prefix}/1`, bytes('1'), plain), { code: 'storage/forbidden', retry: 'later' });
  assert.equal(grants.refused.length, 2);
});

test('broken connections and busy answers are tried again', async (context) => {
  const { store, server, fake } = await openPair(context);
  const faults = ['cut', { status: 503, code: 'SlowDown', message: 'slow down' }, 'cut-after'] as const;
  let at = 0;
  fake.fault = ({ method }) => (method === 'POST' ? (faults[at++] ?? null) : null);
  await store.put(`${prefix}/1`, bytes('again'), plain);
  assert.deepEqual([at, await contentOf(server, `${prefix}/1`)], [4, 'again']);
});

test('a store that is away is said to be, and a source that is too short is the sender’s own fault', async (context) => {
  const { store, fake, server } = await openPair(context);
  const file = join(await tempDir(context), 'f');
  await writeFile(file, '123');
  await assert.rejects(store.put(`${prefix}/1`, { file, end: 10 }, plain), { code: 'storage/source-short' });
  assert.equal(await contentOf(server, `${prefix}/1`), null);
  fake.fault = () => 'cut';
  await assert.rejects(store.put(`${prefix}/1`, bytes('1'), plain), { code: 'storage/unavailable', retry: 'later' });
});

test('without a grant nothing is put, and the caller is told to come again', async (context) => {
  const store = openGranted(
    context,
    granting(() => Promise.resolve(null)),
  );
  await assert.rejects(store.put(`${prefix}/1`, bytes('1'), plain), { code: 'storage/no-grant', retry: 'later' });
});

test('a writer sees nothing and deletes nothing', async (context) => {
  const { store, server } = await openPair(context);
  await store.put(`${prefix}/1`, bytes('1'), plain);
  await store.delete(`${prefix}/1`);
  assert.equal(await store.get(`${prefix}/1`), null);
  const seen = [];
  for await (const { key } of store.list('')) seen.push(key);
  assert.deepEqual([seen, await contentOf(server, `${prefix}/1`)], [[], '1']);
  await assert.rejects(store.putIfAbsent(`${prefix}/2`, bytes('1'), plain), { code: 'storage/refused' });
});

test('a form is never good for longer than the store allows', async (context) => {
  const { server } = await openPair(context);
  assert.equal((await server.form(prefix, 3_600_000)).validMs, 3_600_000);
  assert.equal((await server.form(prefix, 30 * 24 * 3_600_000)).validMs, 7 * 24 * 3_600_000);
});

test('a refusal in the midst of a large body ends it, and the next one goes through', async (context) => {
  const seen: string[] = [];
  let isOpen = false;
  const server = createServer((request, response) => {
    seen.push(`${request.method ?? ''} ${request.url ?? ''} ${request.headers.authorization ?? ''}`);
    if (!isOpen) {
      response.writeHead(413, { connection: 'close' }).end('too large');
      return;
    }
    request.resume().on('end', () => response.writeHead(201).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  );
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/s/`;
  const store = openGranted(
    context,
    granting(() => Promise.resolve({ kind: 'http', url, token: 'secret' })),
  );
  const large = { bytes: Buffer.alloc(30_000_000) };
  await assert.rejects(store.put(`${prefix}/x/ü`, large, plain), { code: 'storage/refused' });
  isOpen = true;
  await store.put(`${prefix}/x/ü`, large, plain);
  assert.deepEqual(seen, Array(2).fill('PUT /s/x/%C3%BC Bearer secret'));
});
