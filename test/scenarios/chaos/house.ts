import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openRabbitBroker, type RabbitBroker } from '../../support/rabbit-broker.ts';
import { openTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import { askerOf, type Asked } from './asked-process.ts';
import type { GitHubDeeds } from './github-process.ts';
import { contexts, jobScript, kindsFile, kindsText } from './job.ts';
import { brokerPart } from './broker-part.ts';
import { issueAll } from './issue-all.ts';
import { createPart, signalGroup, type Part } from './part.ts';
import type { S3Deeds } from './s3-process.ts';
import { freePort } from '../../support/free-port.ts';

/** How large the house is. */
export interface HouseOptions {
  /** An empty directory of its own. */
  readonly dir: string;
  readonly workers: number;
  readonly slots: number;
  /** Accounts at GitHub, each with a repository: GitHub lets one write 80 times a minute. */
  readonly accounts: number;
  /** Bytes of each worker's own disk; null: a directory, that cannot be full. Needs root. */
  readonly diskBytes: number | null;
}

/** A worker with its own disk. */
export interface WorkerPart extends Part {
  readonly stateDir: string;
}

/** An account with a repository. */
export interface Place {
  readonly repo: string;
  readonly firstSha: string;
}

/** A connection that faults are put on. */
export interface LineTo {
  readonly name: string;
  readonly proxy: TcpProxy;
}

/** groundcrew on many machines, all on this one: every part a process, every connection through a proxy. */
export interface House {
  readonly dir: string;
  readonly sideDir: string;
  readonly serverStateDir: string;
  readonly server: Part;
  readonly workers: readonly WorkerPart[];
  readonly broker: Part & { readonly rabbit: RabbitBroker; readonly vhost: string };
  readonly s3: Part;
  readonly parts: readonly Part[];
  readonly lines: readonly LineTo[];
  readonly places: readonly Place[];
  readonly github: Asked<GitHubDeeds>;
  askS3(): Asked<S3Deeds>;
  /** Where the outside looks: the fake GitHub and the S3 server themselves, past the proxies. */
  readonly outside: {
    readonly githubUrl: string;
    readonly auditToken: string;
    s3(): Promise<Awaited<ReturnType<S3Deeds['place']>>>;
  };
  readonly crashes: readonly string[];
  /** Answer of the running server, or null when there is none to answer. */
  ask(path: string, body?: object): Promise<{ readonly status: number; readonly text: string } | null>;
  destroy(): Promise<void>;
}

const program = join(import.meta.dirname, '../../../src/cli/main.ts');
const hookSecret = 'shared with GitHub';
const s3Prefix = 'ci';

/** Starts all parts. */
export async function openHouse(options: HouseOptions): Promise<House> {
  const { dir } = options;
  const undo: (() => unknown)[] = [];
  const destroy = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
  };
  try {
    return await build(options, undo, destroy);
  } catch (error) {
    await destroy();
    throw new Error(`the house in ${dir} could not be started`, { cause: error });
  }
}

