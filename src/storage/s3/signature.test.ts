import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { checkSignature } from '../../../test/support/fake-s3-signature.ts';
import type { CleansUp } from '../../../test/support/temp-dir.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { defaultPace } from './s3-options.ts';
import { createS3Client, loadS3Sdk } from './s3-sdk.ts';

const accessKeyId = 'AKIAIOSFODNN7EXAMPLE';
const region = 'us-east-1';
const at = '20130524T000000Z';
const signingDate = new Date('2013-05-24T00:00:00Z');
const emptyHash = createHash('sha256').digest('hex');

/** GET /test.txt with `Range: bytes=0-9`. AWS's documents have the example key in two spellings. */
const vectors = [
  {
    source: 'https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html',
    host: 'examplebucket.s3.amazonaws.com',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
  {
    source: 'https://github.com/cockpit-project/bots',
    host: 'examplebucket.s3.us-east-1.amazonaws.com',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
    signature: '96590f4edccb5fc1dbf9591f293279d984a5bab9f5edde1a9180f7651c365de9',
  },
];

async function signerOf(context: CleansUp, secretAccessKey: string) {
  const options = {
    bucket: 'examplebucket',
    prefix: '',
    region,
    endpoint: null,
    addressing: 'host',
    keys: () => ({ accessKeyId, secretAccessKey }),
    publicUrl: null,
    dialect: null,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
  } as const;
  const client = createS3Client(await loadS3Sdk(), options, defaultPace);
  context.after(() => {
    client.destroy();
  });
  return client.config.signer({ name: 'sigv4', signingName: 's3', signingRegion: region, properties: {} });
}

function requestTo(host: string, headers: Readonly<Record<string, string>>) {
  return { method: 'GET', protocol: 'https:', hostname: host, path: '/test.txt', headers: { host, ...headers } };
}

for (const { source, host, secretAccessKey, signature } of vectors) {
  test(`the vector of ${source}: our client makes this signature`, async (context) => {
    const signer = await signerOf(context, secretAccessKey);
    const request = requestTo(host, { range: 'bytes=0-9', 'x-amz-content-sha256': emptyHash });
    const { headers } = await signer.sign(request, { signingDate });
    assert.equal(
      headers['authorization'],
      `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20130524/us-east-1/s3/aws4_request, ` +
        `SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature=${signature}`,
    );
  });

  test(`the vector of ${source}: the fake server takes this signature and no other`, () => {
    const gate = { region, keys: new Map([[accessKeyId, secretAccessKey]]), nowMs: () => signingDate.getTime() };
    const check = (range: string) => {
      const authorization =
        `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20130524/us-east-1/s3/aws4_request, ` +
        `SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature=${signature}`;
      const headers = { host, range, 'x-amz-content-sha256': emptyHash, 'x-amz-date': at, authorization };
      return checkSignature({ method: 'GET', url: '/test.txt', headers }, gate);
    };
    assert.deepEqual(check('bytes=0-9'), { bodyHash: emptyHash });
    const other = check('bytes=0-8');
    assert.equal('code' in other ? other.code : 'taken', 'SignatureDoesNotMatch');
  });
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
const presigned =
  '/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request' +
  '&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host' +
  '&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404';

test('the fake server takes the signed address that AWS publishes, for its day', () => {
  const keys = new Map([[accessKeyId, 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY']]);
  const check = (afterMs: number, url = presigned) => {
    const nowMs = () => signingDate.getTime() + afterMs;
    const request = { method: 'GET', url, headers: { host: 'examplebucket.s3.amazonaws.com' } };
    const answer = checkSignature(request, { region, keys, nowMs });
    return 'code' in answer ? answer.message : answer.bodyHash;
  };
  assert.equal(check(0), 'UNSIGNED-PAYLOAD');
  assert.equal(check(86_400_000), 'UNSIGNED-PAYLOAD');
  assert.equal(check(86_401_000), 'Request has expired');
  assert.equal(check(-16 * 60_000), 'Request is not valid yet');
  assert.match(check(0, presigned.replace('test.txt', 'test.txt2')), /signature we calculated does not match/);
  assert.match(check(0, presigned.replace('86400', '604801')), /less than a week/);
});
