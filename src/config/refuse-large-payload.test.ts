import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holdingOf } from '../../test/support/holding.ts';
import { decodeMessage, jobEnvelopeSchema, workerMessageSchema } from '../core/message-schema.ts';
import { signEnvelope } from '../core/job-envelope.ts';
import type { Subject } from '../core/subject.ts';
import { maxMessageBytes } from '../queue/queue.ts';
import { withinMessage } from '../worker/within-message.ts';
import { mostPayloadBytes } from './refuse-large-payload.ts';
import { configSchema } from './schema.ts';

const path = '/srv/demo';
const projects = (check: unknown, more: unknown = {}): unknown => ({
  projects: [{ name: 'demo', path, checks: [check] }],
  ...(more as object),
});

/** An environment whose JSON is as long as it may be, of characters that JSON writes with six each. */
function largestEnv(): Record<string, string> {
  const env: Record<string, string> = {};
  for (let n = 0; n < 10; n += 1) env[`V${n}`] = '\u0001'.repeat(1_600);
  return env;
}

test('a check is refused whose order would be too large for a queue, with the defaults counted', () => {
  assert.equal(configSchema.safeParse(projects({ context: 't', env: largestEnv() })).success, true);
  const tooLong = { ...largestEnv(), MORE: 'x'.repeat(10_000) };
  const refused = configSchema.safeParse(projects({ context: 't', env: tooLong }));
  assert.match(refused.error?.issues[0]?.message ?? '', /put them into a file of the repository/);
  const byDefaults = projects({ context: 't', env: { MORE: 'x'.repeat(10_000) } }, { defaults: { env: largestEnv() } });
  assert.equal(configSchema.safeParse(byDefaults).success, false);
  const needs = Array.from({ length: 21 }, (_, n) => `n${n}`);
  assert.equal(configSchema.safeParse(projects({ context: 't', needs })).success, false, 'workers take 20 at most');
});

test('the largest order of a configuration is less than a quarter of a message, and so is every message that echoes it', () => {
  const { envelope, nonce } = holdingOf();
  const { signature: _nobodys, ...order } = envelope;
  const env = largestEnv();
  assert.ok(Buffer.byteLength(JSON.stringify(env)) > mostPayloadBytes * 0.9);
  // A ref is a path of the file system (4096 bytes), three bytes a character at most.
  const subject: Subject = {
    ...order.job.subject,
    repo: 'ü'.repeat(1_000),
    baseRef: 'ü'.repeat(2_048),
    branch: 'ü'.repeat(2_048),
  };
  const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n}`.padEnd(63, 'x'));
  const job = {
    ...order.job,
    ...{ subject, commandSubject: subject, env, secrets: names(100), needs: names(20), container: 'c'.repeat(4_096) },
    ...{
      context: 'ü'.repeat(1_000),
      occasion: 'o'.repeat(1_000),
      foreignShas: Array.from({ length: 10 }, () => 'f'.repeat(64)),
    },
  };
  const largest = signEnvelope(
    { ...order, job, cloneUrl: 'h'.repeat(4_096), avoid: names(100), grants: ['fetch', 'store'] },
    'key',
  );
  assert.ok(Buffer.byteLength(JSON.stringify(largest)) < maxMessageBytes / 4);
  assert.notEqual(decodeMessage(jobEnvelopeSchema, JSON.stringify(largest)), null, 'a worker reads it');
  const holdings = Array.from({ length: 256 }, () => ({ envelope: largest, nonce }));
  const { within, beyond } = withinMessage(holdings);
  assert.equal(within.length + beyond.length, 256);
  assert.ok(within.length >= 2);
  const offer = { pool: 'default', capabilities: names(20), slots: 256, hostname: 'h', version: '1' };
  const speaker = { v: 1, worker: 'w'.repeat(63), session: 1, seq: 1 };
  const hello = { ...speaker, kind: 'hello', offer, holds: within, alsoHolds: beyond.map((one) => one.nonce) };
  const body = JSON.stringify(hello);
  assert.ok(Buffer.byteLength(body) < maxMessageBytes);
  assert.notEqual(decodeMessage(workerMessageSchema, body), null);
});
