import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formKinds } from '../storage/s3/s3-form.ts';
import { attachmentKind } from './content-type.ts';

test('each attachment that is shown in place has a form of the store for exactly its type', () => {
  const shown = 'a.apng a.avif a.bmp a.gif a.ico a.jpeg a.jpg a.png a.webp a.txt a.log a.json log'.split(' ');
  for (const name of shown) {
    const { contentType, isDownload } = attachmentKind(name);
    assert.equal(isDownload, false, name);
    assert.ok(
      formKinds.some((form) => form.contentType === contentType && form.disposition === 'inline'),
      name,
    );
  }
  for (const name of 'a.html a.svg a.pdf a.js a.xml a.bin'.split(' ')) assert.ok(attachmentKind(name).isDownload, name);
});
