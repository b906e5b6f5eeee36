import { strict as assert } from 'node:assert';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openCrew } from '../support/crew.ts';
import { openFakeGitHub } from '../support/fake-github.ts';
import { needs } from '../support/needs.ts';
import { until } from '../support/until.ts';

const repo = 'acme/demo';

test(
  'a private project of GitHub: from the first look to the status, and an edit of the policy, without a restart',
  needs('git', 'linux'),
  async (t) => {
    const hub = await openFakeGitHub(t);
    const { people } = hub;
    people.createOrganisation('acme');
    for (const login of ['ada', 'crew-bot']) people.createUser(login);
    await people.createRepo({ name: repo, isPrivate: true, files: { README: 'hello\n' } });
    for (const login of ['ada', 'crew-bot']) people.setCollaborator(repo, login, 'push');
    const sha = await people.commit(repo, { branch: 'topic', files: { 'a.txt': 'a\n' }, by: 'ada' });
    const { number: pull } = await people.openPull(repo, { branch: 'topic', by: 'ada' });

    const crew = await openCrew(t);
    const secrets = { token: people.createToken('crew-bot'), hook: 'shared with GitHub' };
    for (const [name, text] of Object.entries(secrets)) {
      writeFileSync(join(crew.root, name), `${text}\n`, { mode: 0o600 });
    }
    const config = (checks: readonly string[]): string => `
forges:
  github:
    kind: github
    apiUrl: ${hub.url}
    webUrl: ${hub.webUrl}
    token: {file: token}
    webhookSecrets: [{file: hook}]
projects:
  - name: ${repo}
    forge: github
    checks:
${checks.map((context) => `      - {context: ${context}, command: 'cat a.txt README || cat README', paths: null}\n`).join('')}`;
    crew.configure(config(['fedora-44/one']));
    const house = await crew.up();
    people.createHook(repo, { url: `${house.url}/webhook/github`, secret: secrets.hook });

    const waited = await crew.cli('status', `${repo}#${String(pull)}`, '--wait');
    assert.equal(waited.code, 0, waited.err);
    assert.match(waited.out, /^fedora-44\/one +✔ passed/m);
    const shown = (): readonly string[] =>
      people
        .statuses(repo, sha)
        .filter(({ creator }) => creator === 'crew-bot')
        .map(({ context, state }) => `${context} ${state}`);
    await until(() => shown().includes('fedora-44/one success'), { within: 30_000, what: 'the first status' });

    const [link] = people.statuses(repo, sha).map(({ targetUrl }) => targetUrl);
    assert.ok(link?.startsWith(`${house.url}/runs/`) === true, `${String(link)} leads to a page of the run`);

    // A valid edit counts at once, and nobody has to push for it.
    const edit = async (
      text: string,
      isTaken: (policy: { isValid: boolean; version: string }) => boolean,
    ): Promise<void> => {
      crew.configure(text);
      await until(async () => isTaken((await (await house.get('/api/policy')).json()) as never), {
        within: 20_000,
        what: 'the edit to be noticed',
      });
    };
    const { version } = (await (await house.get('/api/policy')).json()) as { version: string };
    await edit(config(['fedora-44/one', 'fedora-44/two']), (policy) => policy.version !== version);
    await until(() => shown().includes('fedora-44/two success'), {
      within: 30_000,
      what: 'the status of the new check',
    });
    assert.equal(shown().filter((line) => line === 'fedora-44/one success').length, 1);

    // So does a project that is new, trust and all.
    const other = await people.createRepo({ name: 'acme/other', files: { README: 'other\n' } });
    people.setCollaborator('acme/other', 'crew-bot', 'push');
    const head = other.state.branches.get('main') ?? '';
    const wider = `${config(['fedora-44/one', 'fedora-44/two'])}  - {name: acme/other, forge: github, checks: [{context: new, command: cat README}]}\n`;
    crew.configure(wider);
    await until(() => people.statuses('acme/other', head).some(({ state }) => state === 'success'), {
      within: 30_000,
      what: 'the status of the new project',
    });

    // A wrong one changes nothing, and is told.
    await edit('projects: [{nam: x}]\n', ({ isValid }) => !isValid);
    assert.match(await (await house.get('/healthz')).text(), /the configuration file is wrong/);
    assert.match(await (await house.get('/metrics')).text(), /^groundcrew_policy_valid 0$/m);
    crew.configure(config(['fedora-44/one', 'fedora-44/two']));
    await until(async () => (await (await house.get('/healthz')).text()) === 'ok\n', { within: 20_000 });

    // A hangup reads the file again, and ends nobody who has no terminal.
    process.kill(house.program.pid, 'SIGHUP');
    await until(() => house.program.err().includes('told to read the configuration anew'), { within: 10_000 });

    const next = await people.commit(repo, { branch: 'topic', files: { 'a.txt': 'b\n' }, by: 'ada' });
    await until(() => people.statuses(repo, next).filter(({ state }) => state === 'success').length >= 2, {
      within: 30_000,
      what: 'the webhook to lead to statuses',
    });

    const explained = await crew.cli('policy', 'explain', `${hub.webUrl}/${repo}/pull/${String(pull)}`);
    assert.equal(explained.code, 0, explained.err);
    assert.match(explained.out, /^fedora-44\/one +yes/m);
    const dry = await crew.cli('scan', repo, '--dry-run');
    assert.equal(dry.code, 0, dry.err);
    assert.match(dry.err, /nothing would change/, dry.out);
    const scanned = await crew.cli('scan');
    assert.match(scanned.out, /^acme\/demo: \d+ places/m);
    assert.match((await crew.cli('deliveries')).out, /github/);

    const order = join(crew.root, 'job.json');
    writeFileSync(order, JSON.stringify({ repo, pull, context: 'by-hand', command: ['cat', 'a.txt'] }));
    const byHand = await crew.cli('run', '--job', order, '--executor', 'process');
    assert.deepEqual([byHand.code, byHand.out.includes('b\n')], [0, true], byHand.err);
    const again = await crew.cli('reproduce', (await house.runs()).find((one) => one.sha === next)?.jobId ?? '');
    assert.equal(again.code, 0, again.err);

    const doctor = await crew.cli('doctor', '--json');
    const findings = (JSON.parse(doctor.out) as { name: string; state: string; finding: string }[]).filter(
      ({ name }) => name === 'github',
    );
    assert.deepEqual(
      findings.filter(({ state }) => state === 'fail'),
      [],
    );
    assert.ok(findings.some(({ finding }) => finding.includes('GitHub knows the token as crew-bot')));

    // The token is for git's and our own requests alone.
    const [run] = await house.runs();
    assert.ok(run !== undefined);
    const texts = [await house.log(run.jobId), house.program.err(), house.program.out(), byHand.out, byHand.err];
    const note = readFileSync(join(crew.stateDir, 'ledger.sqlite'));
    for (const text of [...texts, note.toString('latin1')]) assert.ok(!text.includes(secrets.token));
  },
);
