import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { systemRandom } from '../../src/base/random.ts';
import { openTempDir, removeTempDir } from './temp-dir.ts';
import { until } from './until.ts';

/** PEM files for a broker that speaks TLS. */
export interface BrokerTls {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Patterns of RabbitMQ's permissions. */
export interface BrokerRights {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

/** A RabbitMQ node of the test's own on 127.0.0.1, with the management plug-in. */
export interface RabbitBroker {
  /** Everything that it writes. */
  readonly directory: string;
  readonly port: number;
  /** Null without TLS. */
  readonly tlsPort: number | null;
  readonly managementUrl: string;
  readonly username: string;
  readonly password: string;
  /** The management API: the decoded answer, or null without a body. @throws Error for an HTTP error. */
  api(method: string, path: string, body?: unknown): Promise<unknown>;
  /** A virtual host of its own with the management user in it; its name. */
  addVhost(): Promise<string>;
  /** A user that may do what these patterns say (default: everything) in the virtual host; its password. */
  addUser(vhost: string, name: string, rights?: BrokerRights): Promise<string>;
  /** Runs `rabbitmqctl` against this node. */
  control(...args: string[]): Promise<void>;
  /** Stops the node and keeps what it stored. */
  stop(): Promise<void>;
  /** SIGKILL to the node, in the middle of whatever it does; what it stored stays. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Leader and name of the node's process group, to be paused and to go on; null while it is stopped. */
  readonly group: number | null;
  /** Starts it again on the same ports. Resolves when the management API answers. */
  start(): Promise<void>;
  /** Stops everything that was started, epmd too, and removes the directory. */
  close(): Promise<void>;
}

// Debian's programs in PATH insist on another user; these are the ones that they call.
const debianPrograms = '/usr/lib/rabbitmq/bin';
const startWithinMs = 60_000;
const stopWithinMs = 30_000;

/** Starts one: free ports, unique name, private directory, and an epmd of its own. */
export async function openRabbitBroker(options: { readonly tls?: BrokerTls } = {}): Promise<RabbitBroker> {
  const directory = await openTempDir();
  const { port, tlsPort, managementPort, distPort, epmdPort } = await freePorts();
  const [username, password] = ['admin', systemRandom.hex(8)];
  const environment = await layOut(directory, {
    node: `gc${systemRandom.hex(4)}@localhost`,
    ports: { distPort, epmdPort },
    config: [
      `listeners.tcp.1 = 127.0.0.1:${port}`,
      'management.tcp.ip = 127.0.0.1',
      `management.tcp.port = ${managementPort}`,
      'loopback_users = none',
      `default_user = ${username}`,
      `default_pass = ${password}`,
      'disk_free_limit.absolute = 1MB',
      'log.file.level = info',
      ...(options.tls === undefined ? [] : tlsLines(options.tls, tlsPort)),
    ],
  });
  const epmd = spawn('epmd', ['-port', String(epmdPort), '-address', '127.0.0.1'], {
    env: environment,
    cwd: directory,
    stdio: 'ignore',
  });
  let node: ChildProcess | null = null;
  const managementUrl = `http://127.0.0.1:${managementPort}`;
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

  const broker: RabbitBroker = {
    directory,
    port,
    tlsPort: options.tls === undefined ? null : tlsPort,
    managementUrl,
    username,
    password,
    async api(method, path, body) {
      const response = await fetch(`${managementUrl}/api/${path}`, {
        method,
        headers: { authorization, 'content-type': 'application/json' },
        body: body === undefined ? null : JSON.stringify(body),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return text === '' ? null : (JSON.parse(text) as unknown);
    },
    async addVhost() {
      const name = `v${systemRandom.hex(4)}`;
      await broker.api('PUT', `vhosts/${name}`);
      await broker.api('PUT', `permissions/${name}/${username}`, { configure: '.*', write: '.*', read: '.*' });
      return name;
    },
    async addUser(vhost, name, rights = { configure: '.*', write: '.*', read: '.*' }) {
      const secret = systemRandom.hex(8);
      await broker.api('PUT', `users/${name}`, { password: secret, tags: '' });
      await broker.api('PUT', `permissions/${vhost}/${name}`, rights);
      return secret;
    },
    async control(...args) {
      const child = spawn(join(debianPrograms, 'rabbitmqctl'), args, { env: environment, stdio: 'ignore' });
      const [code] = (await once(child, 'exit')) as [number | null];
      if (code !== 0) throw new Error(`rabbitmqctl ${args.join(' ')} ended with ${code}`);
    },
    async stop() {
      const stopped = node;
      node = null;
      if (stopped !== null) await endGroup(stopped);
    },
    async kill() {
      const killed = node;
      node = null;
      if (killed !== null) await endGroup(killed, 'SIGKILL');
    },
    get group() {
      return node?.pid ?? null;
    },
    async start() {
      const started = spawn(join(debianPrograms, 'rabbitmq-server'), [], {
        env: environment,
        cwd: directory,
        stdio: 'ignore',
        detached: true,
      });
      node = started;
      await until(
        async () => {
          if (started.exitCode !== null) throw new Error(`rabbitmq-server ended with ${started.exitCode}`);
          await broker.api('GET', 'overview');
          return true;
        },
        { within: startWithinMs, what: 'RabbitMQ to start' },
      );
    },
    async close() {
      await broker.stop();
      const ended = epmd.exitCode === null && epmd.signalCode === null ? once(epmd, 'exit') : null;
      epmd.kill('SIGKILL');
      await ended;
      await removeTempDir(directory);
    },
  };
  try {
    await broker.start();
  } catch (error) {
    await broker.close();
    throw error;
  }
  return broker;
}

interface Ports {
  readonly port: number;
  readonly tlsPort: number;
  readonly managementPort: number;
  readonly distPort: number;
  readonly epmdPort: number;
}

async function layOut(
  directory: string,
  { node, ports, config }: { node: string; ports: { distPort: number; epmdPort: number }; config: readonly string[] },
): Promise<Record<string, string>> {
  for (const name of ['mnesia', 'log', 'home']) await mkdir(join(directory, name));
  await writeFile(join(directory, 'rabbitmq.conf'), `${config.join('\n')}\n`);
  // Queue totals of the management API are as old as this; the default is five seconds.
  await writeFile(join(directory, 'advanced.config'), '[{rabbit, [{quorum_tick_interval, 200}]}].\n');
  await writeFile(join(directory, 'plugins'), '[rabbitmq_management, rabbitmq_auth_mechanism_ssl].\n');
  return {
    PATH: `${debianPrograms}:${process.env['PATH'] ?? ''}`,
    LANG: 'C.UTF-8',
    HOME: join(directory, 'home'),
    RABBITMQ_NODENAME: node,
    RABBITMQ_DIST_PORT: String(ports.distPort),
    ERL_EPMD_PORT: String(ports.epmdPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1} +S 2',
    RABBITMQ_CONF_ENV_FILE: join(directory, 'none'),
    RABBITMQ_CONFIG_FILE: join(directory, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(directory, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, 'plugins'),
    RABBITMQ_MNESIA_BASE: join(directory, 'mnesia'),
    RABBITMQ_LOG_BASE: join(directory, 'log'),
    RABBITMQ_FEATURE_FLAGS_FILE: join(directory, 'feature_flags'),
    RABBITMQ_PID_FILE: join(directory, 'pid'),
  };
}

function tlsLines(tls: BrokerTls, port: number): string[] {
  return [
    `listeners.ssl.1 = 127.0.0.1:${port}`,
    `ssl_options.cacertfile = ${tls.caFile}`,
    `ssl_options.certfile = ${tls.certFile}`,
    `ssl_options.keyfile = ${tls.keyFile}`,
    'ssl_options.verify = verify_peer',
    'ssl_options.fail_if_no_peer_cert = true',
    'auth_mechanisms.1 = PLAIN',
    'auth_mechanisms.2 = EXTERNAL',
    'ssl_cert_login_from = common_name',
  ];
}

async function endGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const group = -child.pid;
  const ended = once(child, 'exit');
  process.kill(group, signal);
  const hard = setTimeout(() => process.kill(group, 'SIGKILL'), stopWithinMs);
  await ended;
  clearTimeout(hard);
}

async function freePorts(): Promise<Ports> {
  const servers = Array.from({ length: 5 }, () => createServer().listen(0, '127.0.0.1'));
  const found: number[] = [];
  for (const server of servers) {
    if (!server.listening) await once(server, 'listening');
    const address = server.address();
    found.push(typeof address === 'object' && address !== null ? address.port : 0);
  }
  for (const server of servers) {
    server.close();
    await once(server, 'close');
  }
  const [port = 0, tlsPort = 0, managementPort = 0, distPort = 0, epmdPort = 0] = found;
  return { port, tlsPort, managementPort, distPort, epmdPort };
}
