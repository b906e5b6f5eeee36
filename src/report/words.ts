import type { Notice } from '../core/action.ts';
import { jobIdOf } from '../core/job.ts';
import { isNoVerdict, type BrokenCause, type FailureReason, type Outcome, type Phase } from '../core/outcome.ts';
import { formatRunPath, formatSkipPath } from '../core/run-link.ts';
import type { Verdict } from '../core/verdict.ts';
import { verdictStateOf } from '../decide/verdict-state.ts';
import type { JobStanding, ReportDue } from '../ledger/report-due.ts';

// GitHub refuses a status description over 140 characters with 422, so we cut at a word.
// https://docs.github.com/en/rest/commits/statuses
const longestSentence = 140;

/** At most 140 characters, cut at a word; no line breaks, control characters or halves of a character. */
export function oneLine(text: string, longest = longestSentence): string {
  const plain = text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ')
    .trim()
    .toWellFormed();
  if (plain.length <= longest) return plain;
  const room = plain.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, '');
  const lastSpace = room.lastIndexOf(' ');
  return `${lastSpace > longest / 2 ? room.slice(0, lastSpace) : room}…`;
}

/** `95 s`, `12 min`, `3 h 5 min`. */
export function durationWords(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000);
  if (seconds < 100) return `${String(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${String(minutes)} min`;
  return `${String(Math.floor(minutes / 60))} h ${String(minutes % 60)} min`;
}

const phaseWords: Readonly<Record<Phase, string>> = {
  claimed: 'Starting',
  checkout: 'Fetching the sources',
  starting: 'Starting the container',
  running: 'In progress',
  saving: 'Saving the results',
};

const failureWords: Readonly<Record<FailureReason, string>> = {
  exit: 'Tests failed',
  'merge-conflict': 'Does not merge with its base branch',
  'container-file': 'The container file cannot be used',
  'unknown-image': 'The registry does not know the container image',
  'nothing-to-run': 'Nothing to run',
  'disk-limit': 'Stopped: used more disk than allowed',
  'log-limit': 'Stopped: printed more than allowed',
  'out-of-memory': 'Stopped: used more memory than allowed',
};

const brokenWords: Readonly<Record<BrokenCause, string>> = {
  lost: 'The worker was lost',
  'gave-back': 'The worker left',
  checkout: 'The sources could not be fetched',
  'image-pull': 'The container image could not be fetched',
  executor: 'The container could not be run',
  disk: 'The disk of the worker is full',
  store: 'The log store could not be reached',
  poison: 'No worker could take the job',
  'worker-restart': 'The worker was restarted',
  refused: 'The worker cannot run this job',
  internal: 'A fault in groundcrew',
};

/** How an attempt or job came out, as one sentence. */
export function outcomeWords(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'passed':
      return 'Passed';
    case 'failed':
      return oneLine(failureSentence(outcome));
    case 'timed-out':
      return `Timed out after ${durationWords(outcome.afterMs)}`;
    case 'canceled':
      return oneLine(canceledSentence(outcome));
    case 'broken':
      return oneLine(
        `Infrastructure: ${brokenWords[outcome.cause]}${outcome.detail === undefined ? '' : `: ${outcome.detail}`}`,
      );
    default:
      return outcome satisfies never;
  }
}

/** The last line of a log: how the job came out, after how long and with which exit status. */
export function endWords(outcome: Outcome, tookMs: number | null): string {
  const status =
    outcome.kind === 'failed' &&
    outcome.exitCode !== null &&
    (outcome.reason !== 'exit' || outcome.detail !== undefined)
      ? `, exit status ${String(outcome.exitCode)}`
      : '';
  const after =
    tookMs === null || tookMs < 1000 || outcome.kind === 'timed-out' ? '' : ` after ${durationWords(tookMs)}`;
  return `${outcomeWords(outcome)}${status}${after}`;
}

function failureSentence(outcome: Outcome & { readonly kind: 'failed' }): string {
  const what = failureWords[outcome.reason];
  if (outcome.detail !== undefined) return `${what}: ${outcome.detail}`;
  return outcome.reason === 'exit' && outcome.exitCode !== null
    ? `${what} (exit status ${String(outcome.exitCode)})`
    : what;
}

function canceledSentence(outcome: Outcome & { readonly kind: 'canceled' }): string {
  switch (outcome.reason) {
    case 'superseded':
      return `Superseded by ${shortSha(outcome.by)}`;
    case 'closed':
      return 'Canceled: closed';
    case 'untrusted':
      return 'Canceled: its author is not trusted any more; waits for approval';
    case 'policy':
      return `Canceled: the configuration has no such ${outcome.by === 'project' ? 'project' : 'check'} any more`;
    case 'person':
      return `Canceled by ${outcome.by}`;
    case 'withdrawn':
      return 'Withdrawn: another attempt was first';
    default:
      return outcome.reason satisfies never;
  }
}

/** Where a job stands, as one sentence. `whyWaiting` is said while it waits, if somebody knows. */
export function standingWords(standing: JobStanding, whyWaiting: string | null): string {
  if (standing.outcome !== null) return outcomeWords(standing.outcome);
  const again = standing.attempts > 1 ? ` (attempt ${String(standing.attempts)})` : '';
  switch (standing.state) {
    case 'running':
      return `${phaseWords[standing.phase ?? 'claimed']}${again}`;
    case 'offered':
      return `Waiting for a worker${again}`;
    case 'waiting':
      return oneLine(whyWaiting === null ? 'Waiting' : `Waiting: ${whyWaiting}`);
    case 'ended':
      return 'Ended';
    default:
      return standing.state satisfies never;
  }
}

/** What is to be told, and of which commit: some sentences name it. */
export type Told = Pick<ReportDue, 'about' | 'sha'>;

/** What the forge is told. `whyWaiting` is said of a job that waits, if somebody knows. */
export function verdictOf(report: Told, whyWaiting: string | null): Verdict {
  const { about } = report;
  if (about.kind === 'notice') return noticeVerdict(report, about.notice);
  const { standing, job } = about;
  return {
    state: verdictStateOf(standing.outcome),
    sentence: standingWords(standing, whyWaiting),
    path: formatRunPath({
      jobId: standing.jobId,
      generation: standing.generation,
      changeJobId: jobIdOf({ ...job, occasion: 'change' }),
      isCanceled: isNoVerdict(standing.outcome),
    }),
  };
}

function noticeVerdict({ sha }: Told, notice: Notice | null): Verdict {
  if (notice === null) return { state: 'success', sentence: 'Nothing to wait for', path: '/' };
  switch (notice.kind) {
    case 'needs-approval':
      // Says how, and for which commit, by its whole name: others with the same first digits are easily made.
      return {
        state: 'pending',
        sentence: `Waiting: a maintainer may comment /ok-to-test ${sha}`,
        path: '/',
      };
    case 'nothing-to-run':
      return { state: 'success', sentence: oneLine(notice.sentence), path: '/' };
    case 'skipped':
      return {
        state: 'success',
        sentence: oneLine(notice.sentence),
        path: formatSkipPath({ isByPolicy: notice.isByPolicy === true }),
      };
    default:
      return notice.kind satisfies never;
  }
}

/** As much of a commit id as people are shown. */
export function shortSha(sha: string): string {
  return sha.slice(0, 12);
}
