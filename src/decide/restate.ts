import type { Action } from '../core/action.ts';
import type { JobKnown } from '../core/snapshot.ts';
import { isAgainWanted, isAskedNow, type Look } from './look.ts';
import { answerOf } from './standing.ts';
import { verdictStateOf } from './verdict-state.ts';

/** Statuses that have to be posted again, for contexts about which this decision changes nothing. */
export function restate(look: Look): readonly Action[] {
  const isLeftAlone = (context: string): boolean => !isAskedNow(look, context) && !look.settled.skipped.has(context);
  return [...differing(look), ...silenced(look), ...unskipped(look)]
    .filter(({ context }) => isLeftAlone(context))
    .map(({ action }) => action);
}

interface Restated {
  readonly context: string;
  readonly action: Action;
}

/** The forge shows something else for a job than the ledger says: a lost or late post. */
function differing({ snapshot, speaker, statuses, settled }: Look): readonly Restated[] {
  if (!snapshot.remembersStatuses) return [];
  return [...speaker.values()]
    .filter((job) => {
      if (settled.stale.has(job.id)) return false;
      const seen = statuses.get(job.context);
      return seen?.jobId !== job.id || seen.generation !== job.generation || seen.state !== verdictStateOf(job.outcome);
    })
    .map((job) => ({ context: job.context, action: { kind: 'restate', jobId: job.id } }));
}

/** The forge shows something else for a context that a person skipped. What the policy skips, it decides each time anew. */
function unskipped({ snapshot, skipped, speaker, statuses, headSha }: Look): readonly Restated[] {
  if (!snapshot.remembersStatuses) return [];
  return [...skipped.values()]
    .filter(({ context, isByPolicy }) => !isByPolicy && !speaker.has(context) && statuses.get(context)?.isSkip !== true)
    .map(({ context }) => ({ context, action: { kind: 'restate-skip', sha: headSha, context } }));
}

/**
 * The status shows what is no answer here, and there is one. Two places may share a commit (two pull requests, two bases): when
 * the job with the word ended without a verdict because the other place went away, the word goes back to the one that answers
 * here. So it does when this place itself asked something else in between: for another base, which anybody who opened a
 * pull request may set and take back, that one may have passed, or have needed no test.
 */
function silenced(look: Look): readonly Restated[] {
  if (!look.snapshot.change.isOpen) return [];
  return look.checks.flatMap((check): Restated[] => {
    if (!hasOthersWord(look, check.context)) return [];
    const answer = answerOf(look, check);
    if (answer === null || answer.id === look.speaker.get(check.context)?.id) return [];
    return [{ context: check.context, action: { kind: 'restate', jobId: answer.id } }];
  });
}

function hasOthersWord(look: Look, context: string): boolean {
  const speaker = look.speaker.get(context);
  if (speaker === undefined) return look.skipped.get(context)?.isByPolicy === true;
  const isFormer = speaker.changeKey === look.snapshot.change.key && !isAnswering(look, speaker);
  return isFormer || isAgainWanted(speaker) || look.settled.stale.has(speaker.id);
}

function isAnswering({ answering }: Look, job: JobKnown): boolean {
  return answering.get(job.context)?.includes(job) === true;
}
