import { GroundcrewError, type RetryAdvice } from './errors.ts';
import { exec, type ExecResult } from './exec.ts';
import { credentialKey } from './git-credential.ts';
import { allowedProtocols } from './git-names.ts';

/** Where and how one git command runs. Always with an end: a signal, a time-out, or both. */
export interface GitCall {
  /** The repository, named outright: git never looks for one by itself when it is given. */
  readonly gitDir?: string;
  readonly workTree?: string;
  /** Default: the repository, else `/`. */
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  /** Further variables: dates, identity, object directories. */
  readonly env?: Readonly<Record<string, string>>;
  /** Further configuration, stronger than ours; here go credentials (`gitCredential`), which git is told on a socket. */
  readonly config?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Default two minutes. */
  readonly timeoutMs?: number;
  readonly maxOutputBytes?: number;
  readonly onStderr?: (bytes: Uint8Array) => void;
  /** Most private memory of the process, against trees that unfold without end. Default: not limited. */
  readonly memoryBytes?: number;
}

/**
 * git, run so that a hostile repository can at worst waste time: no configuration, hooks, filters or attributes but ours,
 * no prompt, no credential helper, no transport that runs programs, no replaced objects. What cannot be switched off from
 * outside (the configuration inside a repository) is overridden name by name. Arguments that strangers wrote are checked
 * by the caller (`git-names.ts`) and stand behind `--` or `--end-of-options`.
 */
export interface Git {
  /**
   * Runs to the end; a failing exit status is a value.
   * @throws GroundcrewError `git/not-found`, `git/timeout`, `git/aborted`
   */
  run(args: readonly string[], call: GitCall): Promise<ExecResult>;
  /**
   * The whole standard output of a command that must succeed.
   * @throws GroundcrewError also `git/failed` and `git/too-much-output`
   */
  text(args: readonly string[], call: GitCall): Promise<string>;
}

/** What we take from the environment of our own process: where programs are, how to get out of this network, ssh's agent. */
const inherited = [
  'PATH',
  'TMPDIR',
  'SSH_AUTH_SOCK',
  'http_proxy',
  'https_proxy',
  'HTTPS_PROXY',
  'all_proxy',
  'ALL_PROXY',
  'no_proxy',
  'NO_PROXY',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'GIT_SSL_CAINFO',
] as const;

const fixedEnv: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  // Nothing is read from a home: no .netrc, no cookies, no attributes. ssh looks up its home by itself.
  HOME: '/nonexistent',
  LC_ALL: 'C',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: '',
  GIT_SSH_COMMAND: 'ssh -oBatchMode=yes -oConnectTimeout=20',
  // Reaches every child of git too, and wins over any configuration.
  GIT_ALLOW_PROTOCOL: allowedProtocols.join(':'),
  GIT_LITERAL_PATHSPECS: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_NO_LAZY_FETCH: '1',
  // Looking at a person's repository must not take its index lock.
  GIT_OPTIONAL_LOCKS: '0',
};

/** Given by environment, so it is stronger than what stands in a repository's own configuration file. */
const fixedConfig: Readonly<Record<string, string>> = {
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'core.untrackedCache': 'false',
  'core.attributesFile': '/dev/null',
  'core.excludesFile': '/dev/null',
  'core.autocrlf': 'false',
  'core.pager': 'cat',
  'core.editor': 'false',
  'sequence.editor': 'false',
  'core.protectNTFS': 'true',
  'core.protectHFS': 'true',
  'core.logAllRefUpdates': 'false',
  'credential.helper': '',
  'submodule.recurse': 'false',
  'fetch.recurseSubmodules': 'false',
  // A kept pack appears whole or not at all; loose objects of a killed fetch would appear one by one.
  'fetch.unpackLimit': '1',
  'transfer.unpackLimit': '1',
  'transfer.bundleURI': 'false',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  'commit.gpgSign': 'false',
  'log.showSignature': 'false',
  'gpg.program': 'false',
  'rerere.enabled': 'false',
  'merge.renormalize': 'false',
  'merge.verifySignatures': 'false',
  'rebase.autoStash': 'false',
  'rebase.autoSquash': 'false',
  'rebase.updateRefs': 'false',
  'http.followRedirects': 'initial',
  'http.lowSpeedLimit': '1024',
  'http.lowSpeedTime': '60',
  // The operator named the repository; that somebody else owns it is no news, and nothing in it is obeyed.
  'safe.directory': '*',
  'color.ui': 'false',
  'advice.detachedHead': 'false',
};

