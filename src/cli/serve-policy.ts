import { errorLine } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { LivePolicy } from '../config/live-policy.ts';
import { placeOf, type ProjectPlace } from '../config/policy-version.ts';
import type { Action } from '../core/action.ts';
import { explainChange } from '../decide/explain.ts';
import type { Forge } from '../forge/forge.ts';
import type { RepoSchedule } from '../intake/schedule.ts';
import type { HeldChange, LedgerReader } from '../ledger/ledger-reader.ts';
import type { Operator } from '../web/operator.ts';
import type { Server } from './serve.ts';

/** What joins the policy with the server. */
export interface PolicyParts {
  readonly policy: LivePolicy;
  readonly forges: ReadonlyMap<string, Forge>;
  readonly logger: Logger;
}

/** The schedules of all projects, as they are now. */
export function schedulesOf(policy: LivePolicy): readonly RepoSchedule[] {
  return policy
    .projects()
    .flatMap((project) => (project.policy.schedules ?? []).map((schedule) => ({ ...placeOf(project), schedule })));
}

/**
 * Watches the configuration file until the signal aborts, and looks at all places of the projects that an edit concerns, one
 * project after the other. Never throws.
 */
export async function followPolicy(
  { policy, logger }: PolicyParts,
  server: Pick<Server, 'scanNow' | 'intake'>,
  signal: AbortSignal,
): Promise<void> {
  // By place: edits that come while projects are looked at add to what is owed, once each.
  const owed = new Map<string, ProjectPlace>();
  let working: Promise<void> | null = null;
  const work = async (): Promise<void> => {
    for (const [key, { forge, repo }] of owed) {
      owed.delete(key);
      if (signal.aborted) return;
      try {
        await server.scanNow(forge, repo);
      } catch (error) {
        // What was seen before the edit must not make the next scan pass over it.
        server.intake.forgetLooks();
        logger.warn('a project could not be looked at after an edit; the next scan will', {
          forge,
          repo,
          why: errorLine(error),
        });
      }
    }
  };
  const start = (): void => {
    working ??= work().finally(() => {
      working = null;
      // Something may have come after the last look and before this.
      if (owed.size > 0 && !signal.aborted) start();
    });
  };
  const forget = policy.onChange((changed) => {
    for (const place of changed) owed.set(`${place.forge}|${place.repo}`, place);
    start();
  });
  try {
    await policy.watch(signal);
    // Without a file there is nothing to watch, but a hangup may still tell of an edit.
    if (!signal.aborted) {
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve, { once: true });
      });
    }
  } finally {
    forget();
    await (working as Promise<void> | null);
  }
}

/** A decision says each time what a place is held for, also when it says nothing new. */
function isNews(action: Action, held: readonly HeldChange[]): boolean {
  if (action.kind !== 'notice') return true;
  const { notice } = action;
  return notice === null
    ? held.length > 0
    : !held.some(({ kind, sentence }) => kind === notice.kind && sentence === notice.sentence);
}

/** The server, as whoever runs it asks and tells it. */
export function operatorOf(
  { policy, forges, reader }: PolicyParts & { readonly reader: Pick<LedgerReader, 'held'> },
  server: Pick<Server, 'scanNow' | 'intake'>,
): Operator {
  const openPlaces = async (forge: string, repo: string, signal: AbortSignal): Promise<readonly string[]> =>
    ((await forges.get(forge)?.places(repo, signal)) ?? []).map((place) => place.changeKey);
  return {
    policy: () => policy.state(),
    repos: () => [...forges.values()].flatMap((forge) => forge.repos().map((repo) => ({ forge: forge.name, repo }))),
    scan: ({ forge, repo }) => server.scanNow(forge, repo),
    places: ({ forge, repo }, signal) => openPlaces(forge, repo, signal),
    async peek({ forge, repo }, changeKey, signal) {
      const peek = await server.intake.peek(forge, repo, changeKey, signal);
      if (peek === null) return null;
      const held = (await reader.held()).filter(({ change }) => change.key === changeKey);
      return { ...peek, actions: peek.actions.filter((action) => isNews(action, held)) };
    },
    explain: explainChange,
  };
}
