import type { Json } from './json.ts';
import { issueJson } from './json-issue.ts';
import { fullPull, isPull } from './json-pull.ts';
import type { Issue, Repository } from './records.ts';
import { accountOf, change, withEntry, type World } from './world.ts';

/** Stores an issue or a pull request as it is from now on. */
export function putIssue(world: World, repo: Repository, issue: Issue): void {
  change(world, repo, { issues: withEntry(repo.state.issues, issue.number, issue) });
}

/** Tells the hooks about an issue (`issues`) or a pull request (`pull_request`), as it is at this moment. */
export function announceIssue(
  world: World,
  repo: Repository,
  issue: Issue,
  what: { readonly action: string; readonly [key: string]: unknown },
  by: string,
): void {
  const { state } = repo;
  const payload = async (): Promise<Json> =>
    isPull(issue)
      ? { ...what, number: issue.number, pull_request: await fullPull(world, repo, state, issue) }
      : { ...what, issue: issueJson(world, repo, state, issue) };
  const event = isPull(issue) ? 'pull_request' : 'issues';
  world.announce({ event, action: what.action, repo, installation: null, sender: accountOf(world, by), payload });
}
