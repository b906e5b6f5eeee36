import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RunDetail, RunSummary } from '../../../src/ledger/ledger-reader.ts';
import { guideBlocks, guideTable } from '../../support/guide-blocks.ts';
import { needs } from '../../support/needs.ts';
import { openNetHosts, publicCa, type NetHost } from '../../support/net-hosts.ts';
import { until } from '../../support/until.ts';
import { askerOf } from '../chaos/asked-process.ts';
import type { GitHubDeeds } from '../chaos/github-process.ts';
import type { S3Deeds } from '../chaos/s3-process.ts';
import { furnish, unitLog } from './stand-ins.ts';

const root = join(import.meta.dirname, '../../..');
const guide = readFileSync(join(root, 'docs/guides/many-machines.md'), 'utf8');
const names = ['ci', 'mq', 's3', 'hub', 'desk', 'lab-1', 'lab-2'];
const repo = 'acme/demo';
const hookSecret = 'between-github-and-us';
const asCrew =
  'cd / && runuser -u groundcrew -- env GROUNDCREW_CONFIG=/etc/groundcrew/groundcrew.yaml GROUNDCREW_STATE_DIR=/var/lib/groundcrew';

test(
  'the guide, typed as it stands, leads from one machine to a server, a broker, a bucket and two workers behind firewalls',
  needs('git', 'linux', 'netns', 'openssl', 'rabbitmq', 'root'),
  async (t) => {
    const hosts = await openNetHosts(t, names, { 'github.com': 'hub', 'other.example.org': 'mq' });
    for (const name of names) furnish(hosts.get(name), hosts, names);
    const [ci, desk, s3, hub] = ['ci', 'desk', 's3', 'hub'].map((name) => hosts.get(name)) as [
      NetHost,
      NetHost,
      NetHost,
      NetHost,
    ];
    const hostOf = (name: string): string => (name === 'github.com' ? 'hub' : name);
    hosts.onlyLet(
      guideTable(guide, 'Who dials whom').map(({ from = '', to = '', port = '' }) => ({
        from: hostOf(from),
        to: hostOf(to),
        port: Number(port),
      })),
    );

    // GitHub, and the machine as it was before: one `groundcrew up`.
    const github = askerOf<GitHubDeeds>(
      hub.start([process.execPath, join(root, 'test/scenarios/chaos/github-process.ts')], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      }),
    );
    t.after(() => github('close', null).catch(() => undefined));
    // Everybody trusts it, as they do the real one.
    hub.run(`groundcrew credentials ca --dir ~/ca
groundcrew credentials issue hub --for broker --host github.com --dir ~/ca`);
    const trusted = hub.run('cat ~/ca/ca.pem');
    for (const name of names)
      hosts.get(name).run(`tee ${publicCa} >>/etc/ssl/certs/ca-certificates.crt`, { input: trusted });
    relay(hub, 443, await github('port', null), '/root/ca/hub.pem', '/root/ca/hub.key');
    await github('callItself', 'https://github.com');
    const { token, sha: first } = await github('addPlace', {
      repo,
      bot: 'crew-bot',
      files: {
        '.groundcrew/run': { script: '#!/bin/sh\necho "on $(hostname)"\ncat hold 2>/dev/null && sleep 600\nexit 0\n' },
      },
      hook: { url: 'http://ci.example.org:443/webhook/github', secret: hookSecret },
    });
    relay(ci, 443, 8250);
    const push = (files: Record<string, string>): Promise<string> => github('push', { repo, branch: 'main', files });
    const verdict = (sha: string): Promise<string> =>
      until(
        async () => {
          const last = (await github('statuses', { repo, sha })).at(-1);
          return last !== undefined && last.state !== 'pending' ? last.state : null;
        },
        { within: 60_000, what: `a verdict for ${sha}` },
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${logs()}`, { cause: error });
      });
    const logs = (): string =>
      [
        ci.run(`cat ${unitLog('groundcrew-server')}`, { mayFail: true }),
        ...['lab-1', 'lab-2'].map((name) =>
          hosts.get(name).run(`cat ${unitLog('groundcrew-worker')}`, { mayFail: true }),
        ),
      ].join('\n');
    ci.run(
      `useradd --create-home you
mkdir -p ~you/.config/groundcrew
cat >~you/.config/groundcrew/groundcrew.yaml
echo '${token}' >~you/.config/groundcrew/token
echo '${hookSecret}' >~you/.config/groundcrew/webhook
chmod 600 ~you/.config/groundcrew/*
chown -R you: ~you
su you -s /bin/sh -c 'cd; setsid groundcrew up --executor process >up.log 2>&1 & echo $! >groundcrew.pid'`,
      {
        input: `server: {publicUrl: 'http://ci.example.org:443'}
forges:
  github:
    kind: github
    apiUrl: https://github.com
    webUrl: https://github.com
    token: {file: token}
    webhookSecrets: [{file: webhook}]
projects: [{name: ${repo}, forge: github}]
`,
      },
    );
    assert.equal(
      await verdict(first).catch((error: unknown) => {
        throw new Error(ci.run('cat ~you/up.log', { mayFail: true }), { cause: error });
      }),
      'success',
    );

    const blocks = guideBlocks(guide);
    const place = await bucket(s3, desk);
    // What the guide leaves to the operator, and what a namespace cannot do: its own CA at the bucket, podman.
    const changed = (host: string, text: string): string =>
      host === 'ci'
        ? text.replace(/^store:$/m, 'store:\n  ca: ca.pem')
        : text.replace(/^worker:$/m, 'store: { ca: ca.pem }\nworker:\n  executor: process');
    const follow = (host: string, text: string, file: string | null, isAdded: boolean): string => {
      const at = hosts.get(host);
      if (file === null) return at.run(text);
      return at.run(`cat ${isAdded ? '>>' : '>'}${file}`, {
        input: host === 'desk' || host === 'mq' ? text : changed(host, text),
      });
    };
    const begun = Date.now();
    let said = '';
    for (const block of blocks) {
      if (block.text.includes('credentials revoke')) break;
      // The same for the other worker, as the guide says.
      const isWorkers = block.host === 'lab-1' || block.text.includes('root@lab-1');
      if (block.text.includes('groundcrew workers')) {
        await until(() => (ci.run(`${asCrew} groundcrew workers`).match(/^lab-/gm) ?? []).length === 2, {
          within: 60_000,
          what: 'both workers',
        }).catch((error: unknown) => {
          throw new Error(`${String(error)}\n${logs()}`, { cause: error });
        });
      }
      if (block.host === 'ci' && block.isAdded)
        ci.run(
          `umask 077; echo ${place.accessKeyId} >/etc/groundcrew/s3-key-id; echo ${place.secretAccessKey} >/etc/groundcrew/s3-key`,
        );
      for (const other of isWorkers ? ['lab-1', 'lab-2'] : ['lab-1']) {
        said = follow(
          block.host === 'lab-1' ? other : block.host,
          block.text.replaceAll('lab-1', other),
          block.file?.replaceAll('lab-1', other) ?? null,
          block.isAdded,
        );
      }
    }
    t.diagnostic(`the guide took ${String(Math.round((Date.now() - begun) / 1000))} s of machine time`);
    assert.match(said, /^lab-1 /m);
    assert.match(said, /^lab-2 /m);
    assert.deepEqual(
      JSON.parse(desk.run('cd ~/ci-ca && groundcrew broker check --config setup.yaml --dir . --json')),
      [],
    );

    const detailOf = async (sha: string): Promise<RunDetail> => {
      const run = await until(
        () => {
          const runs = JSON.parse(ci.run(`${asCrew} groundcrew runs --json`)) as readonly RunSummary[];
          return runs.find((one) => one.sha === sha);
        },
        { within: 30_000, what: 'the run' },
      );
      return until(
        () => {
          const detail = JSON.parse(ci.run(`${readPage} http://127.0.0.1:8250/api/runs/${run.jobId}`)) as RunDetail;
          return detail.attempts.at(-1)?.logSha256 === null ? null : detail;
        },
        { within: 30_000, what: 'the log to be sealed' },
      );
    };
    const second = await push({ 'a.txt': '1' });
    assert.equal(await verdict(second), 'success', logs());
    const { summary, attempts } = await detailOf(second);
    const by = attempts[0]?.worker ?? '';
    assert.ok(['lab-1', 'lab-2'].includes(by), by);
    assert.match(ci.run(`${asCrew} groundcrew logs ${summary.jobId}`), new RegExp(`^on ${by}$`, 'm'));
    const stored = s3.run('cat /srv/s3/journal');
    assert.match(stored, new RegExp(`"groundcrew/[^"]*${second.slice(0, 8)}[^"]*/log"`));
    // What was tested on one machine is still there.
    const before = (await detailOf(first)).summary;
    assert.match(ci.run(`${asCrew} groundcrew logs ${before.jobId}`), /^on ci$/m);

    // A worker holds nothing of forge or store, and nobody gets in.
    const lab = hosts.get('lab-1');
    assert.equal(
      lab.run(`grep -rlE '${token}|${place.secretAccessKey}|${hookSecret}' /etc/groundcrew /var/lib/groundcrew || :`),
      '',
    );
    assert.equal(lab.run('ss -Hltn'), '', 'a worker listens nowhere');
    assert.match(lab.run(`${tryPort} ci.example.org 443`, { mayFail: true }), /closed/);
    assert.match(ci.run(`${tryPort} lab-1.example.org 22`, { mayFail: true }), /closed/);
    assert.match(lab.run(`${tryPort} mq.example.org 15671`, { mayFail: true }), /closed/);
    assert.match(lab.run(`${tryPort} mq.example.org 5671`, { mayFail: true }), /open/);

    const misled = lab.run(
      `sed 's/mq\\.example/other.example/' /etc/groundcrew/groundcrew.yaml >/etc/groundcrew/other.yaml
chown groundcrew: /etc/groundcrew/other.yaml
${asCrew} timeout 30 groundcrew worker --config /etc/groundcrew/other.yaml --state-dir /var/lib/groundcrew/other`,
      { mayFail: true },
    );
    const complaints = misled.split('\n').filter((line) => line.startsWith('groundcrew: '));
    assert.equal(complaints.length, 1, misled);
    assert.match(complaints[0] ?? '', /certificate is for another name/);

    const revoking = blocks.find(({ text }) => text.includes('credentials revoke'));
    assert.ok(revoking !== undefined);
    follow('desk', revoking.text, null, false);
    const revoked = hosts.get('lab-2');
    await until(() => revoked.run(`cat ${unitLog('groundcrew-worker')}`).includes('has lab-2 been revoked'), {
      within: 30_000,
      what: 'lab-2 to be cut off',
    });
    for (const text of ['2', '3']) {
      const sha = await push({ 'a.txt': text });
      assert.equal(await verdict(sha), 'success', logs());
      assert.equal((await detailOf(sha)).attempts.at(-1)?.worker, 'lab-1');
    }
  },
);

