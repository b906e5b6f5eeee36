import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { runCliWith } from '../../test/support/cli-run.ts';
import { tempDir } from '../../test/support/temp-dir.ts';
import { GroundcrewError } from '../base/errors.ts';
import { writeServerFile } from '../config/server-file.ts';
import type { Finding } from './finding.ts';
import type { Wiring } from './wiring.ts';

const project = 'projects: [{name: o/r, forge: github}]\n';

/** What doctor says of forges under this configuration. */
async function findingsOf(
  context: TestContext,
  text: string,
  around: { readonly checkForge?: Wiring['checkForge']; readonly isServing?: boolean; readonly secret?: string } = {},
): Promise<{ readonly code: number; readonly findings: readonly Finding[] }> {
  const dir = await tempDir(context);
  const file = join(dir, 'groundcrew.yaml');
  writeFileSync(file, text);
  writeFileSync(join(dir, 'token'), around.secret ?? 'ghp_x\n', { mode: 0o600 });
  if (around.isServing === true) {
    writeServerFile(join(dir, 'server.json'), { url: 'http://127.0.0.1:1', token: 'x'.repeat(20), pid: process.pid });
  }
  const { code, out } = await runCliWith(['doctor', '--json', '--config', file, '--state-dir', dir], {
    wiring: {
      trials: async () => [{ executor: 'podman', trial: { isUsable: true, finding: 'works', tookMs: 1 } }],
      hasHook: async () => true,
      checkBroker: async () => [],
      openReader: async () => null,
      checkForge: around.checkForge ?? (async () => [{ ok: true, what: 'GitHub knows us', remedy: null }]),
    },
  });
  const all = JSON.parse(out) as Finding[];
  return { code, findings: all.filter(({ name }) => name === 'github') };
}

/** A public address that answers with one status. */
async function addressThat(context: TestContext, status: number): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(status).end('x');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  context.after(() => server.close());
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

test('doctor tells what is missing for a forge here, each with its remedy, and what the forge says of us', async (context) => {
  const { code, findings } = await findingsOf(context, 'forges: {github: {kind: github, token: {file: token}}}\n', {
    checkForge: async () => [
      { ok: false, what: 'the token may not write statuses', remedy: 'give it statuses: write' },
    ],
  });
  assert.equal(code, 3);
  assert.deepEqual(
    findings.map(({ state, remedy }) => [state, remedy]),
    [
      ['warn', 'add one under projects: {name: OWNER/REPO, forge: github}'],
      ['warn', 'set forges.github.webhookSecrets, and the same secret at the webhook'],
      ['warn', 'set server.publicUrl to the https address under which https://github.com and people reach this server'],
      ['fail', 'give it statuses: write'],
    ],
  );
});

test('a secret that cannot be read is a failure, and the forge is not asked with nothing', async (context) => {
  const asked: string[] = [];
  const { code, findings } = await findingsOf(
    context,
    `forges: {github: {kind: github, token: {file: nowhere}}}\n${project}`,
    {
      checkForge: async (_settings, name) => {
        asked.push(name);
        return [];
      },
    },
  );
  assert.equal(code, 3);
  assert.deepEqual(asked, []);
  assert.match(findings[0]?.finding ?? '', /forges\.github\.token: .*nowhere.*no such file/);
});

test('the address of the webhook is tried while the server runs: it must be ours that answers there', async (context) => {
  const config = (url: string): string =>
    `server: {publicUrl: "${url}"}\nforges: {github: {kind: github, token: {file: token}, webhookSecrets: [{file: token}]}}\n${project}`;
  const good = await findingsOf(context, config(await addressThat(context, 405)), { isServing: true });
  assert.equal(good.code, 0);
  assert.match(good.findings[1]?.finding ?? '', /^webhooks reach this server at http.*\/webhook\/github$/);
  const other = await findingsOf(context, config(await addressThat(context, 404)), { isServing: true });
  assert.equal(other.code, 3);
  assert.match(other.findings[1]?.finding ?? '', /answers 404/);
  const gone = await findingsOf(context, config('http://127.0.0.1:1'), { isServing: true });
  assert.match(gone.findings[1]?.finding ?? '', /cannot be reached from here/);
  const idle = await findingsOf(context, config('http://127.0.0.1:1'));
  assert.equal(idle.code, 0);
  assert.match(idle.findings[1]?.finding ?? '', /the server does not run, so it was not tried/);
});

test('a forge that is away is a finding with a remedy', async (context) => {
  const { code, findings } = await findingsOf(
    context,
    `forges: {github: {kind: github, token: {file: token}}}\n${project}`,
    { checkForge: () => Promise.reject(new GroundcrewError('forge/unreachable', 'no answer', { retry: 'later' })) },
  );
  assert.equal(code, 3);
  assert.equal(findings.at(-1)?.remedy, 'see whether https://api.github.com can be reached from here');
});

test('doctor says when workers of other machines have nothing to fetch a private repository with', async (context) => {
  const queue = 'queue: {kind: amqp, url: amqp://127.0.0.1/x, user: u, password: {file: token}}\n';
  const about = async (rest: string, around: string): Promise<number> => {
    const forge = `forges: {github: {kind: github, token: {file: token}${rest}}}\n`;
    const { findings } = await findingsOf(context, `${around}${forge}${project}`);
    return findings.filter(({ finding }) => finding.startsWith('no fetchToken')).length;
  };
  assert.equal(await about('', queue), 1);
  assert.equal(await about(', fetchToken: {file: token}', queue), 0);
  assert.equal(await about('', ''), 0, 'workers of this machine fetch with the token itself');
});
