/** Listens for the MongoDB wire protocol in front of an engine, in this thread (`startEmbeddedMongo` puts it in a worker). */
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import { Engine } from './engine';
import type { CommandReply } from './commands/context';
import { dispatch } from './dispatch';
import { MongoCommandError, errorReply } from './errors';
import { MessageSplitter, frameReply, parseMessage, type CommandMessage } from './wire';

export interface ListenOptions {
  dataDir: string;
  listen: { socketPath: string } | { host: string; port: number };
  now?: (() => Date) | undefined;
}

export interface RunningListener {
  url: string;
  engine: Engine;
  close(): Promise<void>;
}

export async function listen(options: ListenOptions): Promise<RunningListener> {
  mkdirSync(options.dataDir, { recursive: true });
  const engine = new Engine({ dataDir: options.dataDir, now: options.now });
  const sockets = new Set<net.Socket>();
  let connections = 0;
  const server = net.createServer((socket) => {
    sockets.add(socket);
    engine.counters['connections'] = sockets.size;
    socket.once('close', () => {
      sockets.delete(socket);
      engine.counters['connections'] = sockets.size;
    });
    serveConnection(engine, socket, ++connections);
  });
  try {
    await bind(server, options.listen);
  } catch (error) {
    await engine.close();
    throw error;
  }
  return {
    url: urlOf(server, options.listen),
    engine,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
      await engine.close();
    },
  };
}

function bind(server: net.Server, where: ListenOptions['listen']): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const done = (): void => {
      server.off('error', reject);
      resolve();
    };
    if ('socketPath' in where) {
      // The data folder's lock is ours, so a socket file left there belongs to a process that is gone.
      rmSync(where.socketPath, { force: true });
      server.listen(where.socketPath, () => {
        // Whoever may open the socket may read everything: only the owner.
        chmodSync(where.socketPath, 0o600);
        done();
      });
    } else {
      server.listen(where.port, where.host, done);
    }
  });
}

function urlOf(server: net.Server, where: ListenOptions['listen']): string {
  if ('socketPath' in where)
    return `mongodb://${encodeURIComponent(where.socketPath)}/?directConnection=true`;
  const { port } = server.address() as net.AddressInfo;
  const host = where.host.includes(':') ? `[${where.host}]` : where.host;
  return `mongodb://${host}:${port}/?directConnection=true`;
}

/** Replies leave in the order of their requests, one command of a connection at a time. */
function serveConnection(engine: Engine, socket: net.Socket, connectionId: number): void {
  const splitter = new MessageSplitter();
  const waiting: Buffer[] = [];
  let busy = false;
  socket.setNoDelay(true);
  // A reset by the peer is no concern of the server's; the `close` event that follows cleans up.
  socket.on('error', () => socket.destroy());

  const drain = (): void => {
    busy = true;
    for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) {
      const goesOn = answer(engine, socket, message, connectionId);
      if (goesOn === true) continue;
      // A connection that cannot go on stays busy: it takes no more commands.
      if (goesOn !== false) void goesOn.then(drain);
      return;
    }
    busy = false;
  };

  socket.on('data', (chunk) => {
    try {
      waiting.push(...splitter.push(chunk));
    } catch {
      // The stream is out of step: there is no message to answer, so the connection ends, as mongod does.
      socket.destroy();
      return;
    }
    if (!busy && waiting.length > 0) drain();
  });
}

/** @returns false when the connection cannot go on; a promise when the reply is not ready at once */
function answer(
  engine: Engine,
  socket: net.Socket,
  bytes: Buffer,
  connectionId: number,
): boolean | Promise<void> {
  let message: CommandMessage;
  try {
    message = parseMessage(bytes);
  } catch (error) {
    const isKnown = error instanceof MongoCommandError;
    const refused = { requestId: bytes.readInt32LE(4), legacy: false };
    socket.end(frameReply(refused, errorReply(isKnown ? error : malformed(error))));
    return false;
  }
  const reply = dispatch(engine, message, connectionId);
  if (reply instanceof Promise) return reply.then((ready) => send(socket, message, ready));
  send(socket, message, reply);
  return true;
}

function send(socket: net.Socket, message: CommandMessage, reply: CommandReply): void {
  if (message.moreToCome || socket.destroyed) return;
  let framed: Buffer;
  try {
    framed = frameReply(message, reply);
  } catch (error) {
    framed = frameReply(message, errorReply(error));
  }
  socket.write(framed);
}

function malformed(error: unknown): MongoCommandError {
  const why = error instanceof Error ? error.message : String(error);
  return new MongoCommandError('FailedToParse', `Malformed message: ${why}`);
}
