import type { Message } from '../../src/queue/queue.ts';
import type { Connection } from './broker-shapes.ts';
import type { World } from './world.ts';

/** Best effort, but not bewitched: nobody misses two running. */
export function sendControl(
  world: World,
  connections: Iterable<Connection>,
  { to, message, isHostile }: { readonly to: string; readonly message: Message; readonly isHostile: boolean },
): void {
  for (const connection of connections) {
    for (const { worker, hear } of connection.control) {
      if (to !== 'all' && to !== worker) continue;
      const isDropped = isHostile && !connection.isDroppedBefore && world.dice.chance(0.15);
      connection.isDroppedBefore = isDropped;
      if (!connection.isUp || isDropped) continue;
      world.at(world.dice.between(0, 20), () => {
        if (connection.life.isAlive && connection.isUp) hear(message);
      });
    }
  }
}
