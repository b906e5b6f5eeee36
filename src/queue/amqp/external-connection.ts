import { Connection, type ConnectionOptions } from 'rabbitmq-client';

/** How we show the broker who we are: by name and password, or by the certificate of the TLS connection. */
export type Mechanism = 'PLAIN' | 'EXTERNAL';

/** What the library writes when it answers the broker's greeting; anything else passes. */
interface MethodFrame {
  readonly params?: { readonly mechanism?: unknown };
}

// rabbitmq-client (5.0.8, pinned) knows PLAIN alone: "TODO support EXTERNAL mechanism" stands in its source where it answers the
// greeting. That answer goes through this method like every other frame, so one word of it is changed on its way. The tests with
// certificates on a real broker fail if a newer version of the library goes another way.
interface Writing {
  _writeMethod(frame: MethodFrame): void;
}

const plain = Connection.prototype as unknown as Writing;

class ExternalConnection extends Connection implements Writing {
  _writeMethod(frame: MethodFrame): void {
    const isAnswer = frame.params?.mechanism === 'PLAIN';
    // rabbitmq.com/docs/ssl, "peer certificate authentication": the response is empty, the name is in the certificate.
    plain._writeMethod.call(
      this,
      isAnswer ? { ...frame, params: { ...frame.params, mechanism: 'EXTERNAL', response: '' } } : frame,
    );
  }
}

/** Begins to connect. */
export function openConnection(options: ConnectionOptions, mechanism: Mechanism): Connection {
  return mechanism === 'EXTERNAL' ? new ExternalConnection(options) : new Connection(options);
}
