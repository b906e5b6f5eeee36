import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { isGroundcrewError } from '../base/errors.ts';
import { loadConfig } from './load.ts';
import { allReferences, settingsOf, type Settings } from './settings.ts';

function settings(context: TestContext, text: string): Settings {
  const dir = mkdtempSync(join(tmpdir(), 'groundcrew-store-'));
  context.after(() => {
    rmSync(dir, { recursive: true });
  });
  const file = join(dir, 'groundcrew.yaml');
  writeFileSync(file, text);
  const env = { HOME: '/home/u' };
  const read = settingsOf(loadConfig({ env, cwd: '/', option: file }), { env, cwd: '/', stateDir: null });
  return JSON.parse(JSON.stringify(read).replaceAll(dir, '/etc/gc')) as Settings;
}

test('without a word the store is a directory below the state', (context) => {
  const { store, paths, logs } = settings(context, 'stateDir: /s\n');
  assert.deepEqual(store, { primary: { kind: 'dir', dir: '/s/store' }, mirrors: [], caFile: null });
  assert.deepEqual([paths.storeDir, logs.flushMs], ['/s/store', null]);
});

test('a bucket, its mirrors and their secrets, with paths beside the file', (context) => {
  const read = settings(
    context,
    `store:
  ca: ca.pem
  s3:
    endpoint: https://s3.example.org/
    bucket: ci-logs
    prefix: groundcrew
    accessKeyId: {env: KEY_ID}
    secretAccessKey: {file: keys/s3}
  mirrors:
    - {s3: {bucket: other, region: eu-central-1}}
    - {http: {url: 'https://dav.example.org/logs', token: {file: keys/dav}}}
    - {dir: ~/mirror}
`,
  );
  const { primary, mirrors, caFile } = read.store;
  assert.deepEqual(primary, {
    kind: 's3',
    bucket: 'ci-logs',
    region: 'us-east-1',
    grants: 'form',
    prefix: 'groundcrew/',
    endpoint: 'https://s3.example.org',
    addressing: 'path',
    keys: { id: { env: 'KEY_ID' }, secret: { file: '/etc/gc/keys/s3' } },
    publicUrl: null,
  });
  assert.equal(caFile, '/etc/gc/ca.pem');
  const [bucket, http, dir] = mirrors;
  assert.ok(bucket?.kind === 's3' && http?.kind === 'http' && dir?.kind === 'dir');
  assert.deepEqual([bucket.addressing, bucket.endpoint, bucket.keys], ['host', null, null]);
  assert.deepEqual([http.url, http.token], ['https://dav.example.org/logs/', { file: '/etc/gc/keys/dav' }]);
  assert.equal(dir.dir, '/home/u/mirror');
  assert.deepEqual(Object.keys(allReferences(read)), [
    'store.s3.accessKeyId',
    'store.s3.secretAccessKey',
    'store.mirrors[1].http.token',
  ]);
});

test('what cannot be meant is refused with its key path', (context) => {
  for (const [text, message] of [
    ['store: {dir: /a, s3: {bucket: abc}}', 'store: has more than one of dir, s3, http'],
    ['store: {mirrors: [{}]}', 'store.mirrors[0]: needs one of dir, s3 and http'],
    ['store: {s3: {bucket: abc, accessKeyId: {env: A}}}', 'store.s3.secretAccessKey: is missing'],
    ['store: {s3: {bucket: abc, endpoint: "http://s3.example.org"}}', 'store.s3.endpoint: expected an https address'],
    [
      'store: {s3: {bucket: abc, endpoint: "https://a.org/b"}}',
      'store.s3.endpoint: expected an address without a path',
    ],
    ['store: {s3: {bucket: abc, secretAccessKey: hunter2}}', 'store.s3.secretAccessKey: must be a reference'],
    ['store: {s3: {bukket: abc}}', "store.s3.bukket: unknown key; did you mean 'bucket'?"],
    ['store: {http: {}}', 'store.http.url: is missing'],
  ] as const) {
    assert.throws(
      () => settings(context, text),
      (error) => isGroundcrewError(error, 'config/invalid') && error.message.includes(message),
      `${text}: ${message}`,
    );
  }
});
