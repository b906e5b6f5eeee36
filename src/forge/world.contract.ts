import type { CleansUp } from '../../test/support/temp-dir.ts';
import type { VerdictState } from '../core/verdict.ts';
import type { Forge } from './forge.ts';

/** What only a forge that remembers has, and how its people move it. `requestId` is as the forge's views have it. */
export interface RememberedWorld {
  /** Logins: the first is trusted, the second not, and made every pull request. */
  readonly maintainer: string;
  readonly stranger: string;
  /** The context by which an approval is remembered. */
  readonly approvalContext: string;
  /** Resolves with the id of the requests that it holds. */
  comment(pull: number, by: string, body: string): Promise<string>;
  edit(requestId: string, by: string, body: string): Promise<void>;
  comments(pull: number): Promise<readonly string[]>;
  setStatus(
    sha: string,
    by: string,
    status: {
      readonly context: string;
      readonly state: VerdictState;
      readonly description: string;
      readonly targetUrl?: string;
    },
  ): Promise<void>;
  /** Every one, oldest first. */
  statuses(
    sha: string,
  ): Promise<readonly { readonly context: string; readonly state: string; readonly isOurs: boolean }[]>;
  retitle(pull: number, title: string): Promise<void>;
  closePull(pull: number): Promise<void>;
  openIssues(): Promise<readonly { readonly title: string; readonly text: string }[]>;
  openIssue(by: string, title: string, text: string): Promise<void>;
}

/** The world behind a forge under test, moved as its people would. */
export interface ForgeWorld {
  readonly forge: Forge;
  /** How long to wait for what a watch must tell (ms); 30 s. */
  readonly patienceMs?: number;
  /** A watched repository. It begins with one commit on `main`, the default branch. */
  readonly repo: string;
  /** Commits to a branch, which is made from `main` when it is not there. Text is a file, null deletes it. */
  commit(commit: {
    readonly branch: string;
    readonly files: Readonly<Record<string, string | { readonly link: string } | null>>;
    readonly title?: string;
  }): Promise<string>;
  deleteBranch(branch: string): Promise<void>;
  /** Opens a pull request with this commit, or moves it there. */
  setPull(pull: number, sha: string): Promise<void>;
  /** The same forge after a restart of our process, with what it keeps on disk. */
  reopened(): Forge;
  /** Takes the repository away. */
  breakIt(): Promise<void>;
  /** Where statuses, comments and issues are kept; absent where the forge keeps none. */
  readonly remembered?: RememberedWorld;
}

/** What some forges have and others have not: they tell movements (`watch`), they remember what is said. */
export type ForgeAbility = 'movements' | 'memory';

/** One thing that every forge must hold. */
export interface ForgeClause {
  readonly title: string;
  /** Only for forges with this ability. */
  readonly of?: ForgeAbility;
  /** In a fresh world. */
  readonly run: (world: ForgeWorld, context: CleansUp) => Promise<void>;
}
