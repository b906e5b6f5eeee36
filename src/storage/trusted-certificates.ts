import { rootCertificates } from 'node:tls';

/** TLS options that trust `ca` (PEM) besides what Node trusts; nothing without one. */
export function trusting(ca: string | undefined): { readonly ca?: string[] } {
  return ca === undefined ? {} : { ca: [...rootCertificates, ca] };
}
