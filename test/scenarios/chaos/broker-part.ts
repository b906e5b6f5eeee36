import type { RabbitBroker } from '../../support/rabbit-broker.ts';
import { signalGroup, standsStill, type Part } from './part.ts';

/** The broker as a part: up when its management API answers. */
export function brokerPart(rabbit: RabbitBroker): Part {
  let startedAt = Date.now();
  let state: Part['state'] = 'up';
  return {
    name: 'broker',
    isTaken: false,
    get state() {
      return state;
    },
    get startedAt() {
      return startedAt;
    },
    get pid() {
      return rabbit.group;
    },
    async start() {
      startedAt = Date.now();
      await rabbit.start();
      state = 'up';
    },
    async kill() {
      state = 'down';
      await rabbit.kill();
    },
    async pause() {
      const { group } = rabbit;
      if (group === null || !signalGroup(group, 'SIGSTOP')) return false;
      state = 'paused';
      return standsStill(group);
    },
    resume() {
      if (rabbit.group !== null) signalGroup(rabbit.group, 'SIGCONT');
      state = 'up';
    },
    stop: () => rabbit.stop(),
  };
}
