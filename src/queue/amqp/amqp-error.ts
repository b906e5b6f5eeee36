import { errorLine, GroundcrewError, isGroundcrewError } from '../../base/errors.ts';

/** What a failed connection means for the next try. */
export interface ConnectionTrouble {
  /** `refused`: the broker is there and does not let us in, or is not whom it should be; only the operator can mend it. */
  readonly kind: 'refused' | 'unreachable';
  /** One line for people: what and what to do. */
  readonly text: string;
}

// Codes of a certificate that is not what it should be; the names are Node's (nodejs.org/api/tls.html, X509 errors).
const certificateCodes = /^(CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_PURPOSE)/;

/**
 * Says what became of a connection, from whatever the client library or Node threw. `certified`: the name in our certificate, when that
 * and no password says who we are.
 */
export function connectionTrouble(error: unknown, certified: string | null = null): ConnectionTrouble {
  const code = codeOf(error);
  const line = errorLine(error);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return refused(`the broker's certificate is for another name: ${line}`);
  }
  if (certificateCodes.test(code)) {
    return refused(`the broker's certificate is not trusted (${code}): ${line}; see the configured CA`);
  }
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_OSSL_') || code === 'EPROTO') {
    return refused(`the broker and we cannot agree on TLS (${code}): ${line}; see certificate, key and port`);
  }
  if (code === 'ACCESS_REFUSED') {
    if (certified === null) return refused('the broker does not accept our name or password');
    return refused(`the broker does not accept our certificate: has ${certified} been revoked, or never been set up?`);
  }
  if (code === 'NOT_ALLOWED') return refused(`the broker does not let us into its virtual host: ${line}`);
  if (code === 'VERSION_MISMATCH') return refused(`at that address nobody speaks AMQP 0-9-1: ${line}`);
  return { kind: 'unreachable', text: line === '' ? code : line };
}

function refused(text: string): ConnectionTrouble {
  return { kind: 'refused', text };
}

/** The code of an error of Node or of the client library, or nothing. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** The queue is not there. */
export function isNotFound(error: unknown): boolean {
  return codeOf(error) === 'NOT_FOUND';
}

/** The channel went away under the call, by itself or with its connection; on another one the call may succeed. */
export function isChannelGone(error: unknown): boolean {
  return codeOf(error) === 'CH_CLOSE' || codeOf(error) === 'ERR_STREAM_DESTROYED';
}

/** Our own error for what a call on a live connection was answered. */
export function callError(error: unknown, queue: string): GroundcrewError {
  if (isGroundcrewError(error)) return error;
  if (isNotFound(error)) return notDeclared(queue);
  const line = errorLine(error);
  if (codeOf(error) === 'NACK') {
    const text = `the broker did not store a message for ${queue}: the queue is full or has no leader`;
    return new GroundcrewError('queue/not-stored', text, { retry: 'later', cause: error });
  }
  if (codeOf(error) === 'ACCESS_REFUSED') {
    return new GroundcrewError('queue/refused', `the broker does not let us use ${queue}: ${line}`, { cause: error });
  }
  return new GroundcrewError('queue/failed', `the broker refused a call for ${queue}: ${line}`, {
    retry: 'later',
    cause: error,
  });
}

export function notDeclared(queue: string): GroundcrewError {
  return new GroundcrewError('queue/not-declared', `nobody has declared the queue ${queue}`, { retry: 'later' });
}

export function closedError(): GroundcrewError {
  return new GroundcrewError('queue/closed', 'the queue was closed');
}
