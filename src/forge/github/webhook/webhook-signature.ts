import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * True when `header` (`X-Hub-Signature-256`) is the HMAC-SHA256 of exactly these bytes under one of the secrets; several are
 * valid while one replaces another. The algorithm is never taken from the request, and an empty secret signs nothing.
 * @see https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 */
export function isSigned(body: Buffer, header: string, secrets: readonly string[]): boolean {
  const digits = signatureForm.exec(header)?.[1];
  if (digits === undefined) return false;
  const shown = Buffer.from(digits, 'hex');
  let isGood = false;
  for (const secret of secrets) {
    if (secret === '') continue;
    const expected = createHmac('sha256', secret).update(body).digest();
    if (shown.length === expected.length && timingSafeEqual(shown, expected)) isGood = true;
  }
  return isGood;
}

/** Of that form, whatever it signs. */
export function isSignature(header: string): boolean {
  return signatureForm.test(header);
}

const signatureForm = /^sha256=([0-9a-f]{64})$/;
