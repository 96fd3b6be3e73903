import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import express, {
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import { readBody, requestIdOf, sendRefusal, toRefusal, type RestFacade } from '../../rest-facade';
import { DomainError } from '../errors';
import type { Logger } from '../ports/logger';
import { cors } from './cors';
import { refuseOtherSites } from './cross-site';
import { addProcessMetrics, MetricsRegistry } from './metrics';
import { createPages, GRAPHIQL_CSP } from './pages';
import { requestMetrics } from './request-metrics';

export interface HttpConfig {
  /** `AGENTFLOW_CORS_ORIGINS`: exact origins, or `*`. Empty: no other origin. */
  corsOrigins: readonly string[];
  /** Of requests to `/graphql`; the facade has its own. Bytes. */
  maxBodyBytes: number;
  /** True when requests without a token are served: then only pages of this server may write. */
  isOpen: boolean;
  /** Whether GraphiQL is served. */
  graphiql: boolean;
  /** What a scraper from another machine must send as its bearer token; undefined: only this machine may read `/metrics`. */
  metricsToken: string | undefined;
  /** Of the product, for `/`. */
  version: string;
}

export interface HttpAppInput {
  /** GraphQL over HTTP, GraphiQL included; gets everything at `/graphql`. Its own CORS must be off. */
  yoga: (request: IncomingMessage, response: ServerResponse) => unknown;
  facade: RestFacade;
  config: HttpConfig;
  logger: Logger;
  /** The deployment's public signing keys. */
  jwks: () => Promise<{ keys: object[] }>;
  /** Where other parts count too; by default a registry of its own. */
  metrics?: MetricsRegistry;
  /** True while the server shuts down: connections are then closed after their answer. */
  isDraining?: () => boolean;
}

const SECURITY_HEADERS = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  // Answers of the API are data: a browser that is made to show one runs nothing from it. Pages send their own.
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
};

/** Clients may keep the keys for so long, in seconds; a new key is announced before it signs. */
const JWKS_MAX_AGE = 300;

function common(isDraining: () => boolean): RequestHandler {
  return (request, response, next) => {
    requestIdOf(request, response);
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    if (isDraining()) response.setHeader('Connection', 'close');
    next();
  };
}

/**
 * Assembles the HTTP server: GraphQL first, then the pages, then the REST facade; whatever is left is a 404 problem.
 */
export function createHttpApp(input: HttpAppInput): Express {
  const { facade, config, logger } = input;
  const metrics = input.metrics ?? new MetricsRegistry();
  addProcessMetrics(metrics);
  metrics.gauge('agentflow_http_open_streams', 'Event streams of the REST API that are open.', () =>
    facade.openStreams(),
  );
  const app = express();
  // Speed: no hashing of answers, no header about the framework, no nested query parser.
  app.disable('x-powered-by').disable('etag').set('query parser', 'simple');
  app.use(requestMetrics(metrics), common(input.isDraining ?? (() => false)), cors(config.corsOrigins));
  if (config.isOpen) app.use(refuseOtherSites(config.corsOrigins));
  app.use('/graphql', graphql(input));
  app.use(pages(facade, config), endpoints(input, metrics));
  app.use(facade.router);
  app.use(fallback(config));
  app.use(refuse(logger));
  return app;
}

/**
 * Refuses bodies above the limit. One that says its length cannot be longer than it says; any other is read here first.
 * @throws DomainError `payload_too_large`
 */
async function boundBody(request: Request, limit: number): Promise<void> {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  if (coding === undefined && Number(length ?? 0) <= limit) return;
  request.body = Readable.from([await readBody(request, limit)]);
}

function graphql({ yoga, config }: HttpAppInput): RequestHandler {
  return async (request, response) => {
    response.locals.route = '/graphql';
    response.setHeader('Content-Security-Policy', GRAPHIQL_CSP);
    await boundBody(request, config.maxBodyBytes);
    // Yoga compares the whole path; Express has cut off the mount point.
    request.url = request.originalUrl;
    await yoga(request, response);
  };
}

const isRead = (request: Request): boolean => request.method === 'GET' || request.method === 'HEAD';

/** Whether a browser asks to show a page: API clients say JSON, or anything, or nothing. */
const wantsPage = (request: Request): boolean => (request.headers.accept ?? '').includes('text/html');

function pages(facade: RestFacade, { graphiql }: HttpConfig): RequestHandler {
  const { home, byPath } = createPages(facade.openapi, { withGraphiql: graphiql });
  return async (request, response, next) => {
    if (!isRead(request)) return next();
    const path = request.path.length > 1 ? request.path.replace(/\/$/, '') : request.path;
    const asset = path === '/' && wantsPage(request) ? home : byPath.get(path);
    if (!asset) return next();
    response.locals.route = path;
    await asset.send(request, response);
  };
}

function sendJson(response: Response, value: unknown): void {
  const body = JSON.stringify(value);
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', Buffer.byteLength(body));
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

function endpoints({ jwks, config }: HttpAppInput, metrics: MetricsRegistry): RequestHandler {
  return async (request, response, next) => {
    if (!isRead(request)) return next();
    if (request.path === '/.well-known/jwks.json') {
      response.locals.route = request.path;
      const keys = await jwks();
      response.setHeader('Cache-Control', `public, max-age=${JWKS_MAX_AGE}`);
      return sendJson(response, keys);
    }
    if (request.path !== '/metrics') return next();
    response.locals.route = request.path;
    if (!mayReadMetrics(request, config.metricsToken))
      throw new DomainError(
        'unauthenticated',
        '/metrics answers this machine, and others with AGENTFLOW_METRICS_TOKEN as their bearer token.',
        { extra: { www_authenticate: 'Bearer' } },
      );
    response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
    response.end(request.method === 'HEAD' ? undefined : metrics.render());
  };
}

const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;

/** A proxy on this machine speaks for others, and says so. */
const isFromHere = ({ socket, headers }: Request): boolean =>
  LOOPBACK.test(socket.remoteAddress ?? '') &&
  headers['x-forwarded-for'] === undefined &&
  headers.forwarded === undefined;

function mayReadMetrics(request: Request, token: string | undefined): boolean {
  if (isFromHere(request)) return true;
  const given = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined || given === undefined) return false;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

/** `/` for machines when the REST document does not describe it, and the end of the road for everything else. */
function fallback(config: HttpConfig): RequestHandler {
  return (request, response) => {
    if (request.path === '/' && isRead(request)) {
      response.locals.route = '/';
      sendJson(response, {
        name: 'AgentFlow',
        status: 'ok',
        version: config.version,
        time: new Date().toISOString(),
      });
      return;
    }
    throw new DomainError('not_found', `There is nothing at ${request.path}.`);
  };
}

/** Express knows an error handler by its four parameters. */
function refuse(logger: Logger) {
  return (error: unknown, request: Request, response: Response, _next: NextFunction): void => {
    sendRefusal(
      response,
      toRefusal(error, requestIdOf(request, response), logger),
      request.method === 'HEAD',
    );
  };
}
