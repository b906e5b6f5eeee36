import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { openNginxDav, type NginxDav } from '../../../test/support/nginx-dav.ts';
import { needs } from '../../../test/support/needs.ts';
import type { CleansUp } from '../../../test/support/temp-dir.ts';
import { systemClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import { objectStoreContract } from '../object-store.contract.ts';
import type { PutOptions } from '../object-store.ts';
import { openHttpStore, type HttpStore } from './http-store.ts';
import { parseMultistatus } from './list-folder.ts';

const plain: PutOptions = { contentType: 'text/plain; charset=utf-8', visibility: 'public' };

function storeAt(context: CleansUp, { url, token }: Pick<NginxDav, 'url' | 'token'>): HttpStore {
  const store = openHttpStore({
    url,
    token: () => token,
    publicUrl: 'https://logs.example.org/',
    clock: systemClock,
    random: systemRandom,
    pace: { retry: { firstMs: 1, mostMs: 2, factor: 2 } },
  });
  context.after(() => {
    store.close();
  });
  return store;
}

const openStore = async (context: CleansUp): Promise<HttpStore> =>
  storeAt(context, await openNginxDav(context, { lists: true }));

if (needs('nginx').skip === false) objectStoreContract('HTTP store on nginx', openStore);

test('objects are plain files on the server, and have a public address', needs('nginx'), async (context) => {
  const nginx = await openNginxDav(context, { lists: true });
  const store = storeAt(context, nginx);
  await store.put('a/ü b/log', { bytes: Buffer.from('line\n') }, plain);
  assert.equal(readFileSync(join(nginx.root, 'objects/a/ü b/log'), 'utf8'), 'line\n');
  assert.equal(await store.address('a/ü b/log', 1), 'https://logs.example.org/objects/a/%C3%BC%20b/log');
  assert.deepEqual(await store.trial(), { lists: true, hasRanges: true });
});

test('a server that cannot list keeps objects and says so', needs('nginx'), async (context) => {
  const store = storeAt(context, await openNginxDav(context, { lists: false }));
  await store.put('a/log', { bytes: Buffer.from('x') }, plain);
  assert.equal(await text((await store.get('a/log'))?.body ?? assert.fail()), 'x');
  await assert.rejects(
    async () => {
      for await (const _ of store.list('a/'));
    },
    { code: 'storage/cannot-list' },
  );
  assert.deepEqual(await store.trial(), { lists: false, hasRanges: true });
  await store.delete('a/log');
  assert.equal(await store.get('a/log'), null);
});

test(
  'a sweep removes what killed trials left, and nothing that is young or somebody’s',
  needs('nginx'),
  async (context) => {
    const nginx = await openNginxDav(context, { lists: true });
    const store = storeAt(context, nginx);
    for (const key of ['groundcrew-probe-1', 'groundcrew-probe-2/form', 'groundcrew-probe-3', 'demo/log'])
      await store.put(key, { bytes: Buffer.from('x') }, { ...plain, contentType: 'image/png' });
    // Killed between the two parts of a deletion.
    rmSync(join(nginx.root, 'objects/groundcrew-probe-3'));
    assert.equal(await store.sweep(60_000), 0);
    const hourAgo = new Date(Date.now() - 3_600_000);
    for (const file of ['objects/groundcrew-probe-2/form', 'kinds/groundcrew-probe-3', 'objects/demo/log'])
      utimesSync(join(nginx.root, file), hourAgo, hourAgo);
    assert.equal(await store.sweep(60_000), 2);
    const left = [];
    for await (const { key } of store.list('')) left.push(key);
    assert.deepEqual(left, ['demo/log', 'groundcrew-probe-1']);
    assert.deepEqual(readdirSync(join(nginx.root, 'kinds')).sort(), [
      'demo',
      'groundcrew-probe-1',
      'groundcrew-probe-2',
    ]);
    const unlisted = storeAt(context, await openNginxDav(context, { lists: false }));
    assert.equal(await unlisted.sweep(60_000), 0);
  },
);

test('a wrong token and a server that is away are told apart', needs('nginx'), async (context) => {
  const nginx = await openNginxDav(context, { lists: true });
  const wrong = storeAt(context, { ...nginx, token: 'wrong' });
  await assert.rejects(wrong.put('a', { bytes: Buffer.from('x') }, plain), { code: 'storage/bad-credentials' });
  const away = storeAt(context, { ...nginx, url: 'http://127.0.0.1:1/' });
  await assert.rejects(away.get('a'), { code: 'storage/unavailable', retry: 'later' });
});

test('deleting never takes a folder along', needs('nginx'), async (context) => {
  const store = await openStore(context);
  await store.put('a/b/c', { bytes: Buffer.from('x') }, plain);
  await store.delete('a/b');
  await store.delete('a');
  assert.equal(await text((await store.get('a/b/c'))?.body ?? assert.fail()), 'x');
});

test('answers of other servers are read as well: prefixes, whole addresses, entities', () => {
  const answer = `<?xml version="1.0"?><D:multistatus xmlns:D="DAV:" xmlns:lp1="DAV:">
<D:response><D:href>http://example.org/logs/a/</D:href><D:propstat><D:prop><lp1:resourcetype><D:collection/></lp1:resourcetype></D:prop></D:propstat></D:response>
<D:response><D:href>http://example.org/logs/a/x%20&amp;y</D:href><D:propstat><D:prop><lp1:resourcetype/><lp1:getcontentlength>12</lp1:getcontentlength><lp1:getlastmodified>Sun, 22 Nov 2026 20:00:00 GMT</lp1:getlastmodified></D:prop></D:propstat></D:response>
<response><href>/logs/a/sub/</href><propstat><prop><resourcetype><collection xmlns="DAV:"/></resourcetype></prop></propstat></response>
<response><href>/logs/b</href></response><response><href>/logs/a/%ff</href></response></D:multistatus>`;
  const at = Date.UTC(2026, 10, 22, 20);
  assert.deepEqual(parseMultistatus(answer, '/logs/a/'), [
    { name: 'x &y', sizeBytes: 12, modifiedAt: at },
    { name: 'sub/', sizeBytes: 0, modifiedAt: Infinity },
  ]);
});
