/* eslint-disable @typescript-eslint/no-require-imports -- the SDK is loaded with the first connection, not at the start */
import { Transform } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { CallToolResult, JSONRPCMessage, Tool } from '@modelcontextprotocol/sdk/types.js';
import type { JsonObject } from '../../ports/records';
import { withWrittenResults, writtenOf } from './exact-result';

/** The server answered, and what it answered does not fit the protocol; the connection is as good as before. */
export class BadAnswer extends Error {
  override name = 'BadAnswer';
}

/** Of our own making, in the range that JSON-RPC leaves to applications. */
const BAD_RESULT_CODE = -32_099;
const BAD_RESULT = 'the server answered what is no result';
/** What the protocol knows; servers of later revisions may send others, which go through as they are. */
const BLOCKS = new Set(['text', 'image', 'audio', 'resource', 'resource_link']);
const REASON_CHARACTERS = 200;

const types = (): TypesModule => require('@modelcontextprotocol/sdk/types.js') as TypesModule;

/** Whether a failed request says that the answer, not the connection, was wrong. */
export function isBadAnswer(error: unknown): boolean {
  if (error instanceof BadAnswer || error instanceof SyntaxError) return true;
  const { name, code, message } = error as { name?: string; code?: unknown; message?: string };
  return name === 'ZodError' || (code === BAD_RESULT_CODE && (message ?? '').includes(BAD_RESULT));
}

export const badResult = (): BadAnswer => new BadAnswer(BAD_RESULT);

/**
 * A message as the SDK reads it. An answer that is none becomes an error for its own request, which would otherwise wait for
 * its time-out; superfluous and missing members of the envelope are forgiven. Everything else stays as it is.
 */
export function readable(message: unknown): unknown {
  if (!isRecord(message) || message.id === undefined || message.id === null || 'method' in message)
    return message;
  const { id, result, error } = message;
  const answer =
    error === undefined || error === null
      ? { jsonrpc: '2.0', id, result }
      : { jsonrpc: '2.0', id, error: readableError(error) };
  if (types().JSONRPCMessageSchema.safeParse(answer).success) return answer;
  return { jsonrpc: '2.0', id, error: { code: BAD_RESULT_CODE, message: BAD_RESULT } };
}

const INTERNAL_ERROR = -32_603;

function readableError(error: unknown): object {
  if (!isRecord(error))
    return { code: INTERNAL_ERROR, message: typeof error === 'string' ? error : JSON.stringify(error) };
  const { code, message, data } = error;
  return {
    code: Number.isSafeInteger(code) ? code : INTERNAL_ERROR,
    message: typeof message === 'string' ? message : 'the server failed without saying why',
    ...(data === undefined ? {} : { data }),
  };
}

/** Longest message of a program, bytes. */
const LINE_BYTES = 10 * 1024 * 1024;
const HEAD_CHARACTERS = 200;

/** Messages in a program's output, one a line, in place of the SDK's own buffer: nothing that is written ends the connection. */
export class LineBuffer {
  private chunks: Buffer[] = [];
  private size = 0;
  /** The beginning of a line that is too long to keep. */
  private head: string | undefined;

  append(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.size += chunk.byteLength;
  }

  /** The next message; null when there is no whole line. @throws SyntaxError or ZodError for a line that is no message */
  readMessage(): JSONRPCMessage | null {
    const line = this.line();
    if (line === null) return null;
    return types().JSONRPCMessageSchema.parse(readable(typeof line === 'string' ? messageOf(line) : line));
  }

  clear(): void {
    this.chunks = [];
    this.size = 0;
    this.head = undefined;
  }

  /** A line, or the message that stands for one that was too long. */
  private line(): string | object | null {
    // Only the newest chunk can hold the end of a line that earlier ones did not hold.
    const last = this.chunks.at(-1);
    const end = last?.indexOf('\n') ?? -1;
    if (!last || end < 0) return this.waiting();
    const text =
      this.head ?? Buffer.concat([...this.chunks.slice(0, -1), last.subarray(0, end)]).toString('utf8');
    const wasTooLong = this.head !== undefined;
    this.clear();
    if (end + 1 < last.byteLength) this.append(last.subarray(end + 1));
    if (!wasTooLong) return text;
    const id = /"id"\s*:\s*(\d+)/.exec(text)?.[1];
    return id === undefined ? {} : { id: Number(id), result: null };
  }

  private waiting(): null {
    if (this.size <= LINE_BYTES) return null;
    this.head ??= Buffer.concat(this.chunks).toString('utf8', 0, HEAD_CHARACTERS);
    this.chunks = [];
    this.size = 0;
    return null;
  }
}

