import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { bucketConfig, bucketKeys } from '../support/bucket-config.ts';
import { openCrew } from '../support/crew.ts';
import { openFakeS3 } from '../support/fake-s3.ts';
import { needs } from '../support/needs.ts';
import { until } from '../support/until.ts';

test('logs and attachments go to a bucket and are read from there', needs('git', 'linux'), async (t) => {
  const bucket = await openFakeS3(t);
  const crew = await openCrew(t);
  const repo = crew.repo();
  repo.commit({ 'test/run': { script: '#!/bin/sh\necho first\n' } });
  crew.configure(bucketConfig(bucket, { prefix: 'gc' }));
  Object.assign(crew.env, bucketKeys(bucket));
  const house = await crew.up(repo.dir);
  const sha = repo.commit({
    'test/run': { script: '#!/bin/sh\necho "the value is $((6 * 7))"\necho hi >"$TEST_ATTACHMENTS/note.txt"\n' },
  });
  const { log, summary, outcome } = await house.ended(sha);
  assert.deepEqual(outcome, { kind: 'passed' });
  assert.match(log, /^the value is 42$/m);
  const page = await (await house.get(`/runs/${summary.jobId}`)).text();
  assert.match(page, /note\.txt/);
  const names = [...bucket.objects.keys()]
    .filter((key) => key.includes(sha.slice(0, 8)))
    .map((key) => /^gc\/demo\/[^/]+\/1\.1-[0-9a-f]{8}\/(.*)$/.exec(key)?.[1] ?? key);
  assert.deepEqual(names.sort(), ['log', 'note.txt', 'run.json']);
  const told = await crew.cli('logs', summary.jobId.slice(0, 12));
  assert.equal(told.out, log, told.err);
  const doctor = await crew.cli('doctor', '--json');
  assert.match(doctor.out, /bucket ci-logs at http.*no ACLs, keeps If-None-Match, reads ranges, takes forms/);
  assert.doesNotMatch(`${house.program.err()}${doctor.out}${doctor.err}`, /fake\/secret/);
});

test('with a mirror no log lives in one place only', needs('git', 'linux'), async (t) => {
  const bucket = await openFakeS3(t);
  const crew = await openCrew(t);
  const repo = crew.repo();
  repo.commit({ 'test/run': { script: '#!/bin/sh\necho first\n' } });
  const mirror = join(crew.root, 'mirror');
  crew.configure(bucketConfig(bucket, { more: `  mirrors:\n    - dir: ${mirror}\n` }));
  Object.assign(crew.env, bucketKeys(bucket));
  const house = await crew.up(repo.dir);
  const sha = repo.commit({ 'test/run': { script: '#!/bin/sh\necho kept\necho hi >"$TEST_ATTACHMENTS/note.txt"\n' } });
  const { log, summary } = await house.ended(sha);
  const copied = async (): Promise<readonly string[]> =>
    (await readdir(join(mirror, 'objects'), { recursive: true }))
      .filter((name) => name.includes(sha.slice(0, 8)) && /(log|note\.txt|run\.json)$/.test(name))
      .map((name) => basename(name));
  await until(async () => (await copied()).length === 3, { what: 'the mirror to have its copies' });
  assert.match(
    await (await house.get('/metrics')).text(),
    /groundcrew_store_mirror_up\{mirror="store\.mirrors\[0\]"\} 1/,
  );
  // The primary is gone for good.
  bucket.fault = () => 'cut';
  await until(async () => (await house.log(summary.jobId)) === log, { what: 'the log to come from the mirror' });
  const told = await crew.cli('logs', summary.jobId.slice(0, 12));
  assert.equal(told.out, log, told.err);
});

test('who follows a log on the command line has each second sent, as a page has', needs('git', 'linux'), async (t) => {
  const bucket = await openFakeS3(t);
  const crew = await openCrew(t);
  const repo = crew.repo();
  // Nothing but a watcher gets more than the first lines before the end.
  crew.configure(`${bucketConfig(bucket)}logs: {flush: 1h}\n`);
  Object.assign(crew.env, bucketKeys(bucket));
  const house = await crew.up(repo.dir);
  const wait = (file: string): string => `while ! [ -e "${join(crew.root, file)}" ]; do sleep 0.05; done\n`;
  const sha = repo.commit({
    'test/run': { script: `#!/bin/sh\necho one\n${wait('go')}echo two\n${wait('end')}echo three\n` },
  });
  const { jobId } = await house.runOf(sha, 'running');
  const first = await house.log(jobId);
  assert.doesNotMatch(first, /two/);
  const follower = crew.start(['logs', '-f', jobId.slice(0, 12)]);
  await until(() => /^one$/m.test(follower.out()), { what: 'the first line' });
  writeFileSync(join(crew.root, 'go'), '');
  await until(() => /^two$/m.test(follower.out()), { what: 'a line of a job that goes on' });
  assert.equal((await house.run(jobId)).summary.state, 'running');
  writeFileSync(join(crew.root, 'end'), '');
  const { log } = await house.ended(sha);
  assert.deepEqual(await follower.ended, { code: 0, out: log, err: follower.err() });
});
