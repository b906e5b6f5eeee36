import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { openFakeS3 } from '../../../test/support/fake-s3.ts';
import { openMotoS3 } from '../../../test/support/moto-s3.ts';
import { has } from '../../../test/support/needs.ts';
import { openTestS3 } from '../../../test/support/s3-store.ts';
import { systemClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import { openGrantedStore } from '../granted/granted-store.ts';
import { objectStoreClauses, objectStoreContract } from '../object-store.contract.ts';

objectStoreContract('S3 store', async (context) => openTestS3(context, await openFakeS3(context)));

objectStoreContract('S3 store of another dialect', async (context) => {
  const dialect = { takesAcl: true, isConditional: false, ranges: 'wrong' } as const;
  return openTestS3(context, await openFakeS3(context, { dialect }), { prefix: 'ci/logs/' });
});

// A server of others agrees with ours. No package of Debian 12 has it, so it may be missing; the fake has all clauses.
if (has('moto')) {
  test('S3 store on moto', async (context) => {
    const moto = await openMotoS3(context);
    for (const [index, { title, prove }] of objectStoreClauses.entries()) {
      await context.test(title, async (clause) => {
        const store = await moto.openStore(`bucket-${String(index)}`);
        clause.after(() => store.close());
        await prove(store, clause);
      });
    }
  });

  test('moto takes our forms', async (context) => {
    const moto = await openMotoS3(context);
    const store = await moto.openStore('forms');
    context.after(() => store.close());
    const prefix = 'demo/job/1.1-aaaaaaaa';
    const { form } = await store.form(prefix, 60_000);
    const granted = openGrantedStore({
      grants: { wait: () => Promise.resolve(form), refuse: () => undefined },
      prefix,
      signal: AbortSignal.timeout(60_000),
      clock: systemClock,
      random: systemRandom,
    });
    const kind = { contentType: 'text/html', visibility: 'public', isDownload: true } as const;
    await granted.put(`${prefix}/a b/ü.html`, { bytes: Buffer.from('<p>') }, kind);
    const read = (await store.get(`${prefix}/a b/ü.html`)) ?? assert.fail();
    assert.deepEqual([read.contentType, await text(read.body)], ['text/html', '<p>']);
  });
}
