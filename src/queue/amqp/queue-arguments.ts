import type { QueueOptions } from '../queue.ts';

/**
 * Arguments of a FIFO quorum queue. Dead letters go at least once, which wants `reject-publish` beside it
 * (rabbitmq.com/docs/quorum-queues, "at-least-once dead lettering", from 3.10). No length limit, so nothing is rejected
 * because of it. Time to live on quorum queues came with 3.10, too. Without a limit RabbitMQ 4 takes 20 returns.
 */
export function queueArguments(options: QueueOptions): Record<string, string | number> {
  const { ttlMs, deliveryLimit, deadLetterTo } = options;
  return {
    'x-queue-type': 'quorum',
    ...(ttlMs === undefined ? {} : { 'x-message-ttl': ttlMs }),
    ...(deliveryLimit === undefined ? {} : { 'x-delivery-limit': deliveryLimit }),
    ...(deadLetterTo === undefined
      ? {}
      : {
          'x-dead-letter-exchange': '',
          'x-dead-letter-routing-key': deadLetterTo,
          'x-dead-letter-strategy': 'at-least-once',
          'x-overflow': 'reject-publish',
        }),
  };
}
