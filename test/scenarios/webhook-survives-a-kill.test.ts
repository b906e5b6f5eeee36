import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { startFakeGitHub } from '../../src/forge/github/fake/fake-github.ts';
import { openCrew, type House } from '../support/crew.ts';
import { needs } from '../support/needs.ts';
import { until } from '../support/until.ts';
import { deliveryId, webhookHeaders } from '../support/webhook-examples.ts';

const secret = 'shared with GitHub';

test(
  'what was answered with 202 is there after kill -9, and the same again changes nothing',
  needs('git', 'linux'),
  async (t) => {
    const hub = await startFakeGitHub({ env: { PATH: process.env['PATH'] } });
    t.after(() => hub.close());
    hub.people.createOrganisation('acme');
    hub.people.createUser('crew-bot');
    await hub.people.createRepo({ name: 'acme/demo', files: { README: 'hello\n' } });
    hub.people.setCollaborator('acme/demo', 'crew-bot', 'push');
    const crew = await openCrew(t);
    crew.configure(`
forges:
  github:
    kind: github
    apiUrl: ${hub.url}
    webUrl: ${hub.webUrl}
    token: {env: BOT_TOKEN}
    webhookSecrets: [{env: HOOK_SECRET}]
projects:
  - {forge: github, name: acme/demo}
`);
    Object.assign(crew.env, { BOT_TOKEN: hub.people.createToken('crew-bot'), HOOK_SECRET: secret });

    const send = async (house: House, n: number, sign = secret): Promise<{ status: number; line: string }> => {
      const repository = { full_name: 'acme/demo' };
      const body = JSON.stringify({ repository, ref: `refs/heads/topic-${n}`, after: 'a'.repeat(40) });
      const headers = webhookHeaders(body, { id: deliveryId(n), secret: sign });
      const response = await fetch(`${house.url}/webhook/github`, { method: 'POST', headers, body });
      return { status: response.status, line: (await response.text()).trim() };
    };

    const first = await crew.server();
    const answers = await Promise.all(Array.from({ length: 40 }, (_, at) => send(first, at)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202]);
    assert.equal((await send(first, 99, 'guessed')).status, 401);
    await first.program.end('SIGKILL');

    const second = await crew.server();
    const again = await Promise.all(Array.from({ length: 40 }, (_, at) => send(second, at)));
    assert.deepEqual([...new Set(again.map(({ line }) => line))], ['known already; nothing changes']);
    assert.equal((await send(second, 40)).line.slice(0, 6), 'stored');
    await until(async () => /^groundcrew_deliveries_pending 0$/m.test(await (await second.get('/metrics')).text()));
    const metrics = await (await second.get('/metrics')).text();
    assert.match(metrics, /^groundcrew_deliveries_total\{forge="github",source="event"\} 41$/m);
    assert.match(metrics, /^groundcrew_webhook_answers_total\{forge="github",status="202"\} 41$/m);
    const { days } = (await (await second.get('/api/deliveries')).json()) as {
      days: { received: number; missed: number }[];
    };
    assert.deepEqual(
      days.map(({ received, missed }) => [received, missed]),
      [[41, 0]],
    );
  },
);
