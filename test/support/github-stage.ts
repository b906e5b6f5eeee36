import type { FakeGitHub, FakeGitHubOptions } from '../../src/forge/github/fake/fake-github.ts';
import { openFakeGitHub } from './fake-github.ts';
import { type Ask, asker } from './github-call.ts';
import type { CleansUp } from './temp-dir.ts';

/** A fake GitHub with `ada`, her repository `ada/tool`, and `eve`, who has nothing to do with it. */
export interface GitHubStage {
  readonly github: FakeGitHub;
  /** Asks as this person; null: as nobody. */
  readonly as: (login: string | null) => Ask;
  /** Asks as ada. */
  readonly ask: Ask;
  /** Where `main` of `ada/tool` is. */
  readonly main: string;
}

/** Opens it for a test, with the options of the fake. */
export async function openGitHubStage(
  context: CleansUp,
  options: FakeGitHubOptions & { readonly isPrivate?: boolean } = {},
): Promise<GitHubStage> {
  const { isPrivate, ...rest } = options;
  const github = await openFakeGitHub(context, rest);
  github.people.createUser('ada');
  github.people.createUser('eve');
  const repo = await github.people.createRepo({ name: 'ada/tool', isPrivate: isPrivate ?? false });
  const as = (login: string | null): Ask => asker(github.url, login === null ? null : github.people.createToken(login));
  return { github, as, ask: as('ada'), main: repo.state.branches.get('main') ?? '' };
}
