import { callError, isChannelGone } from './amqp-error.ts';
import type { Line } from './line.ts';
import type { Session } from './session.ts';

/** A channel that goes away so often under a call, on a connection that lives, is no accident. */
const mostTries = 5;

/**
 * Makes a call on the living session, and again on the next one when the connection goes away under it: the work must
 * bear being done twice.
 * @throws GroundcrewError `queue/…`
 */
export async function onLine<T>(line: Line, queue: string, work: (session: Session) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const session = await line.session();
    try {
      return await work(session);
    } catch (error) {
      const mayTryAgain = session.isOver || (isChannelGone(error) && tries < mostTries);
      if (!mayTryAgain) throw callError(error, queue);
    }
  }
}
