import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { anOrder } from '../../test/support/ledger-world.ts';
import type { IssueDue } from '../ledger/report-due.ts';
import { issueOf } from './issue-words.ts';

const job = anOrder({ branch: 'main', context: 'fedora/x', occasion: 'schedule:1' });

function issue(given: Partial<IssueDue> = {}): IssueDue {
  return {
    forge: 'hub',
    repo: 'team/project',
    branch: 'main',
    context: 'fedora/x',
    version: 1,
    tries: 0,
    isOpen: true,
    job,
    outcome: { kind: 'failed', exitCode: 1, reason: 'exit', detail: '2 of 40 failed' },
    failures: 3,
    failingSince: Date.UTC(2026, 10, 20, 2, 0),
    ...given,
  };
}

test('an issue says what fails where, since when, how often, how, and where to look', () => {
  assert.deepEqual(issueOf(issue(), 'https://ci.example.org'), {
    repo: 'team/project',
    key: 'main|fedora/x',
    title: 'fedora/x fails on main',
    labels: [],
    isOpen: true,
    text: [
      '`fedora/x` fails on `main` since 2026-11-20 02:00 UTC, 3 times in a row.',
      '',
      '- How it ended last: `Tests failed: 2 of 40 failed`',
      `- Newest run: https://ci.example.org/runs/${job.id}, commit aaaaaaaaaaaa`,
      '',
      'This text is kept up to date, though not at every run, and the issue is closed when the check passes again.',
    ].join('\n'),
  });
  assert.match(issueOf(issue({ failures: 1 }), null).text, /, once\.\n[^]*- Newest run: [0-9a-f]{12}, commit/);
});

test('when it passes again the issue is closed and says so', () => {
  const closed = issueOf(issue({ isOpen: false, failures: 0, outcome: { kind: 'passed' } }), 'https://ci.example.org');
  assert.deepEqual([closed.isOpen, closed.key], [false, 'main|fedora/x']);
  assert.match(closed.text, /^`fedora\/x` passes again on `main`\. It had failed since 2026-11-20 02:00 UTC\.\n/);
});

test('whatever branches, contexts and logs are called, the issue is ours and calls nobody', () => {
  const hostile = fc.string({
    unit: fc.constantFrom('@', 'all', '`', '#', '1', '\n', '<!--', '](http://x)', ' ', '|', '\u202e', '\ud83d'),
    maxLength: 400,
  });
  fc.assert(
    fc.property(hostile, hostile, hostile, (branch, context, detail) => {
      const outcome = { kind: 'failed', exitCode: 1, reason: 'exit', detail } as const;
      const { title, text } = issueOf(issue({ branch, context, outcome }), null);
      assert.ok(title.length <= 600 && !title.includes('\n'));
      assert.doesNotMatch(title, /@[a-z]/);
      const [first = ''] = text.split('\n');
      assert.match(first, /^`/);
      assert.ok(text.split('\n').length <= 7, 'no line of a stranger’s own');
      assert.ok(text.length < 2_000);
    }),
  );
});
