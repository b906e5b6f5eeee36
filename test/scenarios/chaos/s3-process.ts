import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FakeS3Fault } from '../../support/fake-s3-dialect.ts';
import { FakeS3, type StoredObject } from '../../support/fake-s3.ts';
import { answerParent } from './asked-process.ts';

// The strict fake S3 server as a process of its own. Its list of objects is a journal beside their bodies, written before
// any answer, so that SIGKILL takes nothing back that was answered. Large uploads that are under way are forgotten: more than
// AWS would do to us.
//
// Usage: s3-process.ts DIR

const dir = process.argv[2] ?? '';
mkdirSync(dir, { recursive: true });
const journal = join(dir, 'journal');

class KeptObjects extends Map<string, StoredObject> {
  override set(key: string, stored: StoredObject): this {
    appendFileSync(journal, `${JSON.stringify([key, stored])}\n`);
    return super.set(key, stored);
  }

  override delete(key: string): boolean {
    if (this.has(key)) appendFileSync(journal, `${JSON.stringify([key, null])}\n`);
    return super.delete(key);
  }

  /** What an earlier life kept. */
  recall(): void {
    const text = existsSync(journal) ? readFileSync(journal, 'utf8') : '';
    for (const line of text.split('\n').filter((one) => one !== '')) {
      const [key, stored] = JSON.parse(line) as [string, StoredObject | null];
      if (stored === null) super.delete(key);
      else super.set(key, stored);
    }
  }
}

const objects = new KeptObjects();
objects.recall();
const dialect = { takesAcl: false, isConditional: true, ranges: 'right', mayList: true } as const;
const s3 = new FakeS3(dir, Date.now, dialect, objects);
const slowDown = { status: 503, code: 'SlowDown', message: 'Please reduce your request rate.' };
let refusals = { until: 0, share: 0, hits: 0 };
s3.fault = (): FakeS3Fault | null => {
  // The list of requests is for tests that look at it.
  s3.requests.length = 0;
  if (Date.now() > refusals.until || Math.random() >= refusals.share) return null;
  refusals.hits += 1;
  return slowDown;
};
await s3.listen();

const deeds = {
  place: (_: null) => ({
    port: s3.port,
    bucket: s3.bucket,
    region: s3.region,
    accessKeyId: s3.accessKeyId,
    secretAccessKey: s3.secretAccessKey,
  }),
  /** Answers that share of all requests with 503. */
  refuse: ({ forMs, share }: { forMs: number; share: number }): void => {
    refusals = { until: Date.now() + forMs, share, hits: 0 };
  },
  refused: (_: null): number => refusals.hits,
};

/** What the S3 server can be asked for. */
export type S3Deeds = typeof deeds;

answerParent(deeds);
