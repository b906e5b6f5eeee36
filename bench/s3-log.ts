/** A log on its way to an S3 store: how many objects and requests two hours cost, and how soon somebody who watches sees it. */
import { createHash } from 'node:crypto';
import { appendFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../src/base/clock.ts';
import { systemRandom } from '../src/base/random.ts';
import { createChunkStreamer, remotePace } from '../src/logs/chunk-streamer.ts';
import { tidyLog } from '../src/logs/tidy-log.ts';
import { openGrantedStore } from '../src/storage/granted/granted-store.ts';
import { bucketConfig, bucketKeys } from '../test/support/bucket-config.ts';
import { openCrew, type House } from '../test/support/crew.ts';
import { openFakeS3 } from '../test/support/fake-s3.ts';
import { createHandClock } from '../test/support/hand-clock.ts';
import { openTestS3 } from '../test/support/s3-store.ts';
import { tempDir } from '../test/support/temp-dir.ts';
import { until } from '../test/support/until.ts';
import { readLogEvents } from './log-events.ts';
import { benchPart, median, milliseconds, percentile, type BenchContext, type Row } from './measure.ts';

await benchPart(async (context) => [await twoHours(context), await watched(context)]);

/** 200 MB in 240 flushes, by a worker that has a form and nothing else; then what the server does after the seal. */
async function twoHours(context: BenchContext): Promise<Row> {
  const flushes = context.isSmoke ? 12 : 240;
  const bytesEach = Math.round((context.isSmoke ? 1_000_000 : 200_000_000) / flushes);
  const fake = await openFakeS3(context);
  const server = await openTestS3(context, fake);
  const prefix = 'demo/main-12345678-test-0123456789abcdef/1.1-aaaaaaaa';
  const { form } = await server.form(prefix, 3 * 3_600_000);
  const never = new AbortController().signal;
  const store = openGrantedStore({
    grants: { wait: () => Promise.resolve(form), refuse: () => undefined },
    prefix,
    signal: never,
    clock: systemClock,
    random: systemRandom,
  });
  context.after(() => {
    store.close();
  });
  const file = join(await tempDir(context), 'log');
  await writeFile(file, '');
  const clock = createHandClock();
  const sink = createChunkStreamer({
    file,
    store,
    prefix,
    visibility: 'public',
    clock,
    random: systemRandom,
    onTrouble: (error) => {
      throw error;
    },
    signal: never,
    pace: remotePace,
  });
  const sha256 = createHash('sha256');
  const piece = Buffer.alloc(bytesEach, `${'line of a log '.repeat(5)}\n`);
  const forms = (): number => fake.requests.filter(({ method }) => method === 'POST').length;
  const before = fake.requests.length;
  for (let n = 1; n <= flushes; n++) {
    await appendFile(file, piece);
    sha256.update(piece);
    sink.grew((await stat(file)).size);
    await until(() => clock.waiting === 1, { what: 'the next flush to be planned' });
    clock.pass(n === 1 ? remotePace.firstFlushMs : remotePace.flushMs);
    await until(() => forms() === 2 * n, { what: `flush ${String(n)}` });
    await until(() => fake.objects.has(`${prefix}/log.chunks`));
  }
  const growing = fake.objects.size;
  await until(() => forms() === 2 * flushes);
  await sink.seal({ sizeBytes: (await stat(file)).size, sha256: sha256.digest('hex') }, never);
  const puts = forms();
  await tidyLog(server, prefix);
  const inTheEnd = [...fake.objects.keys()].filter((key) => key.startsWith(prefix)).length;
  const whole = fake.objects.get(`${prefix}/log`)?.sizeBytes === flushes * bytesEach;
  if (!whole || before === 0) throw new Error('the log in the store is not the one that was written');
  // 0.005 $ for 1,000 PUT, POST and LIST, deletions are free: https://aws.amazon.com/s3/pricing/ (us-east-1)
  const cents = (puts / 1000) * 0.5;
  return {
    what: '2 h, 200 MB log to S3: objects in the end',
    target: '≤ 40',
    measured: `${String(inTheEnd)} (${String(growing)} while it grew; ${String(puts)} PUT, ${cents.toFixed(2)} cent at AWS)`,
    baseline: '',
    isReached: inTheEnd <= 40,
  };
}

/** From the moment a job prints to the event that a reader gets of it, through a bucket. */
async function watched(context: BenchContext): Promise<Row> {
  const lines = context.isSmoke ? 20 : 100;
  const bucket = await openFakeS3(context);
  const crew = await openCrew(context);
  crew.configure(bucketConfig(bucket));
  Object.assign(crew.env, bucketKeys(bucket));
  const repo = crew.repo();
  const script = `#!/bin/sh
i=0
while [ $i -lt ${String(lines)} ]; do
  date +%s%N
  sleep 0.2$((i % 9 + 1))
  i=$((i + 1))
done
`;
  const house = await crew.up(repo.dir);
  const sha = repo.commit({ '.groundcrew/run': { script } });
  const delays = await delaysOf(house, (await house.runOf(sha, 'running')).jobId);
  if (delays.length < lines / 2) throw new Error(`only ${String(delays.length)} lines came live`);
  const worst = Math.max(...delays);
  return {
    what: 'printed → event in the browser through S3, watched, p95',
    target: '≤ 2000 ms',
    measured: `${milliseconds(percentile(delays, 0.95))} (median ${milliseconds(median(delays))}, most ${milliseconds(worst)})`,
    baseline: '',
    isReached: percentile(delays, 0.95) <= 2_000,
  };
}

/** What each line that was printed while somebody watched took to come (ms). */
async function delaysOf(house: House, jobId: string): Promise<readonly number[]> {
  const { beganAt, lines } = await readLogEvents(house, jobId);
  return lines.filter(({ printedAt }) => printedAt >= beganAt).map(({ printedAt, cameAt }) => cameAt - printedAt);
}
