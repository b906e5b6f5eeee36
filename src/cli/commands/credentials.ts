import { InvalidArgumentError, type Command } from 'commander';
import { exitCode } from '../exit-code.ts';
import { labels, oneOf } from '../parse-option.ts';
import { addVerb, loadSettings, withConfig, withDryRun, withJson, type ConfigOptions, type Frame } from '../verb.ts';
import type { Issued } from '../credentials-list.ts';

interface CredentialsOptions extends ConfigOptions {
  readonly dir?: string;
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

interface IssueOptions extends CredentialsOptions {
  readonly for: 'worker' | 'server' | 'broker';
  readonly pool?: readonly string[];
  readonly host?: readonly string[];
  readonly valid: number;
}

const namePattern = /^[A-Za-z0-9][\w.-]{0,62}$/;
const hostPattern = /^(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.|$))+$|^[0-9a-fA-F]*:[0-9a-fA-F:.]+$/;

/** `credentials ca|issue|revoke|list`: certificates for server, workers and broker. */
export function addCredentials(program: Command, frame: Frame): void {
  const credentials = addVerb(program, {
    usage: 'credentials',
    summary: 'certificates for the server, its workers and the broker',
    details:
      'A small authority of your own. Its key (ca.key) lets anybody in whom it signs: keep the directory on a machine that\nis neither server nor worker, and in a backup.',
    examples: [
      ['groundcrew credentials ca', 'the authority, once'],
      ['groundcrew credentials issue broker --for broker --host mq.example.org', 'for RabbitMQ itself'],
      ['groundcrew credentials issue groundcrew-server --for server', 'for the server'],
      ['groundcrew credentials issue lab-1 --pool default --pool lab', 'for a worker, by its name'],
      ['groundcrew credentials revoke lab-1', 'end its rights, at once'],
    ],
  });
  addCa(credentials, frame);
  addIssue(credentials, frame);
  addRevoke(credentials, frame);
  addList(credentials, frame);
}

function addCa(credentials: Command, { context, done }: Frame): void {
  const command = addVerb(credentials, {
    usage: 'ca',
    summary: 'make the authority, unless it is there',
    examples: [['groundcrew credentials ca --dir ~/ci-ca', 'outside the state directory']],
  }).option('--valid <duration>', 'how long it is good (default: 3650d)', days, 3650);
  withPlace(command).action(async (options: CredentialsOptions & { readonly valid: number }) => {
    const { place, files, makeAuthority } = await open(options);
    const { caFile } = files(place.dir);
    const what = options.dryRun === true ? 'would be made' : await makeAuthority(place, options.valid);
    await print(options, { authority: caFile, what }, [`${what}: ${caFile}`]);
    done(exitCode.ok);
  });

  const { open, print } = parts(context);
}

function addIssue(credentials: Command, { context, done }: Frame): void {
  const { open, print } = parts(context);
  const command = addVerb(credentials, {
    usage: 'issue <name>',
    summary: 'make a key and a certificate',
    details:
      'For a worker the name is its name for ever, and its user at the broker. The same name again is a renewal; the old pair\nstays beside it as .old. Run "groundcrew broker setup" afterwards.',
    examples: [
      ['groundcrew credentials issue lab-1', 'a worker for the pool default'],
      ['groundcrew credentials issue mq --for broker --host mq.example.org', 'the broker itself'],
    ],
  })
    .option('--for <kind>', 'worker, server or broker', oneOf(['worker', 'server', 'broker']), 'worker')
    .option('--pool <name>', 'whose jobs the worker may take; may be repeated (default: default)', labels)
    .option('--host <name>', 'name or address that the broker is reached by; may be repeated', hosts)
    .option('--valid <duration>', 'how long it is good (default: 365d)', days, 365);
  withPlace(command).action(async (name: string, options: IssueOptions) => {
    const { UsageError } = await import('../../base/errors.ts');
    const kind = options.for;
    const refuse = (text: string): never => {
      throw new UsageError('cli/credentials', text);
    };
    if (!namePattern.test(name)) refuse('a name has letters, digits and . _ -, at most 63');
    if ((kind === 'broker') !== (options.host !== undefined)) refuse('--host is for a broker, which needs it');
    if (kind !== 'worker' && options.pool !== undefined) refuse('--pool is for a worker');
    const { place, issueCertificate } = await open(options);
    const order = {
      name,
      kind,
      pools: kind === 'worker' ? [...new Set(options.pool ?? ['default'])] : [],
      hosts: [...(options.host ?? [])],
      validDays: options.valid,
    };
    if (options.dryRun === true) {
      await print(options, order, [`would be made: ${kind} ${name} in ${place.dir}`]);
    } else {
      const { issued, caFile, certFile, keyFile } = await issueCertificate(place, order);
      await print(options, { ...issued, caFile, certFile, keyFile }, [
        `ca    ${caFile}`,
        `cert  ${certFile}`,
        `key   ${keyFile}`,
        `good  until ${dateOf(issued.expiresAt)}`,
      ]);
    }
    done(exitCode.ok);
  });
}

