import { publicCa, type NetHost, type NetHosts } from '../../support/net-hosts.ts';

/** Where what a unit printed can be read. */
export const unitLog = (unit: string): string => `/run/units/${unit}.log`;

/** What systemd does with a unit of ours, as far as a guide asks for it: user, environment, directories, start, SIGTERM. */
const systemctl = `#!/bin/sh
set -eu
end() {
  pid=$(cat "$1" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || :
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
}
case $* in
  daemon-reload) exit 0 ;;
  '--user disable --now groundcrew') end "$HOME/groundcrew.pid"; exit 0 ;;
esac
verb=$1
for unit; do :; done
mkdir -p /run/units
case $verb in stop | restart) end "/run/units/$unit.pid" ;; esac
[ "$verb" != stop ] || exit 0
if [ "$unit" = rabbitmq-server ]; then
  setsid rabbitmq-server >/run/units/$unit.log 2>&1 &
  echo $! >/run/units/$unit.pid
  until rabbitmqctl await_startup >/dev/null 2>&1; do sleep 0.5; done
  exit 0
fi
file=/etc/systemd/system/$unit.service
value() { sed -n "s/^$1=//p" "$file"; }
user=$(value User)
home=$(getent passwd "$user" | cut -d: -f6)
for dir in $(value StateDirectory); do install -d -m 700 -o "$user" "/var/lib/$dir"; done
for dir in $(value RuntimeDirectory); do install -d -m 700 -o "$user" "/run/$dir"; done
setsid env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME="$home" NODE_EXTRA_CA_CERTS=${publicCa} $(value Environment) \\
  setpriv --reuid "$user" --regid "$user" --init-groups $(value ExecStart) >>/run/units/$unit.log 2>&1 </dev/null &
echo $! >/run/units/$unit.pid
`;

/**
 * Puts what a guide's commands need and a namespace has not into `/usr/local/bin` of the host: `systemctl` (which reads our units),
 * `scp` to another host, and an `apt-get` that has installed everything already.
 */
export function furnish(host: NetHost, hosts: NetHosts, names: readonly string[]): void {
  const pids = names.map((name) => `  ${name}.example.org) pid=${String(hosts.get(name).holderPid)} ;;`).join('\n');
  const scp = `#!/bin/sh
set -eu
for to; do :; done
case \${to%%:*} in *@*) at=\${to#*@} ;; *) at=$to ;; esac
case \${at%%:*} in
${pids}
  *) echo "scp: no host $at" >&2; exit 1 ;;
esac
files=
while [ "$#" -gt 1 ]; do files="$files $1"; shift; done
tar c --owner=0 --group=0 $files | nsenter -t "$pid" -m tar x -C "\${to#*:}"
`;
  const programs = { systemctl, scp, 'apt-get': '#!/bin/sh\n' };
  for (const [name, text] of Object.entries(programs))
    host.run(`cat >/usr/local/bin/${name} && chmod 755 /usr/local/bin/${name}`, { input: text });
  host.run('ln -s /opt/groundcrew/bin/groundcrew /usr/local/bin/groundcrew && mkdir -p /etc/systemd/system');
}
