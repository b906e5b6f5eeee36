import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { openFakeS3 } from '../../../test/support/fake-s3.ts';
import { openTestS3 } from '../../../test/support/s3-store.ts';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { until } from '../../../test/support/until.ts';

const writer = join(import.meta.dirname, 'fixtures/upload-writer.ts');

test('a killed upload leaves nothing to be seen, what was there stays, and the rest is swept', async (context) => {
  const fake = await openFakeS3(context);
  const store = await openTestS3(context, fake);
  await store.put('a/log', { bytes: Buffer.from('before') }, { contentType: 'text/plain', visibility: 'public' });
  const file = join(await tempDir(context), 'large');
  const handle = await open(file, 'w');
  await handle.truncate(40 * 1024 * 1024);
  await handle.close();
  // Two parts go through, then the server holds its breath: that is where the kill comes.
  let parts = 0;
  fake.fault = ({ method, url }) => (method === 'PUT' && url.includes('partNumber=') && ++parts > 2 ? 'stall' : null);
  const { endpoint, bucket, region, accessKeyId, secretAccessKey } = fake;
  const args = [writer, endpoint, bucket, region, accessKeyId, secretAccessKey, file];
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  try {
    await until(() => parts > 3, { within: 60_000, what: 'the upload to be in its midst' });
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  fake.fault = () => null;
  const keys: string[] = [];
  for await (const { key } of store.list('')) keys.push(key);
  const read = (await store.get('a/log')) ?? assert.fail();
  assert.deepEqual([keys, await text(read.body)], [['a/log'], 'before']);
  assert.equal(fake.uploads.open.size, 1, 'the parts are there, and cost');
  assert.equal(await store.sweep(3_600_000), 0, 'one that is young may still go on');
  assert.equal(await store.sweep(-1000), 1);
  assert.equal(fake.uploads.open.size, 0);
});
