import type { IssueToKeep } from '../forge/forge.ts';
import type { IssueDue } from '../ledger/report-due.ts';
import { codeSpan } from './plain-text.ts';
import { oneLine, outcomeWords, shortSha } from './words.ts';

/** GitHub takes 256 characters; found by trial, the documentation does not say. */
const longestTitle = 250;

/** The issue of a check of a branch as the forge should show it. Branch, context and details are strangers' words. */
export function issueOf(issue: IssueDue, publicUrl: string | null): IssueToKeep {
  const { repo, branch, context } = issue;
  return {
    repo,
    key: `${branch}|${context}`,
    // Titles know no mark-up, but they do call people when they come as mail.
    title: oneLine(`${context} fails on ${branch}`, longestTitle).replaceAll('@', '@\u200b'),
    text: issue.isOpen ? failureText(issue, publicUrl) : successText(issue, publicUrl),
    labels: [],
    isOpen: issue.isOpen,
  };
}

function failureText(issue: IssueDue, publicUrl: string | null): string {
  const { branch, context, failures, failingSince, outcome } = issue;
  const since = failingSince === null ? '' : ` since ${minuteOf(failingSince)}`;
  const times = failures === 1 ? 'once' : `${String(failures)} times in a row`;
  return [
    `${codeSpan(context)} fails on ${codeSpan(branch)}${since}, ${times}.`,
    '',
    `- How it ended last: ${codeSpan(outcomeWords(outcome))}`,
    runLine(issue, publicUrl),
    '',
    'This text is kept up to date, though not at every run, and the issue is closed when the check passes again.',
  ].join('\n');
}

function successText(issue: IssueDue, publicUrl: string | null): string {
  const { branch, context, failingSince } = issue;
  const since = failingSince === null ? '' : ` It had failed since ${minuteOf(failingSince)}.`;
  return [`${codeSpan(context)} passes again on ${codeSpan(branch)}.${since}`, '', runLine(issue, publicUrl)].join(
    '\n',
  );
}

function runLine({ job }: IssueDue, publicUrl: string | null): string {
  const commit = `commit ${shortSha(job.subject.sha)}`;
  if (publicUrl === null) return `- Newest run: ${job.id.slice(0, 12)}, ${commit}`;
  return `- Newest run: ${publicUrl}/runs/${job.id}, ${commit}`;
}

/** `2026-11-22 02:00 UTC` */
function minuteOf(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
