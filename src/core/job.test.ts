import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jobIdOf, needsClass, type JobIdentity } from './job.ts';
import type { Subject } from './subject.ts';

const text = fc.oneof(fc.string(), fc.constantFrom('a', 'b', '|', 'a|b', ':1', ''));
const subject: fc.Arbitrary<Subject> = fc.record({
  forge: text,
  repo: text,
  sha: text,
  pull: fc.option(fc.integer()),
  baseRef: text,
  branch: fc.option(text),
});
const identity: fc.Arbitrary<JobIdentity> = fc.record({
  subject,
  context: text,
  occasion: text,
  commandSubject: fc.option(subject),
  foreignShas: fc.array(text, { maxLength: 2 }),
  isTrusted: fc.boolean(),
});

/** What makes a question another one (R12). */
function questionOf({
  subject: { forge, repo, sha, baseRef },
  context,
  occasion,
  commandSubject,
  foreignShas,
  isTrusted,
}: JobIdentity): string {
  const tests =
    commandSubject === null ? null : [commandSubject.forge, commandSubject.repo, commandSubject.sha].join('|');
  return JSON.stringify([forge, repo, sha, baseRef, context, occasion, tests, foreignShas ?? [], isTrusted]);
}

test('R12: a job’s id is that of its question: equal for equal ones, different for different ones', () => {
  fc.assert(
    fc.property(identity, identity, (one, other) => {
      assert.match(jobIdOf(one), /^[0-9a-f]{32}$/);
      assert.equal(jobIdOf(one), jobIdOf(structuredClone(one)));
      assert.equal(jobIdOf(one) === jobIdOf(other), questionOf(one) === questionOf(other));
    }),
  );
});

test('R12: where a commit was seen makes no other job, what is asked of it does', () => {
  const one = {
    subject: { forge: 'f', repo: 'r', sha: 's', pull: null, baseRef: 'main', branch: 'main' },
    context: 'c',
    occasion: 'change',
    commandSubject: null,
    isTrusted: true,
  };
  assert.notEqual(jobIdOf(one), jobIdOf({ ...one, isTrusted: false }));
  assert.equal(jobIdOf(one), jobIdOf({ ...one, subject: { ...one.subject, pull: 3, branch: null } }));
  for (const part of ['forge', 'repo', 'sha', 'baseRef'] as const) {
    assert.notEqual(jobIdOf(one), jobIdOf({ ...one, subject: { ...one.subject, [part]: 'x' } }), part);
  }
  assert.notEqual(jobIdOf(one), jobIdOf({ ...one, occasion: 'schedule:1' }));
  assert.notEqual(jobIdOf(one), jobIdOf({ ...one, commandSubject: one.subject }));
  assert.notEqual(jobIdOf(one), jobIdOf({ ...one, foreignShas: ['a'.repeat(40)] }));
  assert.equal(jobIdOf(one), jobIdOf({ ...one, foreignShas: [] }));
});

test('a needs class does not depend on the order in which needs are listed', () => {
  assert.equal(needsClass({ pool: 'default', needs: [] }), 'default');
  assert.equal(needsClass({ pool: 'lab', needs: ['kvm', 'arch:arm64'] }), 'lab+arch:arm64+kvm');
  const needs = ['kvm', 'arch:arm64'];
  assert.equal(needsClass({ pool: 'lab', needs }), needsClass({ pool: 'lab', needs: needs.toReversed() }));
  assert.deepEqual(needs, ['kvm', 'arch:arm64'], 'and does not change it');
});
