import type { Forge } from '../forge/forge.ts';
import type { ForgeChore, IssueDue, ReportDue } from '../ledger/report-due.ts';
import type { Verdict } from '../core/verdict.ts';
import { issueOf } from './issue-words.ts';
import { quietText } from './plain-text.ts';

/** GitHub takes 65,536 characters; the adapter's mark needs some. https://docs.github.com/en/rest/issues/comments */
const longestText = 65_000;

/** Shows a status. `publicUrl` without trailing slash; null: no link. */
export async function tellStatus(
  forge: Forge,
  { repo, sha, context }: ReportDue,
  { said, publicUrl }: { readonly said: Verdict; readonly publicUrl: string | null },
  signal: AbortSignal,
): Promise<void> {
  const targetUrl = publicUrl === null ? null : publicUrl + said.path;
  await forge.setStatus({ repo, sha, context, state: said.state, description: said.sentence, targetUrl }, signal);
}

/** Has the forge remember something (R11), or answers a person. */
export async function tellChore(forge: Forge, chore: ForgeChore, signal: AbortSignal): Promise<void> {
  if (chore.kind === 'approve') await forge.rememberApproval(chore.repo, chore.sha, chore.by, signal);
  else if (chore.kind === 'request-done')
    await forge.markRequestDone(chore.repo, chore.requestId, signal, chore.answer);
  else {
    const { repo, pull, marker } = chore;
    await forge.comment?.({ repo, pull, marker, text: quietText(chore.text, longestText) }, signal);
  }
}

/** Opens, updates or closes an issue. */
export async function tellIssue(
  forge: Forge,
  issue: IssueDue,
  publicUrl: string | null,
  signal: AbortSignal,
): Promise<void> {
  const wanted = issueOf(issue, publicUrl);
  await forge.keepIssue?.({ ...wanted, text: quietText(wanted.text, longestText) }, signal);
}
