import { test } from 'node:test';
import { openFakeS3 } from '../../../test/support/fake-s3.ts';
import { openMotoS3 } from '../../../test/support/moto-s3.ts';
import { has } from '../../../test/support/needs.ts';
import { openTestS3 } from '../../../test/support/s3-store.ts';
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
}
