import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

// The way into a host: takes connections on a port of all addresses, with TLS if there is a pair, and joins each with a port of
// 127.0.0.1. A fake server listens there alone.
//
// Usage: relay-process.ts PORT TO [CERT KEY]

const [port, to, certFile, keyFile] = process.argv.slice(2);

const join = (socket: Socket): void => {
  const other = connect(Number(to), '127.0.0.1');
  socket.pipe(other).pipe(socket);
  socket.on('error', () => other.destroy());
  other.on('error', () => socket.destroy());
};

if (certFile === undefined || keyFile === undefined) createServer(join).listen(Number(port), '0.0.0.0');
else
  createTlsServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, join).listen(Number(port), '0.0.0.0');