function addRevoke(credentials: Command, { context, done }: Frame): void {
  const { open, print } = parts(context);
  const command = addVerb(credentials, {
    usage: 'revoke <name>',
    summary: 'end the rights of a worker or server',
    details:
      'With queue.management its user at the broker is removed and its connections are ended at once; without,\n"groundcrew broker setup" on a machine that has it does so. The name comes back only when the certificate has expired.',
    examples: [['groundcrew credentials revoke lab-1', 'what it runs is run elsewhere']],
  });
  withPlace(command).action(async (name: string, options: CredentialsOptions) => {
    const { place, settings, revokeName } = await open(options);
    if (options.dryRun === true) {
      await print(options, { name, isRevoked: false }, [`would be revoked: ${name}`]);
      done(exitCode.ok);
      return;
    }
    await revokeName(place, name);
    const { queue } = settings;
    const canTell = queue.kind === 'amqp' && queue.management !== null;
    if (canTell) {
      const wiring = await context.wiring();
      const members = { server: '', workers: [], revoked: [name] };
      await wiring.tendBroker({ settings, members, isRevoking: true, isDryRun: false }, context);
    }
    const rest = canTell ? 'and cut off at the broker' : 'but the broker does not know it yet: groundcrew broker setup';
    await print(options, { name, isRevoked: true, isCutOff: canTell }, [`revoked: ${name}, ${rest}`]);
    done(canTell ? exitCode.ok : exitCode.failed);
  });
}

function addList(credentials: Command, { context, done }: Frame): void {
  const { open, print } = parts(context);
  const command = addVerb(credentials, {
    usage: 'list',
    summary: 'what was issued, and until when it is good',
    examples: [['groundcrew credentials list --json', 'for a script that warns in time']],
  });
  withJson(withConfig(command.option('--dir <dir>', dirHelp))).action(async (options: CredentialsOptions) => {
    const { place } = await open(options);
    const { readIssued } = await import('../credentials-list.ts');
    const all = readIssued(place.dir);
    await print(
      options,
      all,
      all.map(
        (one) =>
          `${one.kind.padEnd(6)}  ${one.name}  ${one.pools.join(',')}${one.hosts.join(',')}  ${stateOf(one, place.now())}`,
      ),
    );
    done(exitCode.ok);
  });
}

/** What every action begins and ends with. */
function parts(context: Frame['context']) {
  return {
    open: async (options: CredentialsOptions) => {
      const [{ settings }, authority, { authorityPlace }] = await Promise.all([
        loadSettings(context, options),
        import('../credentials-authority.ts'),
        import('../credentials-place.ts'),
      ]);
      return {
        settings,
        place: authorityPlace(settings, options.dir, context),
        files: authority.authorityFiles,
        ...authority,
      };
    },
    print: async (options: CredentialsOptions, value: unknown, lines: readonly string[]): Promise<void> => {
      const { plainJson, plainText } = await import('../output/plain-text.ts');
      if (options.json === true) await context.out.line(plainJson(value));
      else for (const line of lines) await context.out.line(plainText(line));
    },
  };
}

const dirHelp = 'where the authority is (default: credentials in the state directory)';

function withPlace(command: Command): Command {
  return withJson(withDryRun(withConfig(command.option('--dir <dir>', dirHelp))));
}

function stateOf({ revokedAt, expiresAt }: Issued, now: number): string {
  if (revokedAt !== null) return `revoked ${dateOf(revokedAt)}`;
  return `${expiresAt <= now ? 'expired' : 'good until'} ${dateOf(expiresAt)}`;
}

function dateOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function days(text: string): number {
  const count = /^(\d{1,5})d$/.exec(text)?.[1];
  if (count !== undefined && Number(count) >= 1) return Number(count);
  throw new InvalidArgumentError('expected whole days such as 365d');
}

function hosts(text: string, before: readonly string[] | undefined): readonly string[] {
  if (hostPattern.test(text)) return [...(before ?? []), text];
  throw new InvalidArgumentError('expected a host name or an address');
}
