import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hashOf } from '../base/ids.ts';
import type { JobId } from './job.ts';
import { jobPrefix, runPrefix, type Placed } from './run-slug.ts';

const id = hashOf(['job']) as JobId;
const subject = {
  forge: 'git',
  repo: 'cockpit-project/cockpit',
  sha: 'a'.repeat(40),
  pull: 7 as number | null,
  baseRef: 'main',
  branch: null as string | null,
};

test('a prefix tells repository, place, commit, context and attempt', () => {
  const job: Placed = { id, subject, context: 'fedora-44/firefox@bots#3' };
  assert.equal(jobPrefix(job), `cockpit-project-cockpit/pull-7-aaaaaaaa-fedora-44-firefox-bots-3-${id.slice(0, 16)}`);
  assert.equal(runPrefix(job, { generation: 2, n: 3, nonce: '0123456789abcdef' }), `${jobPrefix(job)}/2.3-01234567`);
  const branch: Placed = { id, subject: { ...subject, pull: null, branch: 'feature/x' }, context: 'unit' };
  assert.equal(jobPrefix(branch), `cockpit-project-cockpit/feature-x-aaaaaaaa-unit-${id.slice(0, 16)}`);
});

test('hostile names neither escape nor lengthen the prefix', () => {
  for (const evil of [
    '../../etc/passwd',
    '..',
    '.',
    '',
    '-rf',
    '\n',
    '\u0000',
    'ä'.repeat(10_000),
    '/'.repeat(10_000),
  ]) {
    const job: Placed = { id, subject: { ...subject, repo: evil, pull: null, branch: evil }, context: evil };
    assertTame(runPrefix(job, { generation: 999_999_999, n: 999_999_999, nonce: evil }));
  }
});

test('whatever the names, the prefix has three tame parts and differs with the job', () => {
  const name = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constantFrom('../..', 'a/b', 'a-b', 'x'));
  const job = fc.record({ repo: name, branch: name, context: name, seed: fc.nat() });
  fc.assert(
    fc.property(job, job, fc.integer({ min: 1, max: 999_999_999 }), (a, b, n) => {
      const [first, second] = [a, b].map(({ repo, branch, context, seed }) => {
        const place = { ...subject, repo, branch, pull: null };
        return runPrefix(
          { id: hashOf([String(seed)]) as JobId, subject: place, context },
          { generation: n, n, nonce: 'ab' },
        );
      });
      assertTame(first);
      if (a.seed !== b.seed) assert.notEqual(first, second);
    }),
  );
});

function assertTame(prefix: string | undefined): void {
  assert.match(prefix ?? '', /^[A-Za-z0-9_][A-Za-z0-9._-]*\/[A-Za-z0-9_][A-Za-z0-9._-]*\/[A-Za-z0-9_][A-Za-z0-9._-]*$/);
  assert.ok((prefix ?? '').length <= 200, prefix);
}
