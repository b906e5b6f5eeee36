import type { Command } from 'commander';
import { z } from 'zod';
import { UsageError } from '../../base/errors.ts';
import { exitCode } from '../exit-code.ts';
import { addVerb, loadSettings, withConfig, withJson, type ConfigOptions, type Frame } from '../verb.ts';

interface PolicyOptions extends ConfigOptions {
  readonly json?: boolean;
}

const Explained = z.object({
  repo: z.string(),
  changeKey: z.string(),
  policy: z.string(),
  change: z.object({
    headSha: z.string(),
    baseRef: z.string(),
    title: z.string(),
    author: z.string(),
    isTrusted: z.boolean(),
  }),
  contexts: z.array(z.object({ context: z.string(), runs: z.boolean(), why: z.string() })),
});

/** `policy explain`. */
export function addPolicy(program: Command, frame: Frame): void {
  const policy = addVerb(program, {
    usage: 'policy',
    summary: 'say what is tested and why',
    examples: [['groundcrew policy explain owner/repo#7', 'why each context runs or does not']],
  });
  addExplain(policy, frame);
}

function addExplain(policy: Command, { context, done }: Frame): void {
  const command = addVerb(policy, {
    usage: 'explain <place> [ref]',
    summary: 'say of each context why it runs or not',
    details:
      'PLACE is OWNER/REPO#PULL, REPO@BRANCH, the address of a pull request, or a project with REF beside it. Asks the running ' +
      'server, which looks at the forge; nothing is done.',
    examples: [
      ['groundcrew policy explain owner/repo#7', 'a pull request'],
      ['groundcrew policy explain owner/repo main --json', 'a branch, for a script'],
    ],
  });
  withJson(withConfig(command)).action(async (word: string, ref: string | undefined, options: PolicyOptions) => {
    const { settings } = await loadSettings(context, options);
    const { namedPlace } = await import('../named-place.ts');
    const place = await namedPlace({ repo: word, ref }, settings, context);
    if (place.changeKey === null) throw new UsageError('cli/usage', 'name a pull request or a branch, not a commit');
    const { connect } = await import('../client.ts');
    const where = place.changeKey.slice(place.forge.length + place.repo.length + 2);
    const query = new URLSearchParams({ repo: place.repo, place: where });
    const answer = await connect(settings.paths).get(`/api/explain?${query.toString()}`, context.interruption());
    const { plainJson, plainText } = await import('../output/plain-text.ts');
    if (options.json === true) {
      await context.out.line(plainJson(answer));
      done(exitCode.ok);
      return;
    }
    const { repo, change, contexts, policy: version } = Explained.parse(answer);
    const whose = `${change.author}, ${change.isTrusted ? 'trusted' : 'a stranger'}`;
    await context.out.line(plainText(`${repo} ${where} at ${change.headSha.slice(0, 12)}  ${change.title}`));
    await context.out.line(plainText(`by ${whose}; for ${change.baseRef}; policy ${version}`));
    if (contexts.length === 0) await context.err.line('the policy wants nothing here');
    else {
      const { printTable } = await import('../output/table.ts');
      await printTable(
        context.out,
        [
          { head: 'CONTEXT', cell: (one) => one.context, isFlexible: true },
          {
            head: 'RUNS',
            cell: (one) => (one.runs ? 'yes' : 'no'),
            style: (one) => (one.runs ? 'green' : 'dim'),
          },
          { head: 'WHY', cell: (one) => one.why, isFlexible: true },
        ],
        contexts,
      );
    }
    done(exitCode.ok);
  });
}
