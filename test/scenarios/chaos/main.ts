import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CampaignOrder, runCampaign } from './campaign.ts';
import { faultKinds, type FaultKind } from './plan.ts';
import { chaosReport } from './report.ts';

// node test/scenarios/chaos/main.ts [--minutes N] [--jobs N] [--seed S] [--each N] [--only KIND,…] [--report FILE] [--tidy] [--keep]
// --tidy waits until the server has tidied the store, five minutes after its last start. Each kind of fault hits `--each` times, 2.4 times a minute if it is not said; 0: none at all.
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    jobs: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    each: { type: 'string' },
    only: { type: 'string' },
    workers: { type: 'string', default: '8' },
    slots: { type: 'string', default: '1' },
    report: { type: 'string' },
    tidy: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const [jobs, each] = [values.jobs ?? String(100 * minutes), values.each ?? String(Math.ceil(2.4 * minutes))];
const only = values.only?.split(',');
const hasDisks = process.getuid?.() === 0;
const kinds = faultKinds.filter(
  (kind: FaultKind) => (only === undefined || only.includes(kind)) && (hasDisks || kind !== 'disk-full'),
);
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    stop.abort();
    // What was being done fails when its parts are gone; nobody wants to hear of that.
    setTimeout(() => process.exit(130), 10_000);
  });
}
const dir = await mkdtemp(join(tmpdir(), 'gc-chaos-'));
const order: CampaignOrder = {
  dir,
  seed: Number(values.seed),
  lengthMs: minutes * 60_000,
  jobs: Number(jobs),
  perKind: Number(each),
  kinds,
  workers: Number(values.workers),
  slots: Number(values.slots),
  accounts: 6,
  hasDisks,
  restWithinMs: 300_000,
  awaitsTidying: values.tidy,
  signal: stop.signal,
};
const result = await runCampaign(order);
const choice = `${only === undefined ? '' : ` --only ${only.join(',')}`}${values.tidy ? ' --tidy' : ''}`;
const command = `node test/scenarios/chaos/main.ts --minutes ${String(minutes)} --jobs ${jobs} --each ${each} --seed ${values.seed}${choice}`;
const report = chaosReport(order, result, command);
if (values.report !== undefined) writeFileSync(values.report, report);
process.stdout.write(
  `${report}\n${JSON.stringify({ ...result.counts, asked: result.asked, missed: result.missed }, null, 2)}\n`,
);
for (const line of result.wrong) process.stdout.write(`WRONG ${line}\n`);
if (result.wrong.length === 0 && !values.keep) await rm(dir, { recursive: true, force: true });
else process.stdout.write(`everything is kept in ${dir}\n`);
process.exitCode = result.wrong.length === 0 ? 0 : 1;
