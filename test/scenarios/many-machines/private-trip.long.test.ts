import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Grant } from '../../../src/core/grant.ts';
import { parseRunLink } from '../../../src/core/run-link.ts';
import { containersOf } from '../../support/end-processes.ts';
import type { GateRequest } from '../../support/http-gate.ts';
import { needs } from '../../support/needs.ts';
import { filesWith, formsOfPassword, watchProcesses } from '../../support/secret-search.ts';
import { podmanEnv, testImage } from '../../support/test-image.ts';
import { until } from '../../support/until.ts';
import { openPrivateHouse, privateRepo, type PrivateHouse } from './private-house.ts';

/** So many lines, half of them before it waits for a file `go`. */
const lines = 20_000;
/** What a token of GitHub looks like, and the beginning of what git sends of it; so written that they do not find themselves. */
const shapes = 'gh[s]_[0-9a-f]{36}|eC1hY2Nlc3MtdG9rZW4[6]Z2hz';
/** Has that shape: the search of the job has to find it, and nothing else. */
const decoy = `ghs_${'0'.repeat(36)}`;

/** Says everything that a job can see of its surroundings, and looks for a token in every file. */
const script = `#!/bin/sh
env
cat /proc/mounts /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'
find / \\( -path /proc -o -path /sys -o -path /dev \\) -prune -o -type f -exec grep -lE '${shapes}' {} + | sed 's/^/found /'
seq 1 ${String(lines / 2)}
touch "$TEST_ATTACHMENTS/halfway"
until [ -e go ]; do sleep 0.1; done
seq ${String(lines / 2 + 1)} ${String(lines)}
`;

