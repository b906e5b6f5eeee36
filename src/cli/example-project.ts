import { cp, mkdir, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GroundcrewError } from '../base/errors.ts';
import { exec } from '../base/exec.ts';
import type { Project } from '../config/project-settings.ts';
import { plainProject, type Settings } from '../config/settings.ts';
import type { CliContext } from './cli-context.ts';

/**
 * The example that groundcrew's own checkout tests: `examples/hello`, copied to the state directory and committed once.
 * @throws GroundcrewError `cli/example` when git cannot make the repository.
 */
export async function copyExample(settings: Settings, context: Pick<CliContext, 'env'>): Promise<Project> {
  const dir = join(settings.paths.examplesDir, 'hello');
  if (!existsSync(join(dir, '.git', 'refs', 'heads', 'main'))) {
    await rm(dir, { recursive: true, force: true });
    await mkdir(dir, { recursive: true });
    await cp(fileURLToPath(new URL('../../examples/hello', import.meta.url)), dir, { recursive: true });
    const who = [
      '-c',
      'user.name=groundcrew',
      '-c',
      'user.email=groundcrew@localhost',
      '-c',
      'commit.gpgSign=false',
    ] as const;
    await git(dir, ['init', '--quiet', '--initial-branch=main'], context);
    await git(dir, ['add', '--all'], context);
    await git(dir, [...who, 'commit', '--quiet', '--message=Say hello'], context);
  }
  return plainProject(settings, 'hello', dir);
}

async function git(dir: string, args: readonly string[], { env }: Pick<CliContext, 'env'>): Promise<void> {
  const clean = { PATH: env['PATH'] ?? '/usr/bin:/bin', HOME: dir, LC_ALL: 'C', GIT_CONFIG_NOSYSTEM: '1' };
  const { exitCode, stderr } = await exec(['git', ...args], { cwd: dir, env: clean, timeoutMs: 60_000 });
  if (exitCode !== 0)
    throw new GroundcrewError(
      'cli/example',
      `the example could not be made in ${dir}: ${stderr.toString().trim().split('\n').at(-1) ?? ''}`,
    );
}
