import { InvalidArgumentError, type Command } from 'commander';
import { z } from 'zod';
import { UsageError } from '../../base/errors.ts';
import { exitCode } from '../exit-code.ts';
import { label } from '../parse-option.ts';
import { addVerb, loadToLook, withConfig, withJson, type ConfigOptions, type Frame } from '../verb.ts';

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
    trust: z.enum(['trusted', 'untrusted', 'unknown']),
  }),
  contexts: z.array(z.object({ context: z.string(), runs: z.boolean(), why: z.string() })),
});

/** `policy import|explain`. */
export function addPolicy(program: Command, frame: Frame): void {
  const policy = addVerb(program, {
    usage: 'policy',
    summary: 'say what is tested and why; take over a test map of Cockpit',
    examples: [['groundcrew policy explain owner/repo#7', 'why each context runs or does not']],
  });
  addExplain(policy, frame);
  addImport(policy, frame);
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
    const { settings } = await loadToLook(context, options);
    const { namedPlace, placeWords } = await import('../named-place.ts');
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
    const { change, contexts, policy: version } = Explained.parse(answer);
    const whose = `${change.author}, ${trustWords[change.trust]}`;
    await context.out.line(plainText(`${placeWords(place)} at ${change.headSha.slice(0, 12)}  ${change.title}`));
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
          { head: 'WHY', cell: (one) => one.why, isWrapped: true },
        ],
        contexts,
      );
    }
    done(exitCode.ok);
  });
}

const trustWords = {
  trusted: 'trusted',
  untrusted: 'a stranger',
  unknown: 'of whom nobody can tell now whether they are trusted',
} as const;

interface ImportOptions {
  readonly forge: string;
  readonly rhelPool?: string;
  readonly json?: boolean;
}

function addImport(policy: Command, { context, done }: Frame): void {
  const command = addVerb(policy, {
    usage: 'import <file>',
    summary: 'make a configuration of a test map of Cockpit',
    details:
      'FILE holds the map as JSON: repository, branch, contexts, and _manual for those that no push starts. The configuration ' +
      'goes to stdout, with comments; what could not be taken over is told there and on stderr.',
    examples: [
      ['groundcrew policy import test-map.json > groundcrew.yaml', 'then groundcrew config check groundcrew.yaml'],
      ['groundcrew policy import test-map.json --rhel-pool inside', 'RHEL runs on the workers of that pool'],
    ],
  })
    .option('--forge <name>', 'the name that the forge gets', forgeWord, 'github')
    .option('--rhel-pool <name>', 'the pool of contexts with rhel in them (default: that of all)', label);
  withJson(command).action(async (file: string, options: ImportOptions) => {
    const path = await import('node:path');
    const { readTextFile } = await import('../../config/read-yaml.ts');
    const { importTestMap } = await import('../../decide/import-test-map.ts');
    const { testMapYaml } = await import('../../config/test-map-yaml.ts');
    const { plainJson, plainText } = await import('../output/plain-text.ts');
    const map = jsonOf(readTextFile(path.resolve(context.cwd, file)), file);
    const imported = importTestMap(map, { rhelPool: options.rhelPool ?? null });
    if (imported.kind === 'refused') throw new UsageError('cli/bad-test-map', `${file}: ${imported.why}`);
    const { projects, ignored } = imported;
    if (projects.length === 0) {
      const [first = 'expected OWNER/REPO, then branches with their contexts'] = ignored;
      throw new UsageError('cli/bad-test-map', `${file}: nothing could be taken over: ${first}`);
    }
    for (const line of ignored) await context.err.line(plainText(`groundcrew: not taken over: ${line}`));
    if (options.json === true) await context.out.line(plainJson({ projects, ignored }));
    else await context.out.write(testMapYaml({ source: file, forge: options.forge, projects, ignored }));
    done(exitCode.ok);
  });
}

function jsonOf(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new UsageError('cli/bad-test-map', `${file}: is not JSON`, { cause });
  }
}

function forgeWord(text: string): string {
  if (/^[a-z][a-z0-9-]{0,30}$/.test(text) && text !== 'git') return text;
  throw new InvalidArgumentError('expected lower-case letters, digits and -, and not git');
}
