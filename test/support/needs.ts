import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A part of the machine that some tests work with for real. */
export type Part =
  | 'chromium'
  | 'docker'
  | 'fuse'
  | 'git'
  | 'kvm'
  | 'linux'
  | 'moto'
  | 'netns'
  | 'nginx'
  | 'openssl'
  | 'podman'
  | 'python3'
  | 'qemu'
  | 'rabbitmq'
  | 'root'
  | 'shellcheck'
  | 'sqlite3'
  | 'systemd'
  | 'tmux';

/** Goes into the options of a `node:test` test or suite. */
export interface Gate {
  readonly skip: false | string;
  /** With CI=true and a part missing: aborted already, so that the test fails and says which part. */
  readonly signal?: AbortSignal;
}

interface Probe {
  readonly isThere: () => boolean;
  readonly remedy: string;
}

const inPath = (...names: string[]): boolean => names.some((name) => findProgram(name) !== null);

const probes: Readonly<Record<Part, Probe>> = {
  chromium: { isThere: () => chromiumPath() !== null, remedy: 'install the package chromium' },
  docker: { isThere: () => inPath('docker') && canUse('/var/run/docker.sock'), remedy: 'start a docker daemon' },
  fuse: { isThere: () => canUse('/dev/fuse'), remedy: 'load the fuse module' },
  git: { isThere: () => inPath('git'), remedy: 'install the package git' },
  kvm: { isThere: () => canUse('/dev/kvm'), remedy: 'make /dev/kvm writable for this user' },
  linux: { isThere: () => process.platform === 'linux', remedy: 'run on Linux' },
  openssl: { isThere: () => inPath('openssl'), remedy: 'install the package openssl' },
  moto: { isThere: () => inPath('moto_server'), remedy: 'install moto with its server (Python)' },
  netns: {
    isThere: () =>
      process.getuid?.() === 0 && inPath('ip') && inPath('iptables') && inPath('nsenter') && makesNamespaces(),
    remedy: 'run as root, with the packages iproute2, iptables and util-linux, where namespaces can be made',
  },
  nginx: {
    isThere: () => inPath('nginx') && existsSync('/usr/lib/nginx/modules/ngx_http_dav_ext_module.so'),
    remedy: 'install the packages nginx-light and libnginx-mod-http-dav-ext',
  },
  podman: { isThere: () => inPath('podman'), remedy: 'install the package podman' },
  python3: { isThere: () => inPath('python3'), remedy: 'install the package python3' },
  qemu: {
    isThere: () => inPath('qemu-system-x86_64') && inPath('qemu-img'),
    remedy: 'install the packages qemu-system-x86 and qemu-utils',
  },
  rabbitmq: {
    isThere: () => canUse('/usr/lib/rabbitmq/bin/rabbitmq-server', constants.X_OK) && inPath('epmd'),
    remedy: 'install the package rabbitmq-server',
  },
  root: { isThere: () => process.getuid?.() === 0, remedy: 'run as root' },
  shellcheck: { isThere: () => inPath('shellcheck'), remedy: 'install the package shellcheck' },
  sqlite3: { isThere: () => inPath('sqlite3'), remedy: 'install the package sqlite3' },
  systemd: { isThere: () => inPath('systemd-analyze'), remedy: 'install the package systemd' },
  tmux: { isThere: () => inPath('tmux'), remedy: 'install the package tmux' },
};

const known = new Map<Part, boolean>();

/**
 * Gates a test on real parts: `test('title', needs('podman', 'root'), async () => …)`, or spread it into other options.
 * On a laptop a missing part skips the test with the reason; with CI=true it fails the test, so that nothing is ever
 * left out unseen. Presence only is looked at, once a process: a part that is there and broken fails the test.
 */
export function needs(...parts: readonly Part[]): Gate {
  return gate(parts.filter((part) => !has(part)));
}

/** True when the part is there; for a test that does more with it, never for one that says less without it. */
export function has(part: Part): boolean {
  const before = known.get(part);
  if (before !== undefined) return before;
  const isThere = probes[part].isThere();
  known.set(part, isThere);
  return isThere;
}

/** The gate for these missing parts; `isCi` is an argument so that the rule itself can be tested. */
export function gate(missing: readonly Part[], isCi = process.env['CI'] === 'true'): Gate {
  if (missing.length === 0) return { skip: false };
  const reason = missing.map((part) => `${part} is missing: ${probes[part].remedy}`).join('; ');
  return isCi ? { skip: false, signal: AbortSignal.abort(new Error(reason)) } : { skip: reason };
}

/** A Chromium or Chrome that playwright-core can drive (`executablePath`), or null. */
export function chromiumPath(): string | null {
  return findProgram('chromium') ?? findProgram('chromium-browser') ?? findProgram('google-chrome');
}

/** Absolute path of a program in PATH, or null. */
export function findProgram(name: string): string | null {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    if (directory === '') continue;
    const path = join(directory, name);
    if (canUse(path, constants.X_OK)) return path;
  }
  return null;
}

function makesNamespaces(): boolean {
  const { status } = spawnSync('unshare', ['--net', '--mount', '--uts', 'iptables', '-S'], { stdio: 'ignore' });
  return status === 0;
}

function canUse(path: string, mode = constants.R_OK | constants.W_OK): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
