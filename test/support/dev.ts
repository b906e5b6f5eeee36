import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFakeGitHub } from '../../src/forge/github/fake/fake-github.ts';

// `npm run dev`: a GitHub of one's own and a groundcrew that watches it, to try things by hand. Nothing outside is touched, and
// nothing is left behind.

const repo = 'acme/hello';
const port = 8250;
const hook = 'a secret of the two';

const github = await startFakeGitHub({ env: process.env });
const { people } = github;
people.createOrganisation('acme');
for (const login of ['ada', 'mallory', 'crew-bot']) people.createUser(login);
await people.createRepo({
  name: repo,
  files: {
    README: 'Change me in a pull request.\n',
    'test/run': { script: '#!/bin/sh\ncat README\n! grep -q broken README\n' },
  },
});
people.setCollaborator(repo, 'ada', 'push');
people.setCollaborator(repo, 'crew-bot', 'admin');
const fork = 'mallory/hello';
await people.fork(repo, 'mallory');
people.createHook(repo, { url: `http://127.0.0.1:${port}/webhook/github`, secret: hook });

const dir = mkdtempSync(join(tmpdir(), 'groundcrew-dev-'));
const config = join(dir, 'groundcrew.yaml');
writeFileSync(
  config,
  `server: {port: ${port}, publicUrl: 'http://127.0.0.1:${port}'}
forges:
  github:
    kind: github
    apiUrl: ${github.url}
    webUrl: ${github.webUrl}
    token: {env: DEV_TOKEN}
    webhookSecrets: [{env: DEV_HOOK}]
projects:
  - name: ${repo}
    forge: github
    checks:
      - context: hello
      - {context: slow, command: 'sleep 20; cat README', manual: true}
`,
);

const tokens = { ada: people.createToken('ada'), mallory: people.createToken('mallory') };
const api = `${github.url}/repos/${repo}`;
const host = github.webUrl.replace('http://', '');
process.stdout.write(`
The fake GitHub is at ${github.url}, the configuration (edit it, it counts at once) at ${config}
Each branch that you push becomes a pull request: ada may write, mallory's waits for an approval.

  git clone http://ada:${tokens.ada}@${host}/${repo}.git hello && cd hello
  git switch -c topic && echo more >> README && git commit -qam more && git push -q origin topic
  git switch -c hers main && echo hers >> README && git commit -qam hers && git push -q http://mallory:${tokens.mallory}@${host}/${fork}.git hers

  curl -s -H 'authorization: Bearer ${tokens.ada}' ${api}/issues/1/comments -d '{"body":"/test slow"}' > /dev/null
  curl -s -H 'authorization: Bearer ${tokens.ada}' ${api}/commits/topic/statuses | grep -oE '"(context|state|description)":"[^"]*"'

`);

const opened = new Set<string>();
/** What a person would do on a page, which the fake has not. */
async function openPulls(): Promise<void> {
  for (const [from, by] of [
    [repo, 'ada'],
    [fork, 'mallory'],
  ] as const) {
    for (const branch of github.world.repos.get(from)?.state.branches.keys() ?? []) {
      const key = `${from} ${branch}`;
      if (branch === 'main' || opened.has(key)) continue;
      opened.add(key);
      const { number } = await people.openPull(repo, { branch, from, by });
      process.stdout.write(`\n#${String(number)} is open: ${branch} by ${by}\n`);
    }
  }
}
setInterval(() => void openPulls(), 500);

const main = join(import.meta.dirname, '../../src/cli/main.ts');
const words = ['up', '--config', config, '--state-dir', join(dir, 'state'), '--port', String(port)];
const crew = spawn(
  process.execPath,
  ['--disable-warning=ExperimentalWarning', main, ...words, ...process.argv.slice(2)],
  {
    stdio: 'inherit',
    env: { ...process.env, DEV_TOKEN: people.createToken('crew-bot'), DEV_HOOK: hook },
  },
);
// Ctrl-C reaches both; the crew ends by itself, and we after it.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => crew.kill('SIGTERM'));
crew.once('close', (code) => {
  void github.close().then(() => {
    rmSync(dir, { recursive: true, force: true });
    process.exit(code ?? 1);
  });
});
