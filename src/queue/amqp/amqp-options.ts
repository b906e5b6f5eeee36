import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';

/** One node of a broker. */
export interface AmqpHost {
  readonly host: string;
  readonly port: number;
}

/** TLS towards the broker; its certificate and host name are always verified. PEM texts. */
export interface AmqpTls {
  /** Who may have signed the broker's certificate; without it, those that Node trusts. */
  readonly ca?: string;
  /** Our own certificate and key, for a broker that wants one (mutual TLS). */
  readonly cert?: string;
  readonly key?: string;
  /** The name that the broker's certificate must carry, when it is not the host's. */
  readonly servername?: string;
}

/** The management plug-in's API: the only place that tells what is in other clients' hands. */
export interface AmqpManagement {
  /** `http(s)://host:port`, with a path prefix if there is one. */
  readonly url: string;
  readonly username: string;
  /** Read at each request. */
  readonly password: () => string;
  /** For https: who may have signed its certificate. */
  readonly ca?: string;
}

/** Where the broker is and as whom we speak to it. */
export interface AmqpBroker {
  /**
   * `server`: makes queues and exchanges. `worker`: uses what is there, and waits for what is not; its user is its name.
   */
  readonly role: 'server' | 'worker';
  /** At least one; tried in turn. */
  readonly hosts: readonly [AmqpHost, ...AmqpHost[]];
  readonly vhost: string;
  /** Our user; every message carries it, and the broker checks that (rabbitmq.com/docs/validated-user-id). */
  readonly username: string;
  /** Read at each connect, so that a changed secret needs no restart. Null: our certificate says who we are (EXTERNAL). */
  readonly password: (() => string) | null;
  /** Read at each connect, too. Null: plain text, for loopback alone. */
  readonly tls: (() => AmqpTls) | null;
  /** Null: `counts` knows only what this client has in hand. */
  readonly management: AmqpManagement | null;
}

/** What the AMQP queue stands on. */
export interface AmqpQueueOptions {
  readonly broker: AmqpBroker;
  /** Shown in the broker's list of connections. */
  readonly clientName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** A silent connection is given up after twice this (s); default 10. */
  readonly heartbeatS?: number;
  /** How long a call waits for a connection before it is refused; default 60 s. */
  readonly patienceMs?: number;
  /** A queue of orders that refuses everything for so long is removed and made again; default 60 s. */
  readonly deafAfterMs?: number;
  /** Gives up while the first connection is being made. */
  readonly signal?: AbortSignal;
}
