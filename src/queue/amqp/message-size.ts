import { GroundcrewError } from '../../base/errors.ts';
import { maxMessageBytes, type Message } from '../queue.ts';

/** A message as it goes over the wire. @throws GroundcrewError `queue/message-too-large` */
export function messageBytes({ body }: Message): Buffer {
  const bytes = Buffer.from(body, 'utf8');
  if (bytes.length <= maxMessageBytes) return bytes;
  const text = `a message of ${bytes.length} bytes is over the limit of ${maxMessageBytes}`;
  throw new GroundcrewError('queue/message-too-large', text);
}
