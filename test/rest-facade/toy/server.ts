import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import express from 'express';
import { execute, subscribe, type ExecutionResult, type GraphQLSchema } from 'graphql';
import {
  createRestFacade,
  type Executor,
  type RestFacade,
  type RestFacadeOptions,
} from '../../../rest-facade';
import { DomainError } from '../../../src/errors';
import type { Logger } from '../../../src/ports/logger';
import { MemoryIdempotencyStore } from './memory-idempotency-store';
import { toySchema, ToyWorld } from './schema';

export interface ToyContext {
  user: string;
}

export interface LogEntry {
  level: string;
  fields: Record<string, unknown>;
  message: string;
}

export function recordingLogger(entries: LogEntry[]): Logger {
  const at = (level: string) => (fields: object, message: string) => {
    entries.push({ level, fields: fields as Record<string, unknown>, message });
  };
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return logger;
}

export function toyExecutor(schema: GraphQLSchema): Executor<ToyContext> {
  return {
    execute: async (operation, variableValues, contextValue) =>
      execute({ schema, document: operation.document, variableValues, contextValue }),
    subscribe: (operation, variableValues, contextValue) =>
      subscribe({ schema, document: operation.document, variableValues, contextValue }) as Promise<
        AsyncIterable<ExecutionResult> | ExecutionResult
      >,
  };
}

export interface Toy {
  world: ToyWorld;
  url: string;
  port: number;
  logs: LogEntry[];
  facade: RestFacade;
  server: Server;
  clock: { time: number };
  store: MemoryIdempotencyStore;
  close(): Promise<void>;
}

export async function startToy(options: RestFacadeOptions = {}): Promise<Toy> {
  const world = new ToyWorld();
  const schema = toySchema(world);
  const logs: LogEntry[] = [];
  const clock = { time: Date.UTC(2026, 0, 1) };
  const store = new MemoryIdempotencyStore({ now: () => new Date(clock.time) });
  const facade = createRestFacade<ToyContext>({
    schema,
    executor: toyExecutor(schema),
    createContext: (request, info) => {
      if (info.public) return Promise.resolve({ user: 'nobody' });
      const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
      if (token !== undefined) return Promise.resolve({ user: token });
      return Promise.reject(
        new DomainError('unauthenticated', 'A token is needed.', {
          extra: { www_authenticate: 'Bearer error="invalid_token"' },
        }),
      );
    },
    principalKey: (context) => `acme/${context.user}`,
    idempotencyStore: store,
    logger: recordingLogger(logs),
    openapiDir: join(__dirname, 'openapi'),
    operationsDir: join(__dirname, 'operations'),
    options,
  });
  const app = express();
  app.disable('x-powered-by');
  app.use(facade.router);
  const server = createServer(app);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    world,
    url: `http://127.0.0.1:${port}`,
    port,
    logs,
    facade,
    server,
    clock,
    store,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export interface Asked {
  method?: string;
  token?: string | null;
  headers?: Record<string, string>;
  /** Sent as JSON unless it is a string, a buffer or a form. */
  body?: unknown;
}

export async function ask(
  toy: Toy,
  path: string,
  { method, token = 'ada', headers = {}, body }: Asked = {},
): Promise<Response> {
  const isRaw = typeof body === 'string' || body instanceof FormData || body instanceof Uint8Array;
  return fetch(`${toy.url}${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined || body instanceof FormData ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: (isRaw ? body : JSON.stringify(body)) as never }),
  });
}

/** The parsed body, loosely typed: tests say what they expect of it. */
export const json = async (response: Response): Promise<any> => response.json(); // eslint-disable-line @typescript-eslint/no-explicit-any

/** A bare socket that has sent a request and reads nothing until it is told to. */
export async function rawRequest(toy: Toy, text: string): Promise<Socket> {
  const socket = connect(toy.port, '127.0.0.1');
  await once(socket, 'connect');
  // A connection cut by the server is what some tests are about; they look at its other end.
  socket.on('error', () => undefined);
  socket.write(text);
  return socket;
}

/** Reads until the text holds `needle`. @throws when the socket ends before, or after five seconds */
export async function readUntil(socket: Socket, needle: string): Promise<string> {
  let text = '';
  const signal = AbortSignal.timeout(5000);
  while (!text.includes(needle)) {
    const chunk = socket.read() as Buffer | null;
    if (chunk) text += chunk.toString('utf8');
    else if (socket.readableEnded) throw new Error(`Ended before ${needle}: ${text}`);
    else await once(socket, 'readable', { signal });
  }
  return text;
}

/** Polls until something holds. @throws after five seconds */
export async function eventually(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`Still not so: ${holds.toString()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
