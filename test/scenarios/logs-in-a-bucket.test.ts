import { strict as assert } from 'node:assert';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { openFakeS3 } from '../support/fake-s3.ts';
import { needs } from '../support/needs.ts';
import { until } from '../support/until.ts';

test('logs and attachments go to a bucket and are read from there', needs('git', 'linux'), async (t) => {
  const bucket = await openFakeS3(t);
  const crew = await openCrew(t);
  const repo = crew.repo();
  repo.commit({ 'test/run': { script: '#!/bin/sh\necho first\n' } });
  crew.configure(`store:
  s3:
    endpoint: ${bucket.endpoint}
    bucket: ${bucket.bucket}
    region: ${bucket.region}
    prefix: gc
    accessKeyId: {env: KEY_ID}
    secretAccessKey: {env: KEY}
`);
  Object.assign(crew.env, { KEY_ID: bucket.accessKeyId, KEY: bucket.secretAccessKey });
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
  crew.configure(`store:
  s3:
    endpoint: ${bucket.endpoint}
    bucket: ${bucket.bucket}
    region: ${bucket.region}
    accessKeyId: {env: KEY_ID}
    secretAccessKey: {env: KEY}
  mirrors:
    - dir: ${mirror}
`);
  Object.assign(crew.env, { KEY_ID: bucket.accessKeyId, KEY: bucket.secretAccessKey });
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
