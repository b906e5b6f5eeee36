import { z } from 'zod';

/** An address that a secret may travel to: over TLS, or on this machine. */
export const safeAddress = z
  .url({ protocol: /^https?$/, error: 'expected an https address' })
  .refine((text) => isSafe(text), 'expected an https address: a token travels to it; http only on this machine');

function isSafe(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  if (username !== '' || password !== '' || search !== '' || hash !== '') return false;
  return protocol === 'https:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
