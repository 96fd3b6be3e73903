import type { RequestHandler } from 'express';
import type { MetricsRegistry } from './metrics';

/** From a millisecond to the length of a long model call. Seconds. */
const DURATION_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * Counts requests by method, route template and status, and measures how long they took. Event streams are counted but
 * not measured: they last as long as somebody listens. Handlers name the route in `response.locals.route`.
 */
export function requestMetrics(registry: MetricsRegistry): RequestHandler {
  const requests = registry.counter('agentflow_http_requests_total', 'HTTP requests answered.', [
    'method',
    'route',
    'status',
  ]);
  const durations = registry.histogram(
    'agentflow_http_request_duration_seconds',
    'Time to answer an HTTP request, event streams left out.',
    ['method', 'route'],
    DURATION_BOUNDS,
  );
  return (request, response, next) => {
    const startedAt = process.hrtime.bigint();
    response.once('close', () => {
      const route = typeof response.locals.route === 'string' ? response.locals.route : 'unmatched';
      const method = METHODS.has(request.method) ? request.method : 'other';
      // 499: the client went away before the answer was out.
      requests.increment([method, route, response.headersSent ? String(response.statusCode) : '499']);
      if (String(response.getHeader('content-type')).startsWith('text/event-stream')) return;
      durations.observe([method, route], Number(process.hrtime.bigint() - startedAt) / 1e9);
    });
    next();
  };
}
