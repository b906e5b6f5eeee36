import type { Command } from 'commander';
import { exitCode } from '../exit-code.ts';
import { wholeNumber } from '../parse-option.ts';
import { printList } from '../print-list.ts';
import { addVerb, loadToLook, withConfig, withJson, withReader, type ConfigOptions, type Frame } from '../verb.ts';

interface DeliveriesOptions extends ConfigOptions {
  readonly days: number;
  readonly json?: boolean;
}

/** `deliveries`: how events reached us, day by day, and what was missed. */
export function addDeliveries(program: Command, { context, done }: Frame): void {
  const command = addVerb(program, {
    usage: 'deliveries',
    summary: 'show how events reached us, day by day, and what was missed',
    details:
      'Received by webhook or hook; recovered from the delivery log of the forge (sweep); found by a look at everything that ' +
      'no event had told of (scan); missed: could not be read, or was set aside. Days are UTC.',
    examples: [
      ['groundcrew deliveries', 'the last 30 days'],
      ['groundcrew deliveries --days 7 --json', 'for a script'],
    ],
  }).option('--days <number>', 'so many days', wholeNumber(1, 366), 30);
  withJson(withConfig(command)).action(async (options: DeliveriesOptions) => {
    const { settings } = await loadToLook(context, options);
    const days = await withReader(context, settings, async (reader) =>
      reader === null ? [] : reader.deliveryDays(options.days, context.clock.now()),
    );
    await printList(context, days, {
      isJson: options.json === true,
      empty: 'nothing was delivered yet',
      columns: () => [
        { head: 'DAY', cell: ({ day }) => day },
        { head: 'FORGE', cell: ({ forge }) => forge, isFlexible: true },
        { head: 'RECEIVED', cell: ({ received }) => String(received), align: 'right' },
        { head: 'BY SWEEP', cell: ({ bySweep }) => String(bySweep), align: 'right' },
        { head: 'BY SCAN', cell: ({ byScan }) => String(byScan), align: 'right' },
        {
          head: 'MISSED',
          cell: ({ missed }) => String(missed),
          style: ({ missed }) => (missed > 0 ? 'yellow' : null),
          align: 'right',
        },
      ],
    });
    done(exitCode.ok);
  });
}
