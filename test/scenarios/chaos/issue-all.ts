import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Certificates for all who speak with the broker, made as an operator makes them. */
export interface Issued {
  /** Their directory. */
  readonly authority: string;
  readonly caFile: string;
  readonly serverName: string;
  readonly pem: (name: string) => string;
  /** Runs another groundcrew command to its end. */
  readonly command: (...words: readonly string[]) => Promise<void>;
}

/** `program`: the command line's main file; `names`: the workers. */
export async function issueAll(options: {
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly program: string;
  readonly names: readonly string[];
}): Promise<Issued> {
  const { dir, env, program, names } = options;
  const authority = join(dir, 'authority');
  const bare = join(dir, 'bare.yaml');
  writeFileSync(bare, `stateDir: ${join(dir, 'bare')}\n`);
  const command = async (...words: readonly string[]): Promise<void> => {
    const args = ['--disable-warning=ExperimentalWarning', program, ...words];
    await promisify(execFile)(process.execPath, args, { cwd: dir, env });
  };
  const issue = (name: string, ...more: readonly string[]): Promise<void> =>
    command('credentials', 'issue', name, '--dir', authority, '--config', bare, ...more);
  const serverName = 'groundcrew-server';
  await command('credentials', 'ca', '--dir', authority, '--config', bare);
  await issue('broker', '--for', 'broker', '--host', '127.0.0.1');
  await issue(serverName, '--for', 'server');
  for (const name of names) await issue(name);
  const pem = (name: string): string => join(authority, `${name}.pem`);
  return { authority, caFile: pem('ca'), serverName, pem, command };
}
