import { z } from 'zod';
import { plain } from '../../../base/git.ts';
import { hashOf } from '../../../base/ids.ts';
import type { IssueToKeep } from '../../forge.ts';
import { isSamePerson } from '../account/actor.ts';
import { markerLine, withMarker } from './comment-marker.ts';
import { callAt, type GitHubHub, type RepoCall } from '../hub.ts';
import { postedContext } from './status-words.ts';
import { createTurns, type Turns } from '../client/turns.ts';

/** By it our issues are found again, among however many. */
const ourLabel = 'groundcrew';

const issueSchema = z.object({
  number: z.int().positive(),
  state: z.string(),
  title: z.string(),
  body: z.string().nullable(),
  user: z.object({ login: z.string() }).nullable(),
  labels: z.array(z.union([z.string(), z.object({ name: z.string().nullish() })])),
  // An issue that is a pull request has it.
  pull_request: z.unknown().optional(),
});
type IssueSeen = z.output<typeof issueSchema>;

/** Keeps issues as they should be. `me` tells our own login. */
export interface Issues {
  keep(issue: IssueToKeep, signal: AbortSignal): Promise<void>;
}

/**
 * One open issue for each key, found by our label and a hidden line in the text, whoever else uses the same label. Of two
 * (made by a server that lost its ledger on a lagging replica) the older one stays.
 */
export function createIssues(hub: GitHubHub, me: (signal: AbortSignal) => Promise<string>): Issues {
  const { client, cache } = hub;
  const turns = new Map<string, Turns>();

  const findOpen = async (
    { at, call }: RepoCall,
    key: string,
    keptNumber: number | null,
  ): Promise<readonly IssueSeen[]> => {
    const line = markerLine(key);
    const login = await me(call.signal);
    const isIt = (issue: IssueSeen): boolean =>
      issue.pull_request === undefined &&
      issue.state === 'open' &&
      (issue.body ?? '').includes(line) &&
      issue.user !== null &&
      isSamePerson(issue.user.login, login);
    const found = new Map<number, IssueSeen>();
    const parameters = { ...at, state: 'open', labels: ourLabel };
    for await (const page of client.pages('GET /repos/{owner}/{repo}/issues', parameters, z.array(issueSchema), call)) {
      for (const issue of page) if (isIt(issue)) found.set(issue.number, issue);
    }
    // Just made, it may be missing in the list; and somebody may have taken our label from it.
    if (keptNumber !== null && !found.has(keptNumber)) {
      const route = 'GET /repos/{owner}/{repo}/issues/{issue_number}';
      const issue = await client.getOrNull(route, { ...at, issue_number: keptNumber }, issueSchema, call);
      if (issue !== null && isIt(issue)) found.set(issue.number, issue);
    }
    return [...found.values()].sort((a, b) => a.number - b.number);
  };

  const keep = async (issue: IssueToKeep, signal: AbortSignal): Promise<void> => {
    const target = await callAt(hub, issue.repo, signal);
    const { at, call } = target;
    const noteKey = hashOf([issue.repo.toLowerCase(), issue.key], 40);
    const kept = Number(cache.note('issue', noteKey)?.value ?? 'none');
    // Beside another server of the same account each keeps its own.
    const name = postedContext(issue.key, hub.statuses);
    const open = await findOpen(target, name, Number.isSafeInteger(kept) ? kept : null);
    const [first, ...others] = open;
    const patch = (number: number, changes: Readonly<Record<string, string | readonly string[]>>): Promise<unknown> =>
      client.write(
        'PATCH /repos/{owner}/{repo}/issues/{issue_number}',
        { ...at, issue_number: number, ...changes },
        z.unknown(),
        { ...call, isIdempotent: true },
      );
    for (const other of others) await patch(other.number, { state: 'closed', state_reason: 'not_planned' });
    const title = plain(issue.title).slice(0, 256);
    const body = withMarker(issue.text, name);
    const labels = [...new Set([ourLabel, ...issue.labels])];
    if (!issue.isOpen) {
      if (first !== undefined) await patch(first.number, { title, body, state: 'closed', state_reason: 'completed' });
      await cache.dropNote('issue', noteKey);
      return;
    }
    if (first === undefined) {
      const route = 'POST /repos/{owner}/{repo}/issues';
      const made = await client.write(route, { ...at, title, body, labels }, issueSchema, call);
      await cache.keepNote('issue', noteKey, String(made.number));
      return;
    }
    await cache.keepNote('issue', noteKey, String(first.number));
    const has = first.labels.map((label) => (typeof label === 'string' ? label : (label.name ?? '')));
    const isMissingLabel = labels.some((label) => !has.includes(label));
    if (first.title === title && first.body?.replaceAll('\r\n', '\n') === body && !isMissingLabel) return;
    // Labels of people stay.
    await patch(first.number, {
      title,
      body,
      ...(isMissingLabel ? { labels: [...new Set([...has, ...labels])] } : {}),
    });
  };

  return {
    async keep(issue, signal) {
      if (hub.statuses.kind === 'none') return;
      // Two at once for one key would both find none.
      const key = `${issue.repo.toLowerCase()} ${issue.key}`;
      const turn = turns.get(key) ?? createTurns(1);
      turns.set(key, turn);
      const leave = await turn.take(signal);
      if (leave === null) return;
      try {
        await keep(issue, signal);
      } finally {
        leave();
      }
    },
  };
}
