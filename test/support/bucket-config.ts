import type { FakeS3 } from './fake-s3.ts';

/** The bucket as a configuration names it; its keys are in the environment of `bucketKeys`. `more`: lines below `store:`. */
export function bucketConfig(
  { endpoint, bucket, region }: Pick<FakeS3, 'endpoint' | 'bucket' | 'region'>,
  { prefix, more = '' }: { readonly prefix?: string; readonly more?: string } = {},
): string {
  return `store:
  s3:
    endpoint: ${endpoint}
    bucket: ${bucket}
    region: ${region}
${prefix === undefined ? '' : `    prefix: ${prefix}\n`}    accessKeyId: {env: KEY_ID}
    secretAccessKey: {env: KEY}
${more}`;
}

/** What `bucketConfig` expects in the environment. */
export function bucketKeys({ accessKeyId, secretAccessKey }: Pick<FakeS3, 'accessKeyId' | 'secretAccessKey'>): {
  readonly KEY_ID: string;
  readonly KEY: string;
} {
  return { KEY_ID: accessKeyId, KEY: secretAccessKey };
}
