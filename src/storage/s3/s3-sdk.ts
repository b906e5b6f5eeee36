import type * as client from '@aws-sdk/client-s3';
import type * as presigner from '@aws-sdk/s3-request-presigner';
import { trusting } from '../trusted-certificates.ts';
import type { S3Pace, S3StoreOptions } from './s3-options.ts';

/** The parts of AWS's library that we use. It costs 150 ms and 22 MB, so it is loaded only where there is an S3 store. */
export type S3Sdk = typeof client & Pick<typeof presigner, 'getSignedUrl'>;

/** Loads it. */
export async function loadS3Sdk(): Promise<S3Sdk> {
  const [s3, { getSignedUrl }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('@aws-sdk/s3-request-presigner'),
  ]);
  return { ...s3, getSignedUrl };
}

/** A client without tries of its own (`s3-caller.ts` has them) and without a voice: its warnings go nowhere. */
export function createS3Client(sdk: S3Sdk, options: S3StoreOptions, pace: S3Pace): client.S3Client {
  const { keys, endpoint } = options;
  const silent = (): void => undefined;
  return new sdk.S3Client({
    region: options.region,
    forcePathStyle: options.addressing === 'path',
    ...(endpoint === null ? {} : { endpoint }),
    // A key that expires at once is asked for each time, so a renewed one counts.
    ...(keys === null ? {} : { credentials: () => Promise.resolve({ ...keys(), expiration: new Date(0) }) }),
    maxAttempts: 1,
    // Other servers refuse, or store, the trailing checksums that became the default in 2025; what we send over plain
    // HTTP is covered by its signature. https://github.com/aws/aws-sdk-js-v3/issues/6810
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: pace.connectMs,
      // Readers hold their connection while they read.
      httpAgent: { keepAlive: true, maxSockets: 256 },
      httpsAgent: { keepAlive: true, maxSockets: 256, ...trusting(options.ca) },
    },
    logger: { debug: silent, info: silent, warn: silent, error: silent, trace: silent },
  });
}
