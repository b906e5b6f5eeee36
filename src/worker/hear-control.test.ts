import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ControlMessage } from '../core/worker-message.ts';
import { hearControl, type ControlHearer } from './hear-control.ts';

test('of two machines with one name each overlooks what is said to the other', () => {
  const heard: string[] = [];
  const worker: Partial<ControlHearer> = {
    host: 'mine',
    serve: (queues) => heard.push(queues.join()),
    refused: (why) => heard.push(why),
  };
  const said: readonly ControlMessage[] = [
    { v: 1, kind: 'serve', queues: ['other'], host: 'other' },
    { v: 1, kind: 'serve', queues: ['mine'], host: 'mine' },
    { v: 1, kind: 'serve', queues: ['all'] },
    { v: 1, kind: 'refused', why: 'not us', speaks: [1], host: 'other' },
    { v: 1, kind: 'refused', why: 'us', speaks: [1], host: 'mine' },
    { v: 1, kind: 'refused', why: 'both', speaks: [2] },
  ];
  for (const message of said) hearControl(JSON.stringify(message), worker as ControlHearer);
  assert.deepEqual(heard, ['mine', 'all', 'us', 'both']);
});

test('of two copies of one disk, with one name and one host name, each overlooks what is said to the other', () => {
  const heard: string[] = [];
  const [mine, other] = ['0'.repeat(16), 'f'.repeat(16)];
  const worker: Partial<ControlHearer> = {
    host: 'h',
    installation: mine,
    serve: (queues) => heard.push(queues.join()),
  };
  const said: readonly ControlMessage[] = [
    { v: 1, kind: 'serve', queues: ['other'], host: 'h', installation: other },
    { v: 1, kind: 'serve', queues: ['mine'], host: 'an earlier name', installation: mine },
    { v: 1, kind: 'serve', queues: ['old server'], host: 'h' },
  ];
  for (const message of said) hearControl(JSON.stringify(message), worker as ControlHearer);
  assert.deepEqual(heard, ['mine', 'old server']);
});