const readPage = `${process.execPath} -e 'fetch(process.argv[1]).then((answer) => answer.text()).then(console.log)'`;

const tryPort = `${process.execPath} -e '
const socket = require("node:net").connect({ host: process.argv[1], port: Number(process.argv[2]), timeout: 2000 });
const say = (word) => { console.log(word); process.exit(); };
socket.on("connect", () => say("open")).on("error", () => say("closed")).on("timeout", () => say("closed"));'`;

function relay(host: NetHost, port: number, to: number, ...pair: string[]): void {
  host.start([process.execPath, join(import.meta.dirname, 'relay-process.ts'), String(port), String(to), ...pair]);
}

/** The strict fake S3 server on its own host, over TLS with a certificate of the guide's own authority. */
async function bucket(s3: NetHost, desk: NetHost): Promise<Awaited<ReturnType<S3Deeds['place']>>> {
  const child = s3.start([process.execPath, join(root, 'test/scenarios/chaos/s3-process.ts'), '/srv/s3'], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const asked = askerOf<S3Deeds>(child);
  const place = await asked('place', null);
  desk.run(`groundcrew credentials ca --dir ~/ci-ca
groundcrew credentials issue s3 --for broker --host s3.example.org --dir ~/ci-ca
cd ~/ci-ca && scp s3.pem s3.key root@s3.example.org:/srv/`);
  relay(s3, 443, place.port, '/srv/s3.pem', '/srv/s3.key');
  return place;
}
