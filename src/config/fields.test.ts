import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anOrder, envelopeFor } from '../../test/support/ledger-world.ts';
import { jobEnvelopeSchema } from '../core/message-schema.ts';
import { command, environment } from './fields.ts';

const words = (count: number): string => 'x'.repeat(count);

test('the longest command and variable that may be configured reach a worker, longer ones are refused at once', () => {
  const accepted = anOrder({
    command: command.parse(words(10_000)),
    env: environment.parse({ LONG: words(10_000) }),
  });
  assert.equal(jobEnvelopeSchema.safeParse(envelopeFor(accepted, 1, 1)).success, true);
  for (const refused of [words(10_001), ['sh', words(10_001)], Array.from({ length: 1001 }, () => 'x')]) {
    assert.equal(command.safeParse(refused).success, false);
  }
  assert.match(environment.safeParse({ LONG: words(10_001) }).error?.message ?? '', /longer than 10000 characters/);
});
