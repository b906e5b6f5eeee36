import type { Command } from 'commander';
import { GroundcrewError, UsageError } from '../../base/errors.ts';
import { sleep } from '../../base/clock.ts';
import type { RunSummary } from '../../ledger/ledger-reader.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { addVerb, loadToLook, withConfig, withDryRun, withReader, type ConfigOptions, type Frame } from '../verb.ts';
import type { CommandContext } from '../wiring.ts';
import type { Settings } from '../../config/settings.ts';
import type { Ask } from '../client.ts';

interface TriggerOptions extends ConfigOptions {
  readonly follow?: boolean;
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

/** How long `--follow` waits for a run to appear: intake looks at the forge first. */
const appearMs = 60_000;
const lookAgainMs = 200;

/** `trigger`: test a branch, pull request or commit once more, or a check that is only run by hand. */
export function addTrigger(program: Command, { context, done }: Frame): void {
  const command = addVerb(program, {
    usage: 'trigger [repo] [ref] [context...]',
    summary: 'have the server test a branch, pull request or commit',
    details:
      'REPO is the name of a project or a path (default: the repository of this directory); REF a branch, #PULL or a full commit ' +
      'id (default: the branch that is checked out); OWNER/REPO#PULL and the address of a pull request name both. Contexts: all ' +
      'that are not manual. With --follow the exit status is that of the runs.',
    examples: [
      ['groundcrew trigger', 'the branch that is checked out here'],
      ['groundcrew trigger my-project main --follow', 'a branch, and watch it'],
      ['groundcrew trigger owner/repo#7 fedora-44/storage', 'one check of a pull request'],
    ],
  })
    .option('-f, --follow', 'show the logs until the runs have ended')
    .option('--json', 'print the answer as JSON');
  withDryRun(withConfig(command)).action(
    async (repo: string | undefined, ref: string | undefined, contexts: readonly string[], options: TriggerOptions) => {
      const { settings } = await loadToLook(context, options);
      const { ask, about } = await askFor({ settings, repo, ref, contexts }, context);
      const { plainJson, plainText } = await import('../output/plain-text.ts');
      if (options.dryRun === true) {
        await context.out.line(options.json === true ? plainJson(ask) : plainText(`would ask to test ${about}`));
        done(exitCode.ok);
        return;
      }
      const { connect } = await import('../client.ts');
      const askedAt = context.clock.now();
      const answer = await connect(settings.paths).ask(ask, context.interruption());
      if (options.json === true) await context.out.line(plainJson(answer));
      else await context.err.line(plainText(`asked to test ${about}`));
      done(options.follow === true ? await follow({ settings, ask, askedAt, ...answer }, context) : exitCode.ok);
    },
  );
}

async function askFor(
  given: {
    readonly settings: Settings;
    readonly repo: string | undefined;
    readonly ref: string | undefined;
    readonly contexts: readonly string[];
  },
  context: CommandContext,
): Promise<{ readonly ask: Ask; readonly about: string }> {
  const { parseContext } = await import('../../core/check-context.ts');
  const { bothIn, namedPlace, placeWords } = await import('../named-place.ts');
  const { settings, repo: word, ref } = given;
  // After a word that names the whole place, all that follows are contexts.
  const isWhole = word !== undefined && ref !== undefined && bothIn(word) !== null;
  const contexts = isWhole ? [ref, ...given.contexts] : given.contexts;
  for (const name of contexts) {
    if (parseContext(name) === null)
      throw new UsageError('cli/usage', `${name}: is not a context such as test or fedora-44/storage`);
  }
  const place = await namedPlace({ repo: word, ref: isWhole ? undefined : ref }, settings, context);
  const { repo, changeKey, sha } = place;
  const asked = { kind: 'test', by: context.user, repo, contexts } as const;
  const ask = changeKey === null ? { ...asked, sha: sha ?? '' } : { ...asked, changeKey };
  return { ask, about: placeWords(place) };
}

async function follow(
  asked: { readonly settings: Settings; readonly ask: Ask; readonly askedAt: number; readonly deliveryId: string },
  context: CommandContext,
): Promise<ExitCode> {
  const wiring = await context.wiring();
  const { createAttemptLogs } = await import('../attempt-log.ts');
  const { followRun, exitOf } = await import('../follow-run.ts');
  const { placeKey } = await import('../find-run.ts');
  const signal = context.interruption();
  const { settings } = asked;
  const openLog = createAttemptLogs({
    settings,
    openLog: await wiring.openLogs(settings, context),
    clock: context.clock,
  });
  const { ask } = asked;
  const isMeant = (run: RunSummary): boolean =>
    run.repo === ask.repo &&
    (ask.changeKey === undefined ? run.sha === ask.sha : placeKey(run) === ask.changeKey) &&
    ((ask.contexts ?? []).length === 0 || ask.contexts?.includes(run.context) === true) &&
    // What waited or ran already is not queued twice, so it answers the question as well.
    (run.occasion === `request:${asked.deliveryId}` || run.queuedAt >= asked.askedAt || run.state !== 'ended');
  return withReader(context, settings, async (reader) => {
    if (reader === null) throw new GroundcrewError('cli/nothing-started', 'there is no ledger yet');
    const followed = new Set<string>();
    let worst: ExitCode = exitCode.ok;
    for (;;) {
      const { runs } = await reader.listRuns({ limit: 100, ...(ask.repo === undefined ? {} : { repo: ask.repo }) });
      const next = runs.findLast((run) => isMeant(run) && !followed.has(run.jobId));
      if (next !== undefined) {
        followed.add(next.jobId);
        await context.err.line(`groundcrew: run ${next.jobId.slice(0, 8)}, ${next.context}`);
        const outcome = await followRun({ reader, openLog, isRaw: false }, next.jobId, context);
        if (outcome === null) return signal.aborted ? exitCode.interrupted : exitCode.machinery;
        const code = exitOf(outcome);
        if (code > worst) worst = code;
        continue;
      }
      if (followed.size > 0) return worst;
      if (signal.aborted) return exitCode.interrupted;
      if (context.clock.now() - asked.askedAt > appearMs) {
        throw new GroundcrewError(
          'cli/nothing-started',
          'nothing was started; groundcrew queue shows what is held and why',
        );
      }
      await sleep(context.clock, lookAgainMs, signal);
    }
  });
}
