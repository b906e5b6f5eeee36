import {
  asked,
  check,
  deploy,
  done,
  failed,
  known,
  passed,
  quiet,
  run,
  say,
  seen,
  skippedStatus,
  snapshotOf,
  stop,
  testDecisions,
  told,
  unit,
} from '../../test/support/decide-world.ts';
import { shaOf } from '../../test/support/ledger-world.ts';
import type { Action } from '../core/action.ts';
import type { Job } from '../core/job.ts';
import type { PersonRequest } from '../core/request.ts';
import { answers } from './answers.ts';

const both = { kind: 'checks', checks: [check(unit), check(deploy)] } as const;
const skipped = (job: Job, sentence = 'Skipped by ada: because'): Action => ({
  kind: 'skip',
  sha: job.subject.sha,
  context: job.context,
  sentence,
});
const skip = (context: string, given: Partial<PersonRequest> = {}): PersonRequest =>
  say('skip', { contexts: [context], text: 'because', ...given });
const byAda = { context: 'unit', sentence: 'Skipped by ada: because', isByPolicy: false };

testDecisions([
  [
    'a skip ends what runs of its context and says who wants it and why',
    snapshotOf({
      plan: both,
      jobs: [known(unit), known(deploy)],
      remembersStatuses: false,
      headSince: 1,
      requests: [skip('unit')],
    }),
    [stop(unit, 'person', 'ada'), skipped(unit), done, quiet],
  ],
  [
    'what is skipped before the first look never starts',
    snapshotOf({ plan: both, headSince: 1, requests: [skip('unit')] }),
    [skipped(unit), done, quiet, run(deploy)],
  ],
  [
    'a skip never covers a commit that came after it',
    snapshotOf({ jobs: [known(unit)], remembersStatuses: false, headSince: 1_000, requests: [skip('unit')] }),
    [told(answers.whichCommit('skip', shaOf('a'))), quiet],
  ],
  [
    'a skip of another commit’s test does nothing here',
    snapshotOf({
      jobs: [known(unit, { outcome: failed })],
      statuses: [seen(unit, failed)],
      requests: [skip('unit', { sha: shaOf('c') })],
    }),
    [told(answers.notTheHead(shaOf('c'), shaOf('a'))), quiet],
  ],
  [
    'a skip of nothing is told what there is',
    snapshotOf({ jobs: [known(unit)], remembersStatuses: false, headSince: 1, requests: [skip('rhel-9')] }),
    [told(answers.unknown(['rhel-9'], ['unit'])), quiet],
  ],
  ['what is skipped stays so', snapshotOf({ skipped: [byAda], statuses: [skippedStatus('unit')] }), [quiet]],
  [
    'a skip goes before a run that only the forge still shows',
    snapshotOf({ skipped: [byAda], statuses: [seen(asked(unit), null)] }),
    [quiet, { kind: 'restate-skip', sha: shaOf('a'), context: 'unit' }],
  ],
  ['R11: a skip that only the forge remembers counts', snapshotOf({ statuses: [skippedStatus('unit')] }), [quiet]],
  [
    'the newest word counts: a job that was asked for after the skip',
    snapshotOf({ jobs: [known(asked(unit), { outcome: passed })], statuses: [skippedStatus('unit')] }),
    [quiet, { kind: 'restate', jobId: asked(unit).id }],
  ],
  [
    'a test by name runs what was skipped, one without names does not',
    snapshotOf({
      plan: both,
      jobs: [known(deploy, { outcome: passed })],
      skipped: [byAda],
      remembersStatuses: false,
      requests: [say('test'), say('test', { id: 'r2', contexts: ['unit'] })],
    }),
    [run(asked(deploy)), done, run(asked(unit, 'r2')), { kind: 'request-done', requestId: 'r2' }, quiet],
  ],
]);