/** @throws SyntaxError */
function messageOf(text: string): unknown {
  const message = JSON.parse(text) as unknown;
  const written = withWrittenResults(text, message);
  return written === text ? message : JSON.parse(written);
}

/** An answer that is one JSON text, with the texts of its results. */
export function writtenBody(): Transform {
  const chunks: Buffer[] = [];
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
    flush(done) {
      const body = Buffer.concat(chunks);
      try {
        const text = body.toString('utf8');
        done(null, withWrittenResults(text, JSON.parse(text)));
      } catch (error) {
        // The SDK says what is wrong with it.
        done(error instanceof SyntaxError ? null : (error as Error), body);
      }
    },
  });
}

/** The same for an answer that is an event stream: the data of its events are messages. */
export function readableEvents(): Transform {
  let rest: string[] = [];
  const decoder = new StringDecoder('utf8');
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const lines = decoder.write(chunk).split('\n');
      rest.push(lines[0] ?? '');
      if (lines.length === 1) return done();
      const whole = [rest.join(''), ...lines.slice(1, -1)];
      rest = [lines.at(-1) ?? ''];
      done(null, whole.map((line) => `${readableEventLine(line)}\n`).join(''));
    },
    flush(done) {
      done(null, rest.join('') + decoder.end());
    },
  });
}

function readableEventLine(line: string): string {
  const data = /^data: ?(.*?)\r?$/.exec(line)?.[1];
  if (data === undefined || !data.startsWith('{')) return line;
  try {
    const message = messageOf(data);
    const read = readable(message);
    return read === message ? line : `data: ${JSON.stringify(read)}`;
  } catch (error) {
    // A message over several lines, or none: the SDK reads what it can.
    if (error instanceof SyntaxError) return line;
    throw error;
  }
}

export interface ReadResult extends CallToolResult {
  /** JSON of the structured content, or else of the content, where their values have lost something of it. */
  written?: string;
}

/**
 * The result of a call. Content of kinds that this revision does not know, and structured content that is no object, go
 * through.
 * @throws BadAnswer
 */
export function readResult(result: unknown): ReadResult {
  if (!isRecord(result)) throw badResult();
  const written = writtenOf(result);
  const { structuredContent, ...rest } = result;
  const content: unknown[] = Array.isArray(rest.content) ? rest.content : [];
  if (rest.content !== undefined && rest.content !== null && !Array.isArray(rest.content)) throw badResult();
  const { CallToolResultSchema, ContentBlockSchema } = types();
  for (const block of content) {
    if (!isRecord(block) || typeof block.type !== 'string') throw badResult();
    if (BLOCKS.has(block.type) && !ContentBlockSchema.safeParse(block).success) throw badResult();
  }
  if (!CallToolResultSchema.safeParse({ ...rest, content: [] }).success) throw badResult();
  return {
    content: content as CallToolResult['content'],
    ...(typeof rest.isError === 'boolean' ? { isError: rest.isError } : {}),
    ...(structuredContent === undefined || structuredContent === null
      ? {}
      : { structuredContent: structuredContent as JsonObject }),
    ...(written === undefined ? {} : { written }),
  };
}

/** A page of tools: those that fit the protocol, and what is wrong with the others. */
export interface ToolPage {
  /** Undefined when it is no list of tools. */
  tools: Tool[] | undefined;
  problems: { tool: string; problem: string }[];
  nextCursor: string | undefined;
}

export function readPage(result: unknown): ToolPage {
  const { tools, nextCursor } = isRecord(result) ? result : {};
  const page: ToolPage = {
    tools: Array.isArray(tools) ? [] : undefined,
    problems: [],
    nextCursor: typeof nextCursor === 'string' && nextCursor !== '' ? nextCursor : undefined,
  };
  for (const [index, tool] of Array.isArray(tools) ? tools.entries() : []) {
    const read = types().ToolSchema.safeParse(tool);
    if (read.success && read.data.name !== '') page.tools?.push(read.data);
    else page.problems.push({ tool: nameOf(tool, index), problem: reasonOf(read.error?.issues[0]) });
  }
  return page;
}

const nameOf = (tool: unknown, index: number): string =>
  isRecord(tool) && typeof tool.name === 'string' && tool.name !== '' ? tool.name : `number ${index + 1}`;

const reasonOf = (issue: { path: PropertyKey[]; message: string } | undefined): string =>
  (issue ? `${issue.path.map(String).join('.')}: ${issue.message}` : 'it has no name').slice(
    0,
    REASON_CHARACTERS,
  );

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

type TypesModule = typeof import('@modelcontextprotocol/sdk/types.js');