/** Put before the command that serves a fetch from a path: it is a process of its own that inherits no settings. */
export const localUploadPack = "git -c 'safe.directory=*' upload-pack";

/** `env` is our own process's environment, of which a short list of variables is passed on. */
export function createGit(env: Readonly<Record<string, string | undefined>>): Git {
  const base: Record<string, string> = { ...fixedEnv };
  for (const name of inherited) {
    const value = env[name];
    if (value !== undefined && value !== '') base[name] = value;
  }
  const run: Git['run'] = async (args, call) => {
    const argv = ['git', ...args] as [string, ...string[]];
    const { [credentialKey]: credential, ...config } = { ...fixedConfig, ...call.config };
    const result = await start(limited(argv, call.memoryBytes), {
      env: { ...base, ...placeOf(call), ...configEnv(config), ...call.env },
      ...(credential === undefined ? {} : { answer: credential }),
      cwd: call.cwd ?? call.gitDir ?? '/',
      timeoutMs: call.timeoutMs ?? 120_000,
      ...(call.input === undefined ? {} : { input: call.input }),
      ...(call.signal === undefined ? {} : { signal: call.signal }),
      ...(call.maxOutputBytes === undefined ? {} : { maxOutputBytes: call.maxOutputBytes }),
      ...(call.onStderr === undefined ? {} : { onStderr: call.onStderr }),
    });
    const name = args[0] ?? '';
    if (result.killedBy === 'timeout') {
      throw new GroundcrewError('git/timeout', `git ${name} took longer than its time-out`, { retry: 'later' });
    }
    if (result.killedBy === 'aborted') throw new GroundcrewError('git/aborted', `git ${name} was stopped`);
    return result;
  };
  return {
    run,
    async text(args, call) {
      const result = await run(args, call);
      if (result.exitCode !== 0) throw gitFailure(args[0] ?? '', result);
      if (result.isTruncated) {
        throw new GroundcrewError('git/too-much-output', `git ${args[0] ?? ''} printed more than we read`);
      }
      return result.stdout.toString('utf8');
    },
  };
}

/** What git said when it failed, as one line for people. */
export function gitFailure(command: string, result: ExecResult, retry: RetryAdvice = 'later'): GroundcrewError {
  const said = gitComplaint(result);
  return new GroundcrewError('git/failed', `git ${command}: ${said === '' ? `status ${result.exitCode}` : said}`, {
    retry,
  });
}

/** The first `fatal:` or `error:` line, else the last line; bounded, without control characters or credentials. */
export function gitComplaint(result: Pick<ExecResult, 'stderr'>): string {
  const lines = result.stderr
    .toString('utf8')
    .split(/[\r\n]+/)
    .filter((line) => line !== '');
  const line = lines.find((text) => /^(?:fatal|error|ERROR):/.test(text)) ?? lines.at(-1) ?? '';
  return plain(line).slice(0, 400);
}

/** Text from git or a stranger made fit for one line: no control characters, no credentials in addresses. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').replace(/(:\/\/)[^/@\s]*@/g, '$1');
}

async function start(argv: [string, ...string[]], options: Parameters<typeof exec>[1]): Promise<ExecResult> {
  try {
    return await exec(argv, options);
  } catch (cause) {
    throw new GroundcrewError('git/not-found', `git cannot be started in ${options.cwd ?? '.'}`, { cause });
  }
}

/** `ulimit -d` counts private memory only, so the mapped packs of a large repository stay free. */
function limited(argv: [string, ...string[]], memoryBytes: number | undefined): [string, ...string[]] {
  if (memoryBytes === undefined) return argv;
  return ['/bin/sh', '-c', `ulimit -d ${Math.ceil(memoryBytes / 1024)} 2>/dev/null; exec "$@"`, 'sh', ...argv];
}

function placeOf(call: GitCall): Record<string, string> {
  return {
    ...(call.gitDir === undefined ? {} : { GIT_DIR: call.gitDir }),
    ...(call.workTree === undefined ? {} : { GIT_WORK_TREE: call.workTree }),
  };
}

function configEnv(config: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(config);
  const env: Record<string, string> = { GIT_CONFIG_COUNT: String(entries.length) };
  entries.forEach(([key, value], index) => {
    env[`GIT_CONFIG_KEY_${index}`] = key;
    env[`GIT_CONFIG_VALUE_${index}`] = value;
  });
  return env;
}
