import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Secrets } from '../config/secrets.ts';
import type { Holding } from '../core/worker-message.ts';
import type { LocalRunnerDeps } from '../worker/local-runner.ts';

/** Hands the secrets that a trusted job names to its run, and to the redactor of its log; nobody else's job sees any. */
export function secretsOfJobs(secrets: Secrets): Pick<LocalRunnerDeps, 'secretFiles' | 'secretTexts'> {
  const namesOf = ({ envelope }: Holding): readonly string[] => (envelope.job.isTrusted ? envelope.job.secrets : []);
  return {
    async secretFiles(holding, dir) {
      const files: Record<string, string> = {};
      for (const name of namesOf(holding)) {
        const file = join(dir, name);
        await mkdir(dir, { recursive: true, mode: 0o700 });
        await writeFile(file, secrets.resolve(name), { mode: 0o600 });
        files[name] = file;
      }
      return files;
    },
    secretTexts: (holding) =>
      namesOf(holding).flatMap((name) => {
        try {
          return [Buffer.from(secrets.resolve(name))];
        } catch {
          // A secret that is not there is not shown either; the run itself says what is wrong.
          return [];
        }
      }),
  };
}
