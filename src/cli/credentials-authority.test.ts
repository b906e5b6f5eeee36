import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { needs } from '../../test/support/needs.ts';
import { openTempDir, removeTempDir } from '../../test/support/temp-dir.ts';
import { isGroundcrewError } from '../base/errors.ts';
import { systemRandom } from '../base/random.ts';
import {
  authorityFiles,
  issueCertificate,
  makeAuthority,
  revokeName,
  type AuthorityPlace,
  type IssueOrder,
} from './credentials-authority.ts';
import { membersOf, readIssued } from './credentials-list.ts';

const dayMs = 86_400_000;
const worker = (name: string, pools = ['default']): IssueOrder => ({
  name,
  kind: 'worker',
  pools,
  hosts: [],
  validDays: 30,
});
const isRefused =
  (text: RegExp) =>
  (error: unknown): boolean =>
    isGroundcrewError(error, 'cli/credentials') && text.test(error.message);

async function openPlace(t: TestContext): Promise<AuthorityPlace & { pass(days: number): void }> {
  const dir = await openTempDir();
  t.after(() => removeTempDir(dir));
  let skippedMs = 0;
  return {
    dir: `${dir}/credentials`,
    env: process.env,
    random: systemRandom,
    now: () => Date.now() + skippedMs,
    pass: (days) => void (skippedMs += days * dayMs),
  };
}

test('an authority is made once, and its key is for this user alone', needs('openssl'), async (t) => {
  const place = await openPlace(t);
  assert.equal(await makeAuthority(place, 3650), 'made');
  const { caFile, caKeyFile } = authorityFiles(place.dir);
  const before = readFileSync(caFile, 'utf8');
  assert.equal(await makeAuthority(place, 3650), 'found');
  assert.equal(readFileSync(caFile, 'utf8'), before);
  assert.equal(statSync(caKeyFile).mode & 0o777, 0o600);
  assert.equal(statSync(place.dir).mode & 0o777, 0o700);
  const ca = new X509Certificate(before);
  assert.equal(ca.ca, true);
  assert.equal(ca.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
});

test('a worker’s certificate says its name and may do nothing else', needs('openssl'), async (t) => {
  const place = await openPlace(t);
  await makeAuthority(place, 3650);
  const { certFile, keyFile, caFile, issued } = await issueCertificate(place, worker('w1', ['default', 'lab']));
  const made = new X509Certificate(readFileSync(certFile));
  const ca = new X509Certificate(readFileSync(caFile));
  assert.equal(made.subject, 'CN=w1');
  assert.ok(made.verify(ca.publicKey));
  assert.equal(made.ca, false);
  assert.deepEqual(made.keyUsage, ['1.3.6.1.5.5.7.3.2'], 'client authentication alone');
  assert.ok(Math.abs(issued.expiresAt - (Date.now() + 30 * dayMs)) < 60_000);
  assert.equal(statSync(keyFile).mode & 0o777, 0o600);
  assert.equal(made.serialNumber, issued.serial);
  assert.ok(!readdirSync(place.dir).some((name) => name.startsWith('.draft')), 'no key lies about');
  assert.deepEqual(membersOf(readIssued(place.dir), place.now()), {
    server: null,
    workers: [{ name: 'w1', pools: ['default', 'lab'] }],
    revoked: [],
  });
});

test('a broker’s certificate is for its hosts', needs('openssl'), async (t) => {
  const place = await openPlace(t);
  await makeAuthority(place, 3650);
  const hosts = ['broker.example.org', '10.0.0.1', 'fd00::1'];
  const { certFile } = await issueCertificate(place, {
    name: 'broker',
    kind: 'broker',
    pools: [],
    hosts,
    validDays: 90,
  });
  const made = new X509Certificate(readFileSync(certFile));
  assert.ok(made.checkHost('broker.example.org'));
  assert.ok(made.checkIP('10.0.0.1') && made.checkIP('fd00::1'));
  assert.equal(made.checkHost('other.example.org'), undefined);
  assert.deepEqual(made.keyUsage, ['1.3.6.1.5.5.7.3.1']);
  assert.deepEqual(membersOf(readIssued(place.dir), place.now()).workers, []);
});

test('a renewal keeps the old pair beside the new one', needs('openssl'), async (t) => {
  const place = await openPlace(t);
  await makeAuthority(place, 3650);
  const first = readFileSync((await issueCertificate(place, worker('w1'))).certFile, 'utf8');
  const { certFile, keyFile } = await issueCertificate(place, worker('w1', ['lab']));
  assert.notEqual(readFileSync(certFile, 'utf8'), first);
  assert.equal(readFileSync(`${certFile}.old`, 'utf8'), first);
  assert.equal(statSync(`${keyFile}.old`).mode & 0o777, 0o600);
  assert.deepEqual(membersOf(readIssued(place.dir), place.now()).workers, [{ name: 'w1', pools: ['lab'] }]);
});

test('a revoked name comes back only when its old certificate has expired', needs('openssl'), async (t) => {
  const place = await openPlace(t);
  await makeAuthority(place, 3650);
  await issueCertificate(place, worker('w1'));
  await revokeName(place, 'w1');
  await revokeName(place, 'w1');
  assert.deepEqual(membersOf(readIssued(place.dir), place.now()), { server: null, workers: [], revoked: ['w1'] });
  await assert.rejects(issueCertificate(place, worker('w1')), isRefused(/valid until \d{4}-/));
  place.pass(31);
  await issueCertificate(place, worker('w1'));
  assert.deepEqual(membersOf(readIssued(place.dir), place.now()), {
    server: null,
    workers: [{ name: 'w1', pools: ['default'] }],
    revoked: [],
  });
});

test(
  'without an authority, with a name of another kind, or for nobody, nothing is done',
  needs('openssl'),
  async (t) => {
    const place = await openPlace(t);
    await assert.rejects(issueCertificate(place, worker('w1')), isRefused(/credentials ca/));
    await makeAuthority(place, 3650);
    await issueCertificate(place, worker('w1'));
    await assert.rejects(
      issueCertificate(place, { ...worker('w1'), kind: 'server' }),
      isRefused(/of a worker already/),
    );
    await assert.rejects(revokeName(place, 'w2'), isRefused(/nobody called w2/));
    await assert.rejects(
      makeAuthority({ ...place, dir: `${place.dir}2`, env: { PATH: '/none' } }, 1),
      isRefused(/openssl is not installed/),
    );
  },
);
