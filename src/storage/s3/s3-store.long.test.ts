import { openFakeS3 } from '../../../test/support/fake-s3.ts';
import { openTestS3 } from '../../../test/support/s3-store.ts';
import { objectStoreContract } from '../object-store.contract.ts';

objectStoreContract('S3 store', async (context) => openTestS3(context, await openFakeS3(context)));

objectStoreContract('S3 store of another dialect', async (context) => {
  const dialect = { takesAcl: true, isConditional: false, ranges: 'wrong' } as const;
  return openTestS3(context, await openFakeS3(context, { dialect }), { prefix: 'ci/logs/' });
});
