import type { Command } from 'commander';
import { ownRequestPrefix } from '../../core/request.ts';
import type { Approval } from '../../ledger/ledger-reader.ts';
import { changeWords } from '../change-words.ts';
import { exitCode } from '../exit-code.ts';
import { wholeNumber } from '../parse-option.ts';
import { printList } from '../print-list.ts';
import { addVerb, loadToLook, withConfig, withJson, withReader, type ConfigOptions, type Frame } from '../verb.ts';

interface ApprovalsOptions extends ConfigOptions {
  readonly limit: number;
  readonly json?: boolean;
}

const standings: Readonly<Record<Approval['standing'], string>> = {
  holds: 'holds',
  outdated: 'outdated by a push',
  closed: 'closed since',
};

/** Page and command line ask in the same words. */
function wayOf({ requestId }: Approval): string {
  if (requestId === null) return 'unknown';
  return requestId.startsWith(ownRequestPrefix) ? 'page or command' : 'forge';
}

/** `approvals`: which commits of strangers were let in, by whom and when. */
export function addApprovals(program: Command, { context, done }: Frame): void {
  const command = addVerb(program, {
    usage: 'approvals [repository]',
    summary: 'show which commits of strangers were let in, by whom and when',
    details:
      'An approval is bound to one commit: after a push the change waits for another one. They are kept as long as the runs that they ' +
      'allowed may be, and for the head of an open change always.',
    examples: [
      ['groundcrew approvals', 'the last 50 of all projects'],
      ['groundcrew approvals your-organisation/your-project --json', 'of one repository, for an audit'],
    ],
  }).option('--limit <number>', 'so many', wholeNumber(1, 10_000), 50);
  withJson(withConfig(command)).action(async (repo: string | undefined, options: ApprovalsOptions) => {
    const { settings } = await loadToLook(context, options);
    const found = await withReader(context, settings, async (reader) =>
      reader === null ? [] : reader.approvals(repo ?? null, options.limit),
    );
    await printList(context, found, {
      isJson: options.json === true,
      asJson: (one) => ({ ...one, at: new Date(one.at).toISOString() }),
      empty: 'nothing was approved yet',
      columns: () => [
        { head: 'WHEN', cell: ({ at }) => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z') },
        { head: 'CHANGE', cell: changeWords, isFlexible: true },
        { head: 'COMMIT', cell: ({ sha }) => sha.slice(0, 12) },
        { head: 'BY', cell: ({ by }) => by },
        { head: 'VIA', cell: wayOf },
        {
          head: 'STANDING',
          cell: ({ standing }) => standings[standing],
          style: ({ standing }) => (standing === 'holds' ? 'green' : null),
        },
      ],
    });
    done(exitCode.ok);
  });
}
