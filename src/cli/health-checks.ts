import { closeSync, constants, existsSync, mkdtempSync, openSync, rmdirSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errorLine, isGroundcrewError } from '../base/errors.ts';
import { exec } from '../base/exec.ts';
import { findServer } from '../config/server-file.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { Settings } from '../config/settings.ts';
import { createSecrets } from '../config/secrets.ts';
import { formatSize } from '../config/size.ts';
import type { CommandContext } from './wiring.ts';
import { findRepository } from './find-repository.ts';
import { fail, ok, warn, type Finding } from './finding.ts';
import { brokerFindings } from './broker-checks.ts';
import { forgeFindings } from './forge-checks.ts';
import { loadSettings, withReader, type ConfigOptions } from './verb.ts';

/** The oldest git that fetches by commit and knows `safe.bareRepository` (2.38). */
const leastGit = [2, 38] as const;

/** Looks at everything, one after the other; a check that fails in itself is a finding, too. */
export async function examine(
  context: CommandContext,
  options: ConfigOptions,
  path: string | null,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [await gitFinding(context)];
  let loaded: { readonly loaded: LoadedConfig; readonly settings: Settings };
  try {
    loaded = await loadSettings(context, options);
  } catch (error) {
    if (!isGroundcrewError(error)) throw error;
    return [...findings, fail('configuration', errorLine(error), 'groundcrew config check shows every mistake')];
  }
  const { settings } = loaded;
  findings.push(configFinding(loaded.loaded, settings, context));
  findings.push(stateFinding(settings), diskFinding(settings), kvmFinding());
  findings.push(...(await executorFindings(context, settings)));
  findings.push(serverFinding(settings));
  findings.push(...(await parkedFindings(context, settings)));
  findings.push(...(await storeFindings(context, settings)));
  findings.push(...(await forgeFindings(context, settings)));
  findings.push(...(await brokerFindings(context, settings)));
  const hook = await hookFinding(context, settings, path);
  return hook === null ? findings : [...findings, hook];
}

async function gitFinding(context: CommandContext): Promise<Finding> {
  const { PATH = '/usr/bin:/bin', HOME = '/' } = context.env;
  try {
    const { stdout } = await exec(['git', '--version'], { env: { PATH, HOME, LC_ALL: 'C' }, timeoutMs: 10_000 });
    const version = /(\d+)\.(\d+)[.\d]*/.exec(stdout.toString());
    if (version === null) return fail('git', 'says no version', 'install git');
    const [major, minor] = [Number(version[1]), Number(version[2])];
    const isNew = major > leastGit[0] || (major === leastGit[0] && minor >= leastGit[1]);
    return isNew
      ? ok('git', version[0])
      : warn('git', `${version[0]} is old`, `git ${leastGit.join('.')} or newer is safer with hostile repositories`);
  } catch (error) {
    if (!isGroundcrewError(error)) throw error;
    return fail('git', 'is not installed', 'install git');
  }
}

function configFinding(loaded: LoadedConfig, settings: Settings, context: CommandContext): Finding {
  const secrets = createSecrets(settings.secrets, context.env);
  const [warning] = secrets.warnings();
  if (warning !== undefined) return warn('configuration', warning, 'a secret is for its owner alone');
  for (const name of secrets.names) {
    try {
      secrets.resolve(name);
    } catch (error) {
      if (!isGroundcrewError(error)) throw error;
      return warn('configuration', errorLine(error), 'jobs that need it will fail to start');
    }
  }
  const count = settings.projects.length;
  return ok(
    'configuration',
    loaded.file === null ? 'no file, all defaults' : `${loaded.file}, ${count} ${count === 1 ? 'project' : 'projects'}`,
  );
}

function stateFinding(settings: Settings): Finding {
  const { stateDir } = settings.paths;
  if (!existsSync(stateDir)) return ok('state', `${stateDir} (not made yet)`);
  try {
    // Trying beats reading the mode: read-only mounts and quotas show only so.
    rmdirSync(mkdtempSync(join(stateDir, '.doctor-')));
    return ok('state', stateDir);
  } catch {
    return fail('state', `${stateDir} cannot be written`, 'check its owner and mount, or set stateDir');
  }
}

function diskFinding(settings: Settings): Finding {
  let dir = settings.paths.stateDir;
  while (!existsSync(dir) && dirname(dir) !== dir) dir = dirname(dir);
  const found = statfsSync(dir);
  const freeBytes = found.bavail * found.bsize;
  const least = settings.worker.minFreeDiskBytes;
  const free = `${(freeBytes / 2 ** 30).toFixed(1)} GiB free at ${dir}`;
  if (freeBytes >= least) return ok('disk', free);
  return fail(
    'disk',
    `${free}, less than worker.minFreeDisk (${formatSize(least)})`,
    'free space; the worker takes no jobs',
  );
}

