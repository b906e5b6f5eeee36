import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callError, connectionTrouble } from './amqp-error.ts';

const coded = (code: string, message: string): Error => Object.assign(new Error(message), { code });

test('what only the operator can mend is refused, the rest is tried again', () => {
  const cases: readonly (readonly [string, 'refused' | 'unreachable'])[] = [
    ['ACCESS_REFUSED', 'refused'],
    ['NOT_ALLOWED', 'refused'],
    ['VERSION_MISMATCH', 'refused'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'refused'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'refused'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'refused'],
    ['CERT_HAS_EXPIRED', 'refused'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'refused'],
    ['ECONNREFUSED', 'unreachable'],
    ['ENOTFOUND', 'unreachable'],
    ['CONN_CLOSE', 'unreachable'],
    ['CONNECTION_FORCED', 'unreachable'],
    ['SOCKET_TIMEOUT', 'unreachable'],
  ];
  for (const [code, kind] of cases) {
    const trouble = connectionTrouble(coded(code, 'first line\nsecond line'));
    assert.equal(trouble.kind, kind, code);
    assert.ok(!trouble.text.includes('\n'), trouble.text);
  }
});

test('an error without words is told by its code', () => {
  assert.equal(connectionTrouble(coded('ECONNREFUSED', '')).text, 'ECONNREFUSED');
});

test('what a call was answered keeps its meaning', () => {
  const codes = (['NOT_FOUND', 'NACK', 'ACCESS_REFUSED', 'PRECONDITION_FAILED'] as const).map((code) => {
    const error = callError(coded(code, 'why'), 'a');
    return [error.code, error.retry];
  });
  assert.deepEqual(codes, [
    ['queue/not-declared', 'later'],
    ['queue/not-stored', 'later'],
    ['queue/refused', 'never'],
    ['queue/failed', 'later'],
  ]);
});
