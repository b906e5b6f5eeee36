import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkForm } from '../../../test/support/fake-s3-form.ts';
import { formKinds, signForm, signForms, signPolicy } from './s3-form.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html */
const published = {
  secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  policy: [
    '{ "expiration": "2015-12-30T12:00:00.000Z",',
    '  "conditions": [',
    '    {"bucket": "sigv4examplebucket"},',
    '    ["starts-with", "$key", "user/user1/"],',
    '    {"acl": "public-read"},',
    '    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},',
    '    ["starts-with", "$Content-Type", "image/"],',
    '    {"x-amz-meta-uuid": "14365123651274"},',
    '    {"x-amz-server-side-encryption": "AES256"},',
    '    ["starts-with", "$x-amz-meta-tag", ""],',
    '',
    '    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},',
    '    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},',
    '    {"x-amz-date": "20151229T000000Z" }',
    '  ]',
    '}',
  ].join('\r\n'),
  signature: '8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e',
};

const signedAt = Date.parse('2015-12-29T00:00:00Z');
const gate = {
  region: 'us-east-1',
  keys: new Map([['AKIAIOSFODNN7EXAMPLE', published.secret]]),
  nowMs: () => signedAt + 1000,
};
const publishedFields = {
  key: 'user/user1/${filename}',
  acl: 'public-read',
  success_action_redirect: 'http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html',
  'content-type': 'image/jpeg',
  'x-amz-meta-uuid': '14365123651274',
  'x-amz-server-side-encryption': 'AES256',
  'x-amz-credential': 'AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request',
  'x-amz-algorithm': 'AWS4-HMAC-SHA256',
  'x-amz-date': '20151229T000000Z',
  'x-amz-meta-tag': '',
  policy: Buffer.from(published.policy).toString('base64'),
  'x-amz-signature': published.signature,
};
const about = { bucket: 'sigv4examplebucket', sizeBytes: 10 };

test('a policy is signed as in the example that AWS publishes', () => {
  const by = { secret: published.secret, date: '20151229', region: 'us-east-1' };
  assert.equal(signPolicy(publishedFields.policy, by), published.signature);
});

test('the fake lets the published form in, and none that was changed', () => {
  const check = (change: Readonly<Record<string, string>>, now = gate.nowMs()): string | undefined =>
    checkForm(new Map(Object.entries({ ...publishedFields, ...change })), about, { ...gate, nowMs: () => now })
      ?.message;
  assert.equal(check({}), undefined);
  assert.match(check({ key: 'user/user2/x' }) ?? '', /Condition failed.*key/);
  assert.match(check({ 'content-type': 'text/html' }) ?? '', /Condition failed/);
  assert.match(check({ acl: 'private' }) ?? '', /Condition failed/);
  assert.match(check({ 'x-amz-meta-more': 'x' }) ?? '', /Extra input fields: x-amz-meta-more/);
  assert.match(check({ 'x-amz-signature': published.signature.replace('8', '9') }) ?? '', /does not match/);
  assert.match(check({ 'x-amz-date': '20151228T000000Z' }) ?? '', /not valid yet/);
  assert.match(check({}, Date.parse('2015-12-30T12:00:00Z')) ?? '', /Policy expired/);
});

const terms = {
  bucket: 'logs',
  region: 'us-east-1',
  keyPrefix: 'gc/repo/job/1.1-abc/',
  maxObjectBytes: 100,
  acl: null,
  keys: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: published.secret },
  signedAt,
  validMs: 60_000,
};

test('our form permits what it says and no more', () => {
  const fields = signForm({ ...terms, kind: null });
  const check = (
    change: Readonly<Record<string, string>>,
    more: { sizeBytes?: number; nowMs?: number; bucket?: string } = {},
  ): string | undefined => {
    const sent = {
      ...fields,
      key: `${fields['key'] ?? ''}log`,
      'content-type': 'text/plain',
      'content-disposition': 'inline',
      ...change,
    };
    return checkForm(
      new Map(Object.entries(sent)),
      { bucket: more.bucket ?? 'logs', sizeBytes: more.sizeBytes ?? 100 },
      { ...gate, nowMs: () => more.nowMs ?? signedAt },
    )?.code;
  };
  assert.equal(check({}), undefined);
  assert.equal(check({}, { sizeBytes: 0 }), undefined);
  assert.equal(check({}, { nowMs: signedAt + 59_999 }), undefined);
  assert.equal(check({}, { nowMs: signedAt + 60_000 }), 'AccessDenied');
  assert.equal(check({}, { sizeBytes: 101 }), 'EntityTooLarge');
  assert.equal(check({}, { bucket: 'other' }), 'AccessDenied');
  assert.equal(check({ key: 'gc/repo/job/1.1-abd/log' }), 'AccessDenied');
  assert.equal(check({ key: 'gc/repo/job/1.1-abc' }), 'AccessDenied');
  assert.equal(check({ acl: 'public-read-write' }), 'AccessDenied');
  assert.equal(check({ 'x-amz-meta-x': '1' }), 'AccessDenied');
});

test('forms by type show nothing in place that could run, whatever is tried with them', () => {
  const { fields, forms } = signForms(terms);
  assert.deepEqual(Object.keys(fields).sort(), ['key', 'x-amz-algorithm', 'x-amz-credential', 'x-amz-date']);
  const isLetIn = (contentType: string, disposition: string): boolean =>
    forms.some(({ policy, signature }) => {
      const sent = { ...fields, policy, 'x-amz-signature': signature, key: `${fields['key'] ?? ''}page` };
      const all = { ...sent, 'content-type': contentType, 'content-disposition': disposition };
      return checkForm(new Map(Object.entries(all)), { bucket: 'logs', sizeBytes: 5 }, gate) === null;
    });
  for (const { contentType, disposition } of formKinds) {
    assert.ok(isLetIn(contentType ?? 'text/html', disposition), `${String(contentType)} ${disposition}`);
  }
  const active = [
    'text/html',
    'text/html; charset=utf-8',
    'text/plain; charset=utf-8, text/html',
    'text/plain',
    'image/svg+xml',
    'image/',
    'image/png; text/html',
    'application/xhtml+xml',
    'application/xml',
    'text/xml',
    'text/javascript',
    'application/pdf',
    'application/json, text/html',
    '',
  ];
  for (const contentType of active) {
    assert.equal(isLetIn(contentType, 'inline'), false, contentType);
    assert.equal(isLetIn(contentType, ''), false, contentType);
    assert.equal(isLetIn(contentType, 'inline; attachment'), false, contentType);
    assert.equal(isLetIn(contentType, 'attachment'), true, contentType);
  }
});
