import type { Action } from '../core/action.ts';
import type { Snapshot } from '../core/snapshot.ts';

/** How the policy stands. `problem`: what is wrong with the file as it is now; the version is that of what is in force. */
export interface PolicySeen {
  readonly version: string;
  /** Epoch ms. */
  readonly since: number;
  readonly problem: string | null;
  readonly needsRestart: readonly string[];
}

/** What a scan of one repository did. */
export interface ScanSeen {
  readonly places: number;
  readonly looked: number;
  readonly changed: number;
  readonly failed: number;
  readonly tookMs: number;
}

/** A watched repository. */
export interface RepoSeen {
  readonly forge: string;
  readonly repo: string;
}

/** Why a context runs at a place, or does not: one sentence. */
export interface ContextReason {
  readonly context: string;
  readonly runs: boolean;
  readonly why: string;
}

/** What the running server tells and does for whoever runs it, besides requests about single runs. */
export interface Operator {
  policy(): PolicySeen;
  repos(): readonly RepoSeen[];
  /** Looks at every place of a repository, and decides. Null: it is not watched. @throws GroundcrewError */
  scan(repo: RepoSeen): Promise<ScanSeen | null>;
  /** The places that a scan would look at, as change keys. @throws GroundcrewError */
  places(repo: RepoSeen, signal: AbortSignal): Promise<readonly string[]>;
  /** What would be decided there now, and on what; nothing is done. Null: no such place. @throws GroundcrewError */
  peek(
    repo: RepoSeen,
    changeKey: string,
    signal: AbortSignal,
  ): Promise<{ readonly snapshot: Snapshot; readonly actions: readonly Action[] } | null>;
  /** Of each context why it runs or not. */
  explain(snapshot: Snapshot): readonly ContextReason[];
}
