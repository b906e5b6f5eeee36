import type { Command } from 'commander';
import { exitCode } from '../exit-code.ts';
import { addVerb, loadSettings, withConfig, withDryRun, withJson, type ConfigOptions, type Frame } from '../verb.ts';
import type { BrokerNews } from '../wiring.ts';

interface BrokerOptions extends ConfigOptions {
  readonly dir?: string;
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

/** `broker setup|check`: who may do what at the broker. */
export function addBroker(program: Command, frame: Frame): void {
  const broker = addVerb(program, {
    usage: 'broker',
    summary: 'set up RabbitMQ for a server and its workers',
    details:
      'Works over queue.management, whose user must be an administrator. Who may come is read from the list that\n"groundcrew credentials" keeps.',
    examples: [
      ['groundcrew broker setup --dry-run', 'what would be made or changed'],
      ['groundcrew broker check', 'what is not as it should be'],
    ],
  });
  addPart(broker, frame, 'setup', 'make virtual host, users, permissions, exchanges and policies as they should be');
  addPart(broker, frame, 'check', 'say what at the broker is not as it should be');
}

function addPart(broker: Command, { context, done }: Frame, kind: 'setup' | 'check', summary: string): void {
  const command = addVerb(broker, {
    usage: kind,
    summary,
    details:
      kind === 'setup'
        ? 'Doing it again changes nothing. Exit status 1 when something is left for a person to mend.'
        : 'Exit status 1 when something is not as it should be.',
    examples: [
      [`groundcrew broker ${kind}`, 'the certificates in STATE/credentials'],
      [`groundcrew broker ${kind} --dir ~/ci-ca --json`, 'those of another directory, for a script'],
    ],
  }).option('--dir <dir>', 'where the certificates are (default: credentials in the state directory)');
  withJson(withConfig(kind === 'setup' ? withDryRun(command) : command)).action(async (options: BrokerOptions) => {
    const { settings } = await loadSettings(context, options);
    const [{ membersOf, readIssued }, { credentialsDir, defaultServerName }] = await Promise.all([
      import('../credentials-list.ts'),
      import('../credentials-place.ts'),
    ]);
    const members = membersOf(readIssued(credentialsDir(settings, options.dir, context)), Date.now());
    const isDryRun = kind === 'check' || options.dryRun === true;
    const wiring = await context.wiring();
    const news = await wiring.tendBroker(
      { settings, members: { ...members, server: members.server ?? defaultServerName }, isRevoking: false, isDryRun },
      context,
    );
    if (options.json === true) {
      const { plainJson } = await import('../output/plain-text.ts');
      await context.out.line(plainJson(news));
    } else await tell(news, isDryRun);
    const isLeft = isDryRun && kind === 'check' ? news.length > 0 : news.some(({ remedy }) => remedy !== null);
    done(isLeft ? exitCode.failed : exitCode.ok);
  });

  const tell = async (news: readonly BrokerNews[], isDryRun: boolean): Promise<void> => {
    const { plainText } = await import('../output/plain-text.ts');
    for (const { what, remedy } of news) {
      const head = remedy !== null ? 'left   ' : isDryRun ? 'missing' : 'done   ';
      await context.out.line(plainText(`${head}  ${what}`));
      if (remedy !== null) await context.out.line(plainText(`         → ${remedy}`));
    }
    if (news.length === 0) await context.err.line('everything at the broker is as it should be');
  };
}
