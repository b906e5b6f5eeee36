import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHandClock } from '../../test/support/hand-clock.ts';
import { anOrder } from '../../test/support/ledger-world.ts';
import { createPresence, mayServe } from './presence.ts';
import { createSilence, silenceMs } from './silence.ts';

const attempt = (nonce: string) => ({ jobId: anOrder().id, generation: 1, n: 1, nonce, worker: 'w', isOwner: true });
const [a, b] = [attempt('a'), attempt('b')];
const offer = { pool: 'default', capabilities: ['kvm'], slots: 2, hostname: 'h', version: '1' };

test('R3: nobody is silent before we listen, and then everybody has a fresh 60 s', () => {
  const clock = createHandClock();
  const silence = createSilence(clock);
  silence.heard('w', 'a');
  clock.pass(10 * silenceMs);
  assert.deepEqual(silence.silent([a, b]), []);
  silence.listening();
  clock.pass(silenceMs);
  assert.deepEqual(silence.silent([a, b]), []);
  clock.pass(1);
  assert.deepEqual(silence.silent([a, b]), [a, b]);
});

test('R3: who is heard has 60 s more, and deafness accuses nobody', () => {
  const clock = createHandClock();
  const silence = createSilence(clock);
  silence.listening();
  clock.pass(40_000);
  silence.heard('w', 'a');
  clock.pass(30_000);
  assert.deepEqual(silence.silent([a, b]), [b]);
  silence.deaf();
  clock.pass(10 * silenceMs);
  assert.deepEqual(silence.silent([a, b]), []);
  silence.listening();
  clock.pass(silenceMs);
  assert.deepEqual(silence.silent([a, b]), []);
});

test('R3: what one worker says of another’s attempt is no sign of its life', () => {
  const clock = createHandClock();
  const silence = createSilence(clock);
  silence.listening();
  clock.pass(50_000);
  silence.heard('another', 'a');
  silence.heard('w', 'b');
  clock.pass(11_000);
  assert.deepEqual(silence.silent([a, b]), [a]);
});

test('a worker counts while it says hello, and not after its bye', () => {
  const clock = createHandClock();
  const presence = createPresence(clock);
  const job = { pool: 'default', needs: ['kvm'] };
  assert.equal(presence.heard('w', { offer }), true);
  assert.equal(presence.heard('w', { offer }), false);
  assert.equal(presence.heard('w', { offer: { ...offer, slots: 3 } }), true, 'more slots are news');
  assert.equal(presence.slotsFor(job), 3);
  clock.pass(74_999);
  assert.deepEqual(presence.workersFor(job), ['w']);
  clock.pass(1);
  assert.deepEqual(presence.workersFor(job), []);
  assert.equal(presence.heard('w', { offer: { ...offer, slots: 3 } }), true, 'and so is coming back');
  const standing = { takesJobs: false, isPaused: true, why: 'paused' };
  assert.equal(presence.heard('w', { offer, standing }), true, 'and so is a pause');
  assert.equal(presence.slotsFor(job), 0, 'nothing is fed to who takes nothing');
  assert.deepEqual(presence.live(), [['w', offer]]);
  presence.left('w');
  assert.equal(presence.slotsFor(job), 0);
});

test('R10: a worker may serve its own pool, with every capability that is needed', () => {
  assert.ok(mayServe(offer, { pool: 'default', needs: [] }));
  assert.ok(mayServe(offer, { pool: 'default', needs: ['kvm'] }));
  assert.ok(!mayServe(offer, { pool: 'default', needs: ['kvm', 'arch:arm64'] }));
  assert.ok(!mayServe(offer, { pool: 'lab', needs: [] }));
});