test(
  'a private repository is tested on another machine: the verdict and the whole log arrive, and the token is nowhere',
  { timeout: 300_000, ...needs('git', 'linux', 'openssl', 'podman', 'rabbitmq') },
  async (t) => {
    const image = await testImage();
    const all = await openPrivateHouse(t, {
      '.groundcrew/run': { script },
      '.groundcrew/container': `${image}\n`,
      decoy: `${decoy}\n`,
    });
    const { crew, hub, git, house, workerDir, bucket, broker } = all;
    const sha = hub.world.repos.get(privateRepo)?.state.branches.get('main') ?? '';
    const processes = watchProcesses();
    t.after(() => {
      processes.stop();
    });

    // The fetch stands still, with the token in use, until everything was looked at.
    const fetching = git.hold(isFetch);
    let worker = all.startWorker();
    await until(() => fetching.waiting.length > 0, { within: 60_000, what: 'the worker to fetch' }).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}\n${house.program.err()}\n${worker.err()}`, { cause: error });
      },
    );
    const first = fetchGrantIn(await grantsTold(all));
    const secrets = formsOfPassword('x-access-token', first);
    assert.ok(
      secrets.some((form) => fetching.waiting[0]?.authorization === `Basic ${form}`),
      'git uses the granted one',
    );
    processes.look();
    processes.stop();
    assert.ok(
      [...processes.seen].some((text) => /^cmdline .*git-remote-http/.test(text)),
      'the fetch was seen in the list of processes',
    );
    assertNowhere(secrets, [...processes.seen], 'a process');
    assert.deepEqual(filesWith(secrets, crew.root), []);
    fetching.release();

    // In the container, from within (its log) and from without.
    const attempt = await until(() => attemptWith('halfway', workerDir), {
      within: 60_000,
      what: 'the job to be halfway',
    });
    assert.ok(filesWith([decoy], workerDir).length > 0, 'its files are found');
    const containers = containersOf(crew.root);
    assert.equal(containers.length, 1, 'it runs in podman');
    const inspected = execFileSync('podman', ['inspect', ...containers], { env: podmanEnv(), encoding: 'utf8' });
    assertNowhere(secrets, [inspected], 'the container');

    // The worker dies and comes again: it has forgotten its form, and needs no token any more.
    await worker.end('SIGKILL');
    const before = (await grantsTold(all)).length;
    const saidBefore = worker.err();
    worker = all.startWorker();
    await until(() => worker.err().includes('attempt adopted'), { within: 60_000, what: 'the attempt to be adopted' });
    assert.deepEqual(containersOf(crew.root), containers, 'it is the same container');
    processes.look();
    assertNowhere([...secrets, bucket.secretAccessKey], [...processes.seen], 'a process');
    const renewed = await until(async () => (await grantsTold(all))[before] ?? null, { what: 'another grant' });
    assert.equal(renewed.fetch, null);
    assert.equal(renewed.store?.kind, 's3-form');
    const asked = (await all.tap.told()).filter(({ kind }) => kind === 'ask');
    assert.deepEqual(asked.at(-1)?.['wants'], ['store']);
    writeFileSync(join(attempt, 'checkout/go'), '');

    await assertPassed(all, sha);

    // GitHub forgets the token in the middle of a fetch, and the server does not know.
    const failing = git.hold(isFetch);
    const topic = await hub.people.commit(privateRepo, { branch: 'topic', files: { go: '' }, by: 'ada' });
    await hub.people.openPull(privateRepo, { branch: 'topic', by: 'ada' });
    await until(() => failing.waiting.length > 0, { within: 60_000, what: 'the next fetch' });
    assert.equal(fetchGrantIn(await grantsTold(all)), first, 'it is shared while it is good');
    hub.people.revokeToken(first);
    failing.release();
    await assertPassed(all, topic);
    const second = fetchGrantIn(await grantsTold(all));
    assert.notEqual(second, first);
    const again = (await all.tap.told()).filter(({ isFetchRefused }) => isFetchRefused === true);
    assert.ok(again.length > 0, 'the worker asked for another one');

    // Afterwards, both.
    const both = [...secrets, ...formsOfPassword('x-access-token', second)];
    assert.deepEqual(
      [crew.root, broker.directory].flatMap((dir) => filesWith(both, dir)),
      [],
    );
    assertNowhere(both, [saidBefore, worker.err(), house.program.err()], 'our own log');
    for (const { file } of bucket.objects.values()) assertNowhere(both, [readFileSync(file, 'latin1')], 'the store');
    assertNowhere(
      both,
      bucket.requests.map((one) => JSON.stringify(one)),
      'a request to the store',
    );
    await assertBounded(all, renewed);
  },
);

/** Objects are asked for; a token is needed for it, and was taken for what went before. */
function isFetch({ method, url, authorization }: GateRequest): boolean {
  return method === 'POST' && url.endsWith('/git-upload-pack') && authorization !== null;
}

/** The grants that were told to the worker. */
async function grantsTold({ tap }: PrivateHouse): Promise<readonly Grant[]> {
  return (await tap.told()).filter(({ kind }) => kind === 'grant').map(({ grant }) => grant as Grant);
}

function fetchGrantIn(grants: readonly Grant[]): string {
  const found = grants.findLast(({ fetch }) => fetch !== null)?.fetch;
  assert.ok(found, 'a token was granted');
  assert.match(found.password, new RegExp(shapes));
  return found.password;
}

function assertNowhere(secrets: readonly string[], texts: readonly string[], place: string): void {
  const found = texts.filter((text) => secrets.some((secret) => text.includes(secret)));
  assert.deepEqual(
    found.map((text) => text.slice(0, 300)),
    [],
    `a secret stands in ${place}`,
  );
}

/** The directory of the attempt that has this attachment already. */
function attemptWith(attachment: string, workerDir: string): string | null {
  const [file] = globSync(join(workerDir, 'worker/**/attachments', attachment));
  return file === undefined ? null : join(file, '../..');
}

/** Success at GitHub in the first attempt, and behind its link a log with all that the job said, and no token. */
async function assertPassed(all: PrivateHouse, sha: string): Promise<void> {
  const { house, tap } = all;
  const status = await all.verdict(sha);
  const { log, detail } = await house.ended(sha);
  assert.equal(status.state, 'success', log);
  assert.equal(detail.attempts.length, 1, 'no attempt was lost');
  const link = parseRunLink(status.targetUrl ?? '');
  const page = status.targetUrl ?? '';
  assert.ok(link !== null && page.startsWith(house.url), page);
  assert.equal((await fetch(page)).status, 200);
  const read = await (await fetch(new URL(`/api/runs/${link.jobId}/log`, house.url))).text();
  assert.equal(read, log);
  const said = read.split('\n').filter((line) => /^\d+$/.test(line));
  assert.deepEqual(
    said,
    Array.from({ length: lines }, (_, index) => String(index + 1)),
  );
  assert.match(read, /^TEST_REVISION=/m, 'its environment was looked at');
  assert.match(read, / \/var\/tmp\/checkout /, 'its mounts were looked at');
  assert.deepEqual(read.match(/^found .*$/gm), ['found /var/tmp/checkout/decoy'], 'its files were looked at');
  const tokens = (await tap.told()).flatMap(({ grant }) => (grant as Grant | undefined)?.fetch?.password ?? []);
  for (const token of tokens) assertNowhere(formsOfPassword('x-access-token', token), [read], 'the log');
}

/** The form writes below the attempt's own prefix and nowhere else, and the worker has nothing else for the store. */
async function assertBounded({ bucket, crew, workerDir }: PrivateHouse, { store }: Grant): Promise<void> {
  assert.ok(store?.kind === 's3-form');
  const { url, fields, forms = [] } = store;
  assert.ok(forms.length > 0);
  /** With each form in turn, as what it is for. */
  const post = async (key: string): Promise<readonly number[]> => {
    const statuses: number[] = [];
    for (const { policy, signature, contentType, disposition } of forms) {
      const kind = { 'Content-Type': contentType ?? 'application/x-any', 'Content-Disposition': disposition };
      const all = { ...fields, ...kind, policy, 'x-amz-signature': signature, key };
      const body = new FormData();
      for (const [name, value] of Object.entries(all)) body.append(name, value);
      body.append('file', new Blob(['mine']));
      const answer = await fetch(url, { method: 'POST', body });
      await answer.arrayBuffer();
      statuses.push(answer.status);
    }
    return [...new Set(statuses)];
  };
  const prefix = fields['key'] ?? '';
  assert.match(prefix, /^gc\/acme-secret\/main-[^/]+\/1\.1-[0-9a-f]{8}\/$/);
  assert.deepEqual(await post(`${prefix}more`), [204]);
  const kept = new Map([...bucket.objects].map(([key, { etag }]) => [key, etag]));
  const beside = [`${prefix.slice(0, -1)}0/log`, prefix.replace(/1\.1-/, '1.2-'), 'gc/log', 'log', ''];
  for (const key of beside) assert.deepEqual(await post(key), [403], `a form for ${prefix} and the key ${key}`);
  for (const method of ['GET', 'PUT', 'DELETE'])
    assert.equal((await fetch(`${url}/${prefix}log`, { method })).status, 403, `${method} wants a signature`);
  assert.deepEqual(new Map([...bucket.objects].map(([key, { etag }]) => [key, etag])), kept, 'nothing has changed');
  const keys = [bucket.secretAccessKey, bucket.accessKeyId];
  assert.deepEqual(filesWith(keys, workerDir), []);
  assertNowhere(keys, [readFileSync(join(crew.root, 'lab.yaml'), 'utf8')], 'the configuration');
}
