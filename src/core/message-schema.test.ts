import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { anOrder, envelopeFor, FakeWorker } from '../../test/support/ledger-world.ts';
import { isSignedEnvelope, signEnvelope } from './job-envelope.ts';
import { controlMessageSchema, decodeMessage, jobEnvelopeSchema, workerMessageSchema } from './message-schema.ts';
import type { WorkerMessage } from './worker-message.ts';

const worker = new FakeWorker('w1');
const envelope = envelopeFor(anOrder({ pull: 7, needs: ['kvm'] }), 2, 3);
const { signature: _signature, ...unsigned } = envelope;
const holding = FakeWorker.holding(envelope, 'a');
const messages: readonly WorkerMessage[] = [
  worker.hello([holding]),
  worker.claimed(holding),
  worker.beat(holding, 'checkout', 12),
  worker.finished(holding),
  worker.finished(holding, { kind: 'failed', exitCode: 1, reason: 'exit', detail: 'two of forty' }),
  worker.finished(holding, { kind: 'failed', exitCode: null, reason: 'merge-conflict' }),
  worker.finished(holding, { kind: 'timed-out', afterMs: 5 }),
  worker.finished(holding, { kind: 'canceled', reason: 'person', by: 'ada' }),
  worker.finished(holding, { kind: 'broken', cause: 'lost', phase: 'saving' }),
  worker.sealed(holding),
  worker.bye([holding]),
];

test('every worker message survives the wire unchanged, its signature too', () => {
  const signed = signEnvelope(unsigned, 'key');
  for (const message of messages) {
    assert.deepEqual(decodeMessage(workerMessageSchema, JSON.stringify(message)), message, message.kind);
  }
  const decoded = decodeMessage(jobEnvelopeSchema, JSON.stringify(signed));
  assert.ok(decoded !== null && isSignedEnvelope(decoded, ['other', 'key']));
  assert.ok(!isSignedEnvelope(decoded, ['other']));
});

test('an order that was changed in any place is not signed any more', () => {
  const signed = signEnvelope(unsigned, 'key');
  const changed = [
    { ...signed, n: 4 },
    { ...signed, generation: 1 },
    { ...signed, avoid: ['w1'] },
    { ...signed, baseSha: 'f'.repeat(40) },
    { ...signed, job: { ...signed.job, secrets: ['token'] } },
    { ...signed, job: { ...signed.job, isTrusted: false } },
    { ...signed, signature: '' },
    { ...signed, signature: 'zz' },
  ];
  for (const each of changed) assert.equal(isSignedEnvelope(each, ['key']), false, JSON.stringify(each).slice(0, 80));
});

test('a message of another version, kind or shape is none, and unknown keys are dropped', () => {
  const beat = worker.beat(holding);
  const decode = (value: unknown) => decodeMessage(workerMessageSchema, JSON.stringify(value));
  assert.deepEqual(decode({ ...beat, extra: 1 }), beat);
  for (const bad of [
    { ...beat, v: 2 },
    { ...beat, kind: 'boast' },
    { ...beat, nonce: '../../etc/passwd' },
    { ...beat, worker: '' },
    { ...beat, seq: -1 },
    { ...beat, phase: 'resting' },
    { ...beat, logBytes: 1.5 },
    { ...beat, worker: 'w'.repeat(1_001) },
    { ...beat, envelope: { ...envelope, job: { ...envelope.job, id: 'x' } } },
    { ...beat, envelope: { ...envelope, n: 0 } },
    worker.hello(Array.from({ length: 1_001 }, () => holding)),
    null,
    [],
  ]) {
    assert.equal(decode(bad), null, JSON.stringify(bad).slice(0, 80));
  }
});

test('bytes that are no message are none, never an error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (body) => {
      assert.equal(decodeMessage(workerMessageSchema, body), null);
      assert.equal(decodeMessage(jobEnvelopeSchema, body), null);
      assert.equal(decodeMessage(controlMessageSchema, body), null);
    }),
  );
  assert.equal(decodeMessage(controlMessageSchema, '{"v":1,"kind":"drain"}')?.kind, 'drain');
});