function kvmFinding(): Finding {
  try {
    closeSync(openSync('/dev/kvm', constants.O_RDWR));
    return ok('kvm', '/dev/kvm can be used');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ENOENT') {
      return warn('kvm', 'there is no /dev/kvm', 'jobs that need kvm go to other workers; in a VM, enable nesting');
    }
    return warn('kvm', '/dev/kvm cannot be opened', 'add this user to the group kvm');
  }
}

async function executorFindings(context: CommandContext, settings: Settings): Promise<readonly Finding[]> {
  const wiring = await context.wiring();
  const trials = await wiring.trials(settings, context.interruption());
  const isIsolated = trials.some(({ executor, trial }) => executor !== 'process' && trial.isUsable);
  const findings = trials.map(({ executor, trial }) =>
    trial.isUsable
      ? ok(executor, trial.finding)
      : warn(executor, trial.finding, executor === 'process' ? 'see docs/errors.md' : `install or repair ${executor}`),
  );
  if (!trials.some(({ trial }) => trial.isUsable)) {
    return [...findings, fail('executors', 'none works here', 'no job can run on this machine')];
  }
  if (isIsolated) return findings;
  return [...findings, warn('executors', 'only process works here, which isolates nothing', 'install podman')];
}

function serverFinding(settings: Settings): Finding {
  const found = findServer(settings.paths.serverFile);
  switch (found.kind) {
    case 'running':
      return ok('server', `runs at ${found.server.url} (process ${String(found.server.pid)})`);
    case 'none':
      return ok('server', 'does not run');
    case 'stale':
      return warn('server', `process ${String(found.pid)} ended without saying so`, 'groundcrew up starts it again');
    case 'unsafe':
      return warn('server', `${settings.paths.serverFile} ${found.why}`, 'remove it and start the server again');
    default:
      return found satisfies never;
  }
}

/** What workers said and nobody could read or apply waits for a person. */
async function parkedFindings(context: CommandContext, settings: Settings): Promise<readonly Finding[]> {
  let counts: { readonly messagesParked: number; readonly messagesDropped: number } | undefined;
  try {
    counts = await withReader(context, settings, async (reader) => await reader?.counts());
  } catch (error) {
    if (!isGroundcrewError(error)) throw error;
    return [fail('ledger', errorLine(error), 'docs/errors.md says what to do')];
  }
  const { messagesParked: kept = 0, messagesDropped: dropped = 0 } = counts ?? {};
  if (kept === 0) return [];
  const what = `${String(kept)} ${kept === 1 ? 'message of a worker was' : 'messages of workers were'} set aside`;
  const besides = dropped === 0 ? '' : `, and ${String(dropped)} dropped, as there were too many`;
  return [
    warn('workers', `${what}${besides}`, 'groundcrew queue --parked shows them; a newer server tries them again'),
  ];
}

async function storeFindings(context: CommandContext, settings: Settings): Promise<readonly Finding[]> {
  const { primary, mirrors } = settings.store;
  // The directory of this machine is below the state, which was looked at.
  if (primary.kind === 'dir' && mirrors.length === 0) return [];
  const wiring = await context.wiring();
  let found: Awaited<ReturnType<typeof wiring.checkStores>>;
  try {
    found = await wiring.checkStores(settings, context);
  } catch (error) {
    if (!isGroundcrewError(error)) throw error;
    return [fail('store', errorLine(error), 'logs and attachments wait on the disks of the workers')];
  }
  return found.map(({ name, isMirror, code, what }) => {
    if (code === null) return ok(name, what);
    const remedy = `${code} in docs/errors.md says what to do; until then ${isMirror ? 'it gets no copies' : 'logs and attachments wait on the disks of the workers'}`;
    return isMirror ? warn(name, what, remedy) : fail(name, what, remedy);
  });
}

async function hookFinding(context: CommandContext, settings: Settings, path: string | null): Promise<Finding | null> {
  const dir = findRepository(path ?? context.cwd);
  if (dir === null) return null;
  const wiring = await context.wiring();
  if (await wiring.hasHook({ settings, dir })) return ok('hook', `in ${dir}`);
  return warn('hook', `not in ${dir}`, 'groundcrew hook install makes commits known at once');
}
