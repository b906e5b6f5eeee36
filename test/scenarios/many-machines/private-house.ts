import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FakeGitHub } from '../../../src/forge/github/fake/fake-github.ts';
import type { FakeFile } from '../../../src/forge/github/fake/git-store.ts';
import type { Status } from '../../../src/forge/github/fake/records.ts';
import { openBrokerTap, type BrokerTap } from '../../support/broker-tap.ts';
import { openCrew, type Crew, type House, type Program } from '../../support/crew.ts';
import { openFakeGitHub } from '../../support/fake-github.ts';
import { openFakeS3, type FakeS3 } from '../../support/fake-s3.ts';
import { freePort } from '../../support/free-port.ts';
import { openHttpGate, type HttpGate } from '../../support/http-gate.ts';
import { openRabbitBroker, type RabbitBroker } from '../../support/rabbit-broker.ts';
import type { CleansUp } from '../../support/temp-dir.ts';
import { until } from '../../support/until.ts';

/** A private repository of GitHub, a bucket, a broker with certificates: server and worker share nothing else. */
export interface PrivateHouse {
  readonly crew: Crew;
  readonly hub: FakeGitHub;
  readonly bucket: FakeS3;
  readonly broker: RabbitBroker;
  /** Between the worker's git and GitHub. */
  readonly git: HttpGate;
  /** All that the worker says, and all that is told to it. */
  readonly tap: BrokerTap;
  readonly house: House;
  /** The worker's state. */
  readonly workerDir: string;
  startWorker(): Program;
  /** Waits until the newest status of the commit is final. */
  verdict(sha: string): Promise<Status>;
}

/** The repository that is tested, and the App's organisation. */
export const privateRepo = 'acme/secret';

const vhost = 'groundcrew';
const workerName = 'lab';

/** Starts everything but the worker. Server and worker are what `groundcrew credentials` and `broker setup` make of them. */
export async function openPrivateHouse(
  context: CleansUp,
  files: Readonly<Record<string, FakeFile>>,
): Promise<PrivateHouse> {
  const hub = await openFakeGitHub(context);
  const bucket = await openFakeS3(context);
  const git = await openHttpGate(context, hub.webUrl);
  const crew = await openCrew(context);
  const run = async (...words: string[]): Promise<string> => {
    const { code, out, err } = await crew.cli(...words);
    assert.equal(code, 0, `${words.join(' ')}: ${out}${err}`);
    return out;
  };
  const ca = join(crew.root, 'ca');
  const credentials = (...words: string[]): Promise<string> => run('credentials', ...words, '--dir', ca);
  await credentials('ca');
  const issued = JSON.parse(await credentials('issue', 'mq', '--for', 'broker', '--host', 'localhost', '--json')) as {
    readonly caFile: string;
    readonly certFile: string;
    readonly keyFile: string;
  };
  await credentials('issue', 'groundcrew-server', '--for', 'server');
  await credentials('issue', workerName);
  const broker = await openRabbitBroker({ tls: issued });
  context.after(() => broker.close());

  const keys = join(crew.root, 'keys');
  mkdirSync(keys, { mode: 0o700 });
  const secret = (name: string, text: string): string => {
    const file = join(keys, name);
    writeFileSync(file, text, { mode: 0o600 });
    return `{file: ${file}}`;
  };
  const { app, privateKey } = await ownGitHub(hub, files);
  const hookSecret = 'between GitHub and us';
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const queueOf = (name: string): string => `queue:
  kind: amqp
  url: amqps://localhost:${String(broker.tlsPort)}/${vhost}
  tls: {ca: ${ca}/ca.pem, cert: ${ca}/${name}.pem, key: ${ca}/${name}.key}
`;
  crew.configure(`${queueOf('groundcrew-server')}  management:
    url: '${broker.managementUrl}'
    user: ${broker.username}
    password: ${secret('management', broker.password)}
server: {port: ${String(port)}, publicUrl: '${url}'}
store:
  s3:
    endpoint: ${bucket.endpoint}
    bucket: ${bucket.bucket}
    region: ${bucket.region}
    prefix: gc
    accessKeyId: ${secret('s3-id', bucket.accessKeyId)}
    secretAccessKey: ${secret('s3-key', bucket.secretAccessKey)}
forges:
  github:
    kind: github
    apiUrl: ${hub.url}
    webUrl: ${git.url}
    app: {id: ${String(app.id)}, key: ${secret('app.pem', privateKey)}}
    webhookSecrets: [${secret('hook', hookSecret)}]
defaults: {network: none}
projects: [{name: ${privateRepo}, forge: github}]
`);
  await run('broker', 'setup', '--dir', ca);
  const tap = await openBrokerTap(broker, vhost, ['groundcrew.collector', `groundcrew.to.${workerName}`]);
  const house = await crew.server('--port', String(port));
  hub.people.createHook(app, { url: `${url}/webhook/github`, secret: hookSecret, pings: false });

  const workerConfig = join(crew.root, `${workerName}.yaml`);
  writeFileSync(workerConfig, `${queueOf(workerName)}worker: {executor: podman}\n`);
  const workerDir = join(crew.root, `state-${workerName}`);
  let worker: Program | null = null;
  return {
    ...{ crew, hub, bucket, broker, git, tap, house, workerDir },
    startWorker() {
      worker = crew.start(['worker', '--config', workerConfig, '--state-dir', workerDir]);
      return worker;
    },
    verdict: (sha) =>
      until(
        () => {
          const last = hub.people.statuses(privateRepo, sha).at(-1);
          return last !== undefined && last.state !== 'pending' ? last : null;
        },
        { within: 60_000, what: `a verdict on ${sha}` },
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${house.program.err()}\n${worker?.err() ?? ''}`, { cause: error });
      }),
  };
}

/** An organisation with a private repository, and an App that is installed for it. */
async function ownGitHub({ people }: FakeGitHub, files: Readonly<Record<string, FakeFile>>) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  people.createOrganisation('acme');
  people.createUser('ada');
  await people.createRepo({ name: privateRepo, isPrivate: true, files });
  people.setCollaborator(privateRepo, 'ada', 'push');
  const app = people.createApp({ slug: 'crew', owner: 'acme', publicKey });
  people.installApp(app, { account: 'acme' });
  return { app, privateKey };
}
