import type { Command } from 'commander';
import type { LedgerReader } from '../../ledger/ledger-reader.ts';
import type { Ask } from '../client.ts';
import { UsageError } from '../../base/errors.ts';
import { exitCode } from '../exit-code.ts';
import { plainText } from '../output/plain-text.ts';
import {
  addVerb,
  loadToLook,
  withConfig,
  withDryRun,
  withReader,
  type ConfigOptions,
  type Frame,
  type VerbWords,
} from '../verb.ts';

interface AskOptions extends ConfigOptions {
  readonly dryRun?: boolean;
}

type Asker = 'cancel' | 'retry' | 'approve';

const words: Readonly<Record<Asker, VerbWords>> = {
  cancel: {
    usage: 'cancel <name...>',
    summary: 'stop runs, or take them out of the queue',
    details:
      'A name is a run, a commit, #PULL, REPO#PULL or REPO@BRANCH; the last four mean the newest run of each context.',
    examples: [
      ['groundcrew cancel 3f9a1c', 'one run'],
      ['groundcrew cancel my-project#7', 'whatever runs for a pull request'],
    ],
  },
  retry: {
    usage: 'retry <name...>',
    summary: 'run ended runs again',
    details:
      'A name is a run, a commit, #PULL, REPO#PULL or REPO@BRANCH; the last four mean the newest run of each context that has not passed.',
    examples: [
      ['groundcrew retry 3f9a1c', 'one run'],
      ['groundcrew retry my-project@main', 'what failed on a branch'],
    ],
  },
  approve: {
    usage: 'approve <name...>',
    summary: 'let a stranger’s commit be tested',
    details:
      'A name is a commit, #PULL or REPO#PULL. The approval is for the commit that the server shows now; a later push waits again.',
    examples: [
      ["groundcrew approve '#7'", 'the head of a pull request'],
      ['groundcrew approve 1a2b3c4d', 'one commit'],
    ],
  },
};

/** `cancel`, `retry`, `approve`: wishes that the server carries out. */
export function addAsk(program: Command, frame: Frame): void {
  for (const asker of ['cancel', 'retry', 'approve'] as const) addAsker(program, asker, frame);
}

function addAsker(program: Command, asker: Asker, { context, done }: Frame): void {
  const command = addVerb(program, words[asker]);
  withDryRun(withConfig(command)).action(async (names: readonly string[], options: AskOptions) => {
    const { settings } = await loadToLook(context, options);
    const wishes = await withReader(context, settings, async (reader) => {
      const found: Wish[] = [];
      // All names are looked up before anything is asked: a typing error in the third changes nothing.
      for (const name of names) found.push(...(await wishesFor(asker, name, reader, context.user)));
      return found;
    });
    const { connect } = await import('../client.ts');
    const client = options.dryRun === true ? null : connect(settings.paths);
    for (const { ask, about } of wishes) {
      if (client !== null) await client.ask(ask, context.interruption());
      const verb = client === null ? `would ${asker}` : `asked to ${asker}`;
      await context.out.line(plainText(`${verb} ${about}`));
    }
    done(exitCode.ok);
  });
}

interface Wish {
  readonly ask: Ask;
  readonly about: string;
}

async function wishesFor(
  asker: Asker,
  name: string,
  reader: LedgerReader | null,
  user: string,
): Promise<readonly Wish[]> {
  const { findHeld, findNamed, findRun } = await import('../find-run.ts');
  if (asker === 'approve') {
    const { change } = await findHeld(reader, name);
    const { forge, repo, key, headSha } = change;
    const { changeWords } = await import('../change-words.ts');
    return [
      {
        ask: { kind: 'approve', by: user, repo, changeKey: key, sha: headSha },
        about: `${changeWords({ forge, repo, changeKey: key })} at ${headSha.slice(0, 12)}`,
      },
    ];
  }
  const named = await findNamed(reader, name);
  if (named.kind === 'held') {
    throw new UsageError('cli/no-run', `${name}: waits for approval, nothing runs; groundcrew approve ${name}`);
  }
  const isOne = named.runs.length === 1 && (await isRunId(name, () => findRun(reader, name)));
  const fitting = isOne
    ? named.runs
    : named.runs.filter((run) =>
        asker === 'cancel' ? run.state !== 'ended' : run.state === 'ended' && run.outcome?.kind !== 'passed',
      );
  if (fitting.length === 0) {
    const what = asker === 'cancel' ? 'waits or runs there' : 'has ended there without passing';
    throw new UsageError('cli/no-run', `${name}: nothing ${what}; groundcrew runs lists what is known`);
  }
  return fitting.map((run) => ({
    ask: { kind: asker, by: user, jobId: run.jobId },
    about: `${run.jobId.slice(0, 8)} (${run.repo} ${run.context} at ${run.sha.slice(0, 12)})`,
  }));
}

async function isRunId(name: string, find: () => Promise<unknown>): Promise<boolean> {
  if (!/[0-9a-f]{6,}/.test(name)) return false;
  try {
    await find();
    return true;
  } catch (error) {
    if (error instanceof UsageError) return false;
    throw error;
  }
}
