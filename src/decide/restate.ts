import type { Action } from '../core/action.ts';
import { isAgainWanted, isAskedNow, type Look } from './look.ts';
import { answerOf } from './standing.ts';
import { verdictStateOf } from './verdict-state.ts';

/** Statuses that have to be posted again, for contexts about which this decision changes nothing. */
export function restate(look: Look): readonly Action[] {
  const isLeftAlone = (context: string): boolean => !isAskedNow(look, context) && !look.settled.skipped.has(context);
  return [...differing(look), ...silenced(look)]
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

/**
 * Two places may share a commit (two pull requests, two bases). When the job with the word ended without a verdict because
 * the other place went away, the word goes back to the one that answers here.
 */
function silenced(look: Look): readonly Restated[] {
  if (!look.snapshot.change.isOpen) return [];
  return look.checks.flatMap((check): Restated[] => {
    const speaker = look.speaker.get(check.context);
    if (speaker === undefined || !(isAgainWanted(speaker) || look.settled.stale.has(speaker.id))) return [];
    const answer = answerOf(look, check);
    if (answer === null || answer.id === speaker.id) return [];
    return [{ context: check.context, action: { kind: 'restate', jobId: answer.id } }];
  });
}
