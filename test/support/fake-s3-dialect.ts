import type { IncomingHttpHeaders } from 'node:http';
import type { Refusal } from './fake-s3-signature.ts';

/** How this server differs from AWS with a bucket of today (no ACLs, conditional writes, right ranges). */
export interface FakeS3Dialect {
  /** False: `x-amz-acl` is refused, as with BucketOwnerEnforced. */
  readonly takesAcl: boolean;
  /** False: `If-None-Match` on a PUT is overlooked, as radosgw and s3rver do. */
  readonly isConditional: boolean;
  /** `whole`: 200 and everything; `wrong`: the first bytes under a right Content-Range, as radosgw's dbstore does. */
  readonly ranges: 'right' | 'whole' | 'wrong';
  /** False: the key may not list, so what is not there answers 403. */
  readonly mayList: boolean;
}

/** What a fault does to the request: answers with it, or breaks the connection at that place. `after`: once it is done. */
export type FakeS3Fault = Refusal | 'cut' | 'cut-after' | 'cut-in-body' | 'stall';

/** One request as it came in. */
export interface FakeS3Request {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}