async function build(options: HouseOptions, undo: (() => unknown)[], destroy: () => Promise<void>): Promise<House> {
  const { dir } = options;
  const [sideDir, serverStateDir] = [join(dir, 'side'), join(dir, 'server')];
  for (const made of [sideDir, serverStateDir, join(dir, 'home')]) mkdirSync(made);
  const crashes: string[] = [];
  const onCrash = (line: string): void => void crashes.push(line);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    HOME: join(dir, 'home'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    NODE_COMPILE_CACHE: join(dir, 'compiled'),
    GROUNDCREW_DEBUG: '1',
  };
  delete env['GROUNDCREW_STATE_DIR'];
  delete env['GROUNDCREW_CONFIG'];
  const bareEnv = { ...env };
  env['HOOK_SECRET'] = hookSecret;

  const proxyTo = async (port: number): Promise<TcpProxy> => {
    const proxy = await openTcpProxy(port);
    undo.push(() => proxy.close());
    return proxy;
  };

  // GitHub.
  const hub = spawn(process.execPath, [join(import.meta.dirname, 'github-process.ts')], {
    cwd: dir,
    env,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const github = askerOf<GitHubDeeds>(hub);
  undo.push(async () => {
    await github('close', null).catch(() => undefined);
    if (hub.pid !== undefined) signalGroup(hub.pid, 'SIGKILL');
  });
  const githubPort = await github('port', null);
  const githubProxy = await proxyTo(githubPort);
  const githubUrl = `http://127.0.0.1:${String(githubProxy.port)}`;
  await github('callItself', githubUrl);
  const serverPort = await freePort();
  const tokens: string[] = [];
  const places: Place[] = [];
  for (let at = 1; at <= options.accounts; at += 1) {
    const repo = `org${String(at)}/demo`;
    const made = await github('addPlace', {
      repo,
      bot: `bot${String(at)}`,
      files: {
        [kindsFile.main]: kindsText({ one: 'pass', two: 'pass' }),
        '.groundcrew/run': { script: jobScript },
      },
      hook: { url: `http://127.0.0.1:${String(serverPort)}/webhook/gh${String(at)}`, secret: hookSecret },
    });
    tokens.push(made.token);
    places.push({ repo, firstSha: made.sha });
    env[`BOT_TOKEN_${String(at)}`] = made.token;
  }
  const auditToken = await github('addAuditor', null);

  // S3.
  const s3Proxy = await proxyTo(1);
  let s3Asked: Asked<S3Deeds> | null = null;
  const askS3 = (): Asked<S3Deeds> => {
    if (s3Asked === null) throw new Error('the S3 server is down');
    return s3Asked;
  };
  const s3 = createPart({
    name: 's3',
    args: [join(import.meta.dirname, 's3-process.ts'), join(dir, 's3')],
    cwd: dir,
    env,
    logFile: join(dir, 's3.log'),
    onCrash,
    hasChannel: true,
    async whenReady(child: ChildProcess) {
      const asked = askerOf<S3Deeds>(child);
      child.once('exit', () => {
        if (s3Asked === asked) s3Asked = null;
      });
      const { port } = await asked('place', null);
      s3Asked = asked;
      s3Proxy.retarget(port);
    },
  });
  undo.push(() => s3.kill());
  await s3.start();
  const s3Place = await askS3()('place', null);
  env['S3_KEY_ID'] = s3Place.accessKeyId;
  env['S3_KEY'] = s3Place.secretAccessKey;

  // The broker, and certificates for all who speak with it, made as an operator makes them.
  const names = Array.from({ length: options.workers }, (_, at) => `w${String(at + 1)}`);
  const issued = await issueAll({ dir, env, program, names });
  const { authority, caFile, serverName, command, pem } = issued;
  const rabbit = await openRabbitBroker({
    tls: { caFile, certFile: pem('broker'), keyFile: join(authority, 'broker.key') },
  });
  undo.push(() => rabbit.close());
  const vhost = 'chaos';
  const brokerProxies = new Map<string, TcpProxy>();
  for (const name of [serverName, ...names]) brokerProxies.set(name, await proxyTo(rabbit.tlsPort ?? 0));
  env['MANAGEMENT_PASSWORD'] = rabbit.password;
  const queueOf = (name: string): string => `
queue:
  kind: amqp
  url: amqps://127.0.0.1:${String(brokerProxies.get(name)?.port)}/${vhost}
  tls: {ca: ${caFile}, cert: ${pem(name)}, key: ${join(authority, `${name}.key`)}}
`;

  // groundcrew.
  const serverConfig = join(dir, 'server.yaml');
  writeFileSync(
    serverConfig,
    `stateDir: ${serverStateDir}
server: {port: ${String(serverPort)}, publicUrl: 'http://127.0.0.1:${String(serverPort)}'}
${queueOf(serverName)}  management: {url: '${rabbit.managementUrl}', user: ${rabbit.username}, password: {env: MANAGEMENT_PASSWORD}}
store:
  s3:
    endpoint: http://127.0.0.1:${String(s3Proxy.port)}
    region: ${s3Place.region}
    bucket: ${s3Place.bucket}
    prefix: ${s3Prefix}
    accessKeyId: {env: S3_KEY_ID}
    secretAccessKey: {env: S3_KEY}
forges:
${places
  .map(
    (_, at) =>
      `  gh${String(at + 1)}: {kind: github, apiUrl: '${githubUrl}', webUrl: '${githubUrl}', token: {env: BOT_TOKEN_${String(at + 1)}}, webhookSecrets: [{env: HOOK_SECRET}]}`,
  )
  .join('\n')}
defaults: {env: {SIDE: '${sideDir}'}}
# A job that is hit again and again is nobody's failure here; the plan itself is the ledger tests' business.
dispatch: {attempts: 10}
logs: {level: debug}
projects:
${places
  .map(
    ({ repo }, at) =>
      `  - {name: ${repo}, forge: gh${String(at + 1)}, checks: [${contexts.map((one) => `{context: ${one}}`).join(', ')}]}`,
  )
  .join('\n')}
`,
  );
  const server = createPart({
    name: 'server',
    args: [program, 'server', '--config', serverConfig],
    cwd: dir,
    env: { ...env, TMPDIR: tempDirIn(serverStateDir) },
    logFile: join(dir, 'server.log'),
    onCrash,
  });
  undo.push(() => server.kill());
  const workers = names.map((name): WorkerPart => {
    const stateDir = join(dir, name);
    mkdirSync(stateDir);
    if (options.diskBytes !== null) {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${String(options.diskBytes)}`, 'tmpfs', stateDir]);
      undo.push(() => void execFileSync('umount', ['-l', stateDir]));
    }
    const config = join(dir, `${name}.yaml`);
    writeFileSync(
      config,
      `stateDir: ${stateDir}
${queueOf(name)}
worker: {name: ${name}, slots: ${String(options.slots)}, executor: process, grace: 2s, minFreeDisk: 8MiB}
logs: {level: debug}
`,
    );
    const part = createPart({
      name,
      args: [program, 'worker', '--config', config, '--on-term', 'keep'],
      cwd: dir,
      // The broker and its own certificate are all that a worker has.
      env: { ...bareEnv, TMPDIR: tempDirIn(stateDir) },
      logFile: join(dir, `${name}.log`),
      onCrash,
    });
    undo.push(() => part.kill());
    return Object.assign(part, { stateDir });
  });

  const ask: House['ask'] = async (path, body) => {
    try {
      const { url, token } = JSON.parse(readFileSync(join(serverStateDir, 'server.json'), 'utf8')) as {
        url: string;
        token: string;
      };
      const response = await fetch(`${url}${path}`, {
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        signal: AbortSignal.timeout(10_000),
      });
      return { status: response.status, text: await response.text() };
    } catch {
      return null;
    }
  };

  await command('broker', 'setup', '--dir', authority, '--config', serverConfig);
  // For the checker, which looks into queues.
  await rabbit.api('PUT', `permissions/${vhost}/${rabbit.username}`, { configure: '', write: '.*', read: '.*' });
  await server.start();
  await until(async () => (await ask('/readyz'))?.status === 200, { within: 60_000, what: 'the server to be ready' });
  await Promise.all(workers.map((worker) => worker.start()));
  const broker = Object.assign(brokerPart(rabbit), { rabbit, vhost });
  return {
    dir,
    sideDir,
    serverStateDir,
    server,
    workers,
    broker,
    s3,
    parts: [server, ...workers, broker, s3],
    lines: [
      ...[...brokerProxies].map(([name, proxy]) => ({ name: `${name} to the broker`, proxy })),
      { name: 'all to S3', proxy: s3Proxy },
      { name: 'all to GitHub', proxy: githubProxy },
    ],
    places,
    github,
    askS3,
    outside: {
      githubUrl: `http://127.0.0.1:${String(githubPort)}`,
      auditToken,
      s3: () => askS3()('place', null),
    },
    crashes,
    ask,
    destroy,
  };
}

function tempDirIn(stateDir: string): string {
  const dir = join(stateDir, '..', `tmp-of-${stateDir.split('/').at(-1) ?? ''}`);
  if (!existsSync(dir)) mkdirSync(dir);
  return dir;
}
