import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { UsageError } from '../../../base/errors.ts';

/**
 * The signed claim by which a GitHub App names itself, good for nine minutes. Issued a minute in the past, as GitHub advises
 * against clocks that differ; its own limit is ten minutes.
 * https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
 * @throws UsageError `forge/bad-key`
 */
export function appJwt(appId: string | number, privateKey: string, now: number): string {
  const issuedAt = Math.floor(now / 1000) - 60;
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claim = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iat: issuedAt, exp: issuedAt + 600, iss: String(appId) })}`;
  return `${claim}.${sign('sha256', Buffer.from(claim), keyOf(privateKey)).toString('base64url')}`;
}

function keyOf(pem: string): KeyObject {
  try {
    // Keys that went through an environment variable often have their line ends written out.
    return createPrivateKey(pem.includes('\n') ? pem : pem.replaceAll('\\n', '\n'));
  } catch {
    // Not as a cause: it might quote the key.
    throw new UsageError('forge/bad-key', 'the private key of the GitHub App is no PEM file of an RSA key');
  }
}
