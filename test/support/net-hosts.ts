import { execFileSync, spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemRandom } from '../../src/base/random.ts';
import { openTempDir, removeTempDir, type CleansUp } from './temp-dir.ts';
import { until } from './until.ts';

/** A machine, as far as namespaces make one: address, host name, `/etc`, `/var/lib`, `/home`, `/opt` and `/usr/local/bin` of its own. */
export interface NetHost {
  readonly name: string;
  /** In the network that all hosts share with the test. */
  readonly address: string;
  /** The process whose namespaces these are. */
  readonly holderPid: number;
  /** Runs a script of `sh` as root there, to its end. @throws Error with its output when it fails. */
  run(script: string, options?: { readonly input?: string; readonly mayFail?: boolean }): string;
  /** Starts a program as root there and does not wait. */
  start(
    argv: readonly string[],
    options?: { readonly stdio?: StdioOptions; readonly env?: Record<string, string> },
  ): ChildProcess;
}

/** A connection that a host may begin. */
export interface MayDial {
  readonly from: string;
  readonly to: string;
  readonly port: number;
}

/** Hosts on one bridge. */
export interface NetHosts {
  get(name: string): NetHost;
  /** From now on nothing else gets from one host to another, and nothing comes in that was not asked for. */
  onlyLet(dials: readonly MayDial[]): void;
}

/** On a host: who signed for what the whole world trusts, once the test has put it there. */
export const publicCa = '/etc/ssl/public-ca.pem';

const root = join(import.meta.dirname, '../..');
const sh = (script: string): string => execFileSync('sh', ['-euc', script], { encoding: 'utf8', stdio: 'pipe' });

/**
 * Makes hosts that know each other as `NAME.example.org` (and by `aliases`, from name to a host's name). Needs root. After the
 * test whatever runs there is ended, and the bridge goes.
 */
export async function openNetHosts(
  context: CleansUp,
  names: readonly string[],
  aliases: Readonly<Record<string, string>> = {},
): Promise<NetHosts> {
  const tag = `gc${systemRandom.hex(2)}`;
  const directory = await openTempDir();
  const net = `10.${String(64 + Math.floor(systemRandom.fraction() * 64))}.${String(Math.floor(systemRandom.fraction() * 250))}`;
  const addresses = new Map(names.map((name, at) => [name, `${net}.${String(at + 1)}`]));
  const addressOf = (name: string): string => {
    const address = addresses.get(name);
    if (address === undefined) throw new Error(`there is no host ${name}`);
    return address;
  };
  const hosts = new Map<string, NetHost>();
  const spaceOf = (name: string): string => `${tag}-${name}`;
  context.after(async () => {
    for (const name of names) {
      sh(`for pid in $(ip netns pids ${spaceOf(name)} 2>/dev/null); do kill -KILL "$pid" 2>/dev/null || :; done`);
      sh(`ip netns del ${spaceOf(name)} 2>/dev/null || :`);
    }
    sh(`ip link del ${tag} 2>/dev/null || :`);
    await removeTempDir(directory);
  });
  const book = [
    '127.0.0.1 localhost',
    ...names.map((name) => `${addressOf(name)} ${name}.example.org ${name}`),
    ...Object.entries(aliases).map(([alias, name]) => `${addressOf(name)} ${alias}`),
  ].join('\n');
  sh(`ip link add ${tag} type bridge && ip addr add ${net}.254/24 dev ${tag} && ip link set ${tag} up`);
  for (const [at, name] of names.entries()) {
    const [space, link] = [spaceOf(name), `${tag}v${String(at)}`];
    sh(`ip netns add ${space}
ip link add ${link} type veth peer name eth0 netns ${space}
ip link set ${link} master ${tag} up
ip -n ${space} addr add ${addressOf(name)}/24 dev eth0
ip -n ${space} link set eth0 up
ip -n ${space} link set lo up`);
    hosts.set(name, await openHost({ name, space, address: addressOf(name), book, directory: join(directory, name) }));
  }
  return {
    get(name) {
      const host = hosts.get(name);
      if (host === undefined) throw new Error(`there is no host ${name}`);
      return host;
    },
    onlyLet(dials) {
      for (const host of hosts.values()) {
        const rules = dials.flatMap(({ from, to, port }) => [
          ...(from === host.name
            ? [`iptables -A OUTPUT -p tcp -d ${addressOf(to)} --dport ${String(port)} -j ACCEPT`]
            : []),
          ...(to === host.name
            ? [`iptables -A INPUT -p tcp -s ${addressOf(from)} --dport ${String(port)} -j ACCEPT`]
            : []),
        ]);
        host.run(`for chain in INPUT OUTPUT; do
  iptables -A $chain -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
done
iptables -A INPUT -i lo -j ACCEPT
iptables -A OUTPUT -o lo -j ACCEPT
${rules.join('\n')}
iptables -P INPUT DROP
iptables -P OUTPUT DROP`);
      }
    },
  };
}

async function openHost(order: {
  name: string;
  space: string;
  address: string;
  book: string;
  directory: string;
}): Promise<NetHost> {
  const { name, space, address, book, directory } = order;
  mkdirSync(directory);
  const script = `mount -t tmpfs tmpfs ${directory}
for part in etc var/lib; do
  mkdir -p ${directory}/$part ${directory}/work/$part
  mount -t overlay overlay -o lowerdir=/$part,upperdir=${directory}/$part,workdir=${directory}/work/$part /$part
done
for own in /home /root /opt /srv /run /usr/local/bin /var/lib/rabbitmq /var/log/rabbitmq; do
  [ ! -d $own ] || mount -t tmpfs -o mode=755 tmpfs $own
done
hostname ${name}
mkdir /opt/groundcrew
mount --bind ${root} /opt/groundcrew
for own in /var/lib/rabbitmq /var/log/rabbitmq; do [ ! -d $own ] || chown rabbitmq: $own; done
cat >/etc/hosts
echo ready
exec sleep infinity`;
  const holder = spawn(
    'ip',
    ['netns', 'exec', space, 'unshare', '-mu', '--propagation', 'private', 'sh', '-euc', script],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  let said = '';
  holder.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  holder.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  holder.stdin.end(`${book}\n`);
  await until(
    () => {
      if (holder.exitCode !== null) throw new Error(`the host ${name} ended: ${said}`);
      return said.includes('ready');
    },
    { within: 10_000, what: `the host ${name}` },
  );
  const enter = ['-t', String(holder.pid), '-m', '-n', '-u', '--'];
  const env = {
    PATH: `/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: '/root',
    LANG: 'C.UTF-8',
  };
  return {
    name,
    address,
    holderPid: holder.pid ?? 0,
    run(text, { input, mayFail = false } = {}) {
      try {
        return execFileSync(
          'nsenter',
          [
            ...enter,
            'sh',
            '-euc',
            `[ ! -e ${publicCa} ] || export NODE_EXTRA_CA_CERTS=${publicCa}\n{ cd\n${text}\n} 2>&1`,
          ],
          {
            encoding: 'utf8',
            env,
            input: input ?? '',
            maxBuffer: 1 << 26,
          },
        );
      } catch (error) {
        const { stdout } = error as { stdout?: string };
        if (mayFail) return stdout ?? '';
        throw new Error(`on ${name}: ${text}\n${stdout ?? ''}`, { cause: error });
      }
    },
    start: (argv, { stdio = 'ignore', env: more = {} } = {}) =>
      spawn('nsenter', [...enter, ...argv], { stdio, env: { ...env, ...more }, detached: true }),
  };
}
