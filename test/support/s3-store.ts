import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { systemRandom } from '../../src/base/random.ts';
import type { S3StoreOptions } from '../../src/storage/s3/s3-options.ts';
import { openS3Store, type S3Store } from '../../src/storage/s3/s3-store.ts';
import type { FakeS3 } from './fake-s3.ts';
import type { CleansUp } from './temp-dir.ts';

/** An S3 store in the bucket of a fake server; waits between tries are a millisecond. */
export async function openTestS3(
  context: CleansUp,
  fake: FakeS3,
  more: Partial<S3StoreOptions> = {},
): Promise<S3Store> {
  const { accessKeyId, secretAccessKey } = fake;
  const store = await openS3Store({
    bucket: fake.bucket,
    prefix: '',
    region: fake.region,
    endpoint: fake.endpoint,
    addressing: 'path',
    keys: () => ({ accessKeyId, secretAccessKey }),
    publicUrl: null,
    dialect: null,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    ...more,
    pace: { retry: { firstMs: 1, mostMs: 2, factor: 2 }, ...more.pace },
  });
  context.after(() => store.close());
  return store;
}
