import { isObject, textOf } from './wire';

/** What an endpoint said about a call that it did not answer, as far as it is safe to repeat. */
export interface Problem {
  /** HTTP status, of the answer or as the body tells it; undefined when neither says one. */
  status: number | undefined;
  /** Such as `insufficient_quota` or `model_not_found`. */
  code: string | undefined;
  message: string;
}

/** Provider texts are cut to this: some proxies answer with a whole page. */
const MAX_MESSAGE_CHARS = 300;
/** Complaints of one answer that are told. */
const MAX_COMPLAINTS = 3;
/** Objects within objects that are looked into. */
const MAX_DEPTH = 4;

const STATUS_FIELDS = ['status', 'code', 'status_code', 'statusCode', 'http_code', 'error_code'] as const;
/** Where endpoints put the message, or what holds it, in the order of who is believed. */
const MESSAGE_FIELDS = [
  'error',
  'message',
  'msg',
  'detail',
  'errors',
  'base_resp',
  'status_msg',
  'error_description',
  'title',
] as const;

/** Statuses of errors that endpoints name and do not number: OpenAI, Anthropic, Google, vLLM. */
const NAMED_STATUSES: [RegExp, number][] = [
  [
    /context_length|invalid_?request|bad_?request|invalid_?argument|validation|unprocessable|content_policy/i,
    400,
  ],
  [/authentication|unauthori[sz]ed|unauthenticated|api_key/i, 401],
  [/permission|forbidden/i, 403],
  [/not_?found/i, 404],
  [/rate_?limit|too_many|resource_exhausted|throttl|quota|billing/i, 429],
];

/**
 * The error in an event or body: `{error}`, `{object: "error"}`, `{type: "error"}`, `{detail}`, `{errors}`, a list with one,
 * a message with a code. Undefined for anything else.
 */
export function problemIn(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(problemIn).find((problem) => problem !== undefined);
  if (!isObject(body)) return undefined;
  if (body.error || body.object === 'error' || body.type === 'error') return body;
  if (isObject(body.base_resp) && body.base_resp.status_code) return body;
  if (Array.isArray(body.choices)) return undefined;
  if (body.detail || body.errors) return body;
  const named = STATUS_FIELDS.some((field) => body[field] !== undefined && body[field] !== null);
  return named && typeof (body.message ?? body.msg) === 'string' ? body : undefined;
}

/** Reads an error in any of the shapes that {@link problemIn} finds, or its text. */
export function readProblem(body: unknown): Problem {
  const layers = layersOf(body);
  const code = firstOf(layers, ({ code, type, status }) =>
    [code, type, status].find((one) => typeof one === 'string' && one !== 'error' && !/^\d+$/.test(one)),
  ) as string | undefined;
  const number = firstOf(layers, (layer) =>
    STATUS_FIELDS.map((field) => statusOf(layer[field])).find(Boolean),
  );
  const name = layers.flatMap(({ code: one, type, status }) => [one, type, status].map(textOf)).join(' ');
  return {
    status: (number as number | undefined) ?? NAMED_STATUSES.find(([names]) => names.test(name))?.[1],
    code,
    message: tidy(messageOf(body, 0)),
  };
}

/** The object and those that it holds the error in, innermost first. */
function layersOf(body: unknown): Record<string, unknown>[] {
  const layers: Record<string, unknown>[] = [];
  let inner: unknown = body;
  while (layers.length < MAX_DEPTH) {
    if (Array.isArray(inner)) inner = inner[0] as unknown;
    if (!isObject(inner)) break;
    layers.unshift(inner);
    inner = [inner.error, inner.detail, inner.errors, inner.base_resp].find(
      (one) => typeof one === 'object' && one,
    );
  }
  return layers;
}

function firstOf(
  layers: Record<string, unknown>[],
  read: (layer: Record<string, unknown>) => unknown,
): unknown {
  for (const layer of layers) {
    const found = read(layer);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A number, or its text, that is the status of a failed call. */
function statusOf(value: unknown): number | undefined {
  const status = typeof value === 'string' ? Number(value) : value;
  return typeof status === 'number' && status >= 400 && status <= 599 ? status : undefined;
}

function messageOf(value: unknown, depth: number): string {
  if (typeof value === 'string') return value;
  if (depth > MAX_DEPTH) return '';
  if (Array.isArray(value))
    return value
      .slice(0, MAX_COMPLAINTS)
      .map((one) => messageOf(one, depth + 1))
      .filter((one) => one !== '')
      .join('; ');
  if (!isObject(value)) return '';
  for (const field of MESSAGE_FIELDS) {
    const message = messageOf(value[field], depth + 1);
    if (message !== '') return withDetails(message, value);
  }
  return '';
}

/** FastAPI says where a complaint belongs, OpenRouter what the provider behind it said. */
function withDetails(message: string, { loc, metadata }: Record<string, unknown>): string {
  if (Array.isArray(loc)) return `${loc.map(textOf).join('.')}: ${message}`;
  const raw = isObject(metadata) ? textOf(metadata.raw) : '';
  return raw === '' ? message : `${message}: ${raw}`;
}

const tidy = (text: string): string =>
  withoutKeys(text)
    .slice(0, MAX_MESSAGE_CHARS)
    .toWellFormed()
    .replace(/[.\s]+$/, '');

/** OpenAI's own texts repeat a part of the key; nothing that looks like one may reach a client. */
const withoutKeys = (text: string): string => text.replace(/\b(sk|key|pk)-[\w*.-]{4,}/gi, '[key]');
