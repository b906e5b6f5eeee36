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
