import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutants } from './mutants.ts';

// Runs every mutant (or those of one rule) until the simulator catches it: exit 1 if one survives its seeds.
const { values } = parseArgs({ options: { seeds: { type: 'string', default: '2000' }, rule: { type: 'string' } } });
let survivors = 0;
for (const [index, { rule, name }] of mutants.entries()) {
  if (values.rule !== undefined && values.rule !== rule) continue;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--import',
      fileURLToPath(new URL('mutate.ts', import.meta.url)),
      fileURLToPath(new URL('main.ts', import.meta.url)),
      '--seeds',
      values.seeds,
      '--stop-at-first',
      '--json',
    ],
    { encoding: 'utf8', env: { ...process.env, GROUNDCREW_MUTANT: String(index) } },
  );
  const line = stdout.trim().split('\n').at(-1) ?? '';
  const caught =
    status === 1 && line.startsWith('{') ? (JSON.parse(line) as { firstFailing: number | null; why: string }) : null;
  const seed = caught?.firstFailing ?? null;
  if (seed === null) survivors += 1;
  const verdict =
    seed === null ? `SURVIVED ${stderr.slice(0, 300)}` : `caught at seed ${String(seed)}: ${caught?.why ?? ''}`;
  process.stdout.write(`${rule.padEnd(4)} ${name}: ${verdict}\n`);
}
process.stdout.write(`${String(mutants.length)} mutants, ${String(survivors)} survived\n`);
process.exit(survivors === 0 ? 0 : 1);
