import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serverRights, workerRights } from '../../src/queue/amqp/rights.ts';
import { openCrew, type Crew, type House, type Program } from './crew.ts';
import { openRabbitBroker, type RabbitBroker } from './rabbit-broker.ts';
import type { CleansUp } from './temp-dir.ts';

/** One server and workers on machines of their own, as far as directories make a machine, with RabbitMQ between them. */
export interface Fleet {
  readonly crew: Crew;
  readonly broker: RabbitBroker;
  readonly vhost: string;
  /** Starts the server with this configuration beside `queue` and `store`, and waits until it is ready. */
  server(yaml: string): Promise<House>;
  /** Starts a worker of that name with a state directory of its own; `yaml` comes after `queue` and `store`. */
  worker(name: string, yaml?: string, ...words: string[]): Promise<Program>;
}

/** What a fleet has in common. */
export interface FleetOptions {
  /** The store of all; default: one directory, shared. */
  readonly store?: string;
  /** What the workers are configured with; default: the store of all. Empty: nothing, they are granted their rights. */
  readonly workerStore?: string;
  /** Whose jobs the workers may take; default: the pool `default`. */
  readonly pools?: readonly string[];
}

const serverName = 'groundcrew-server';

/** A broker and a home; whatever is started in it is ended after the test. */
export async function openFleet(context: CleansUp, options: FleetOptions = {}): Promise<Fleet> {
  const broker = await openRabbitBroker();
  // What is registered later is done earlier or at the same time: the programs must go first, so the broker ends with them.
  context.after(() => broker.close());
  const crew = await openCrew(context);
  const vhost = await broker.addVhost();
  const store = options.store ?? `store: {dir: ${join(crew.root, 'store')}}\n`;
  const secretsDir = join(crew.root, 'secrets');
  mkdirSync(secretsDir, { mode: 0o700 });
  const secretFile = (name: string, secret: string): string => {
    const file = join(secretsDir, name);
    writeFileSync(file, secret, { mode: 0o600 });
    return file;
  };
  const workers = new Map<string, Program>();
  const passwords = new Map<string, string>();
  // As `groundcrew broker setup` does it, but for passwords: what a worker may not do, it cannot do here either.
  const addMember = async (user: string): Promise<string> => {
    if (user === serverName) return await broker.addUser(vhost, user, serverRights());
    await broker.api('PUT', `exchanges/${vhost}/groundcrew.to.${user}`, { type: 'fanout', durable: true });
    return await broker.addUser(vhost, user, workerRights(user, options.pools ?? ['default']));
  };
  const queueOf = async (user: string, rest = ''): Promise<string> => {
    const password = passwords.get(user) ?? secretFile(user, await addMember(user));
    passwords.set(user, password);
    const at = `amqp://127.0.0.1:${String(broker.port)}/${vhost}`;
    return `queue:\n  kind: amqp\n  url: ${at}\n  user: ${user}\n  password: {file: ${password}}\n${rest}`;
  };
  return {
    crew,
    broker,
    vhost,
    async server(yaml) {
      const password = secretFile('management', broker.password);
      const management = `  management: {url: '${broker.managementUrl}', user: ${broker.username}, password: {file: ${password}}}\n`;
      crew.configure(`${await queueOf(serverName, management)}${store}${yaml}`);
      const house = await crew.server();
      return {
        ...house,
        ended: (sha) =>
          house.ended(sha).catch((error: unknown) => {
            const said = [...workers].map(([name, worker]) => `${name}: ${worker.err()}`);
            throw new Error([String(error), ...said].join('\n'), { cause: error });
          }),
      };
    },
    async worker(name, yaml = 'worker: {executor: process}\n', ...words) {
      const file = join(crew.root, `${name}.yaml`);
      writeFileSync(file, `${await queueOf(name)}${options.workerStore ?? store}${yaml}`);
      const stateDir = join(crew.root, `state-${name}`);
      const worker = crew.start(['worker', '--config', file, '--state-dir', stateDir, ...words]);
      workers.set(name, worker);
      return worker;
    },
  };
}
