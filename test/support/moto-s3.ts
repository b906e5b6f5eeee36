import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { openS3Store, type S3Store } from '../../src/storage/s3/s3-store.ts';
import type { S3StoreOptions } from '../../src/storage/s3/s3-options.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { CleansUp } from './temp-dir.ts';

/** An S3 server that others wrote (https://docs.getmoto.org): its conditions, pages and ACLs are right, it checks no signature. */
export async function openMotoS3(context: CleansUp): Promise<{ openStore(bucket: string): Promise<S3Store> }> {
  const child = spawn('moto_server', ['-H', '127.0.0.1', '-p', '0'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  context.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  let endpoint: string | null = null;
  for await (const line of createInterface({ input: child.stderr })) {
    endpoint = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1] ?? null;
    if (endpoint !== null) break;
  }
  // It writes a line for each request, and would wait for a reader.
  child.stderr.resume();
  if (endpoint === null) throw new Error('moto_server did not start');
  const options: S3StoreOptions = {
    bucket: '',
    prefix: 'below/',
    region: 'us-east-1',
    endpoint,
    addressing: 'path',
    keys: () => ({ accessKeyId: 'any', secretAccessKey: 'any' }),
    publicUrl: null,
    dialect: null,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  };
  return {
    async openStore(bucket) {
      const { status } = await fetch(`${options.endpoint ?? ''}/${bucket}`, { method: 'PUT' });
      if (status !== 200) throw new Error(`no bucket: ${String(status)}`);
      return openS3Store({ ...options, bucket });
    },
  };
}
