import assert from 'node:assert/strict';
import { generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import { isGroundcrewError } from '../../../base/errors.ts';
import { appJwt } from './app-jwt.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

test('both forms of a key sign a claim that GitHub takes: at most ten minutes, issued a minute ago', () => {
  const now = 1_800_000_000_123;
  for (const type of ['pkcs1', 'pkcs8'] as const) {
    const pem = privateKey.export({ type, format: 'pem' }) as string;
    for (const text of [pem, pem.replaceAll('\n', '\\n')]) {
      const [head = '', body = '', signature = ''] = appJwt(7, text, now).split('.');
      assert.deepEqual(JSON.parse(Buffer.from(head, 'base64url').toString()), { alg: 'RS256', typ: 'JWT' });
      const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as { iat: number; exp: number; iss: string };
      assert.equal(claims.iss, '7');
      assert.equal(claims.iat, Math.floor(now / 1000) - 60);
      assert.ok(claims.exp - claims.iat <= 600);
      assert.ok(verify('sha256', Buffer.from(`${head}.${body}`), publicKey, Buffer.from(signature, 'base64url')));
    }
  }
});

test('what is no key is the operator’s mistake, and is not quoted', () => {
  assert.throws(
    () => appJwt(7, '-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----', 0),
    (error) => {
      assert.ok(isGroundcrewError(error, 'forge/bad-key'));
      assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /c2VjcmV0/);
      return true;
    },
  );
});
