import { join } from 'node:path';
import { systemRandom } from '../base/random.ts';
import { expandPath } from '../config/secrets.ts';
import { homeOf } from '../config/load.ts';
import type { Settings } from '../config/settings.ts';
import type { CliContext } from './cli-context.ts';
import type { AuthorityPlace } from './credentials-authority.ts';

/** The server's user at the broker, when its certificate was made without another name. */
export const defaultServerName = 'groundcrew-server';

/** Where the authority is: as the command line says, else in the state directory. */
export function credentialsDir(
  settings: Settings,
  option: string | undefined,
  { env, cwd }: Pick<CliContext, 'env' | 'cwd'>,
): string {
  return option === undefined ? join(settings.paths.stateDir, 'credentials') : expandPath(option, cwd, homeOf(env));
}

/** The authority of this command line. */
export function authorityPlace(settings: Settings, option: string | undefined, context: CliContext): AuthorityPlace {
  return {
    dir: credentialsDir(settings, option, context),
    env: context.env,
    random: systemRandom,
    now: () => context.clock.now(),
  };
}
