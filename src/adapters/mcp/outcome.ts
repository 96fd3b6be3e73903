import { DomainError } from '../../errors';
import { outcomeOfText } from '../../json';
import { FetchFailed } from '../../net/safe-fetch';
import type { JsonValue } from '../../ports/records';
import type { ToolOutcome } from '../../ports/tools';
import { badResult, isBadAnswer, type ReadResult } from './answers';

/** Codes of JSON-RPC that the SDK uses for what happens on this side. */
const CONNECTION_CLOSED = -32000;
const REQUEST_TIMEOUT = -32001;
const MESSAGE_CHARACTERS = 1_000;

/** A server's answer: its structured content, else its text, else its blocks of content; numbers as they were written. */
export function outcomeOf({ content, structuredContent, isError, written }: ReadResult): ToolOutcome {
  const texts = content.flatMap((block) => (block.type === 'text' ? [block.text] : []));
  const isText = texts.length === content.length;
  if (isError) return failed('tool_error', texts.join('\n') || 'The tool failed without saying why.', false);
  if (structuredContent === undefined && isText) return { ok: true, result: texts.join('\n') };
  if (written !== undefined) return outcomeOfText(written);
  return { ok: true, result: (structuredContent ?? content) as JsonValue };
}

/** What an exception of a call means, and whether a later attempt may succeed. */
export function failureOf(error: unknown, server: string): ToolOutcome {
  if (error instanceof DomainError) return failed('refused', error.message, false);
  if (error instanceof FetchFailed)
    return failed(error.reason, `MCP server ${server}: ${error.message}`, error.retryable);
  if (isBadAnswer(error)) return failed('bad_result', `MCP server ${server}: ${badResult().message}`, false);
  const { code, message } = error as { code?: number | string; message: string };
  const words = `MCP server ${server}: ${message}`.slice(0, MESSAGE_CHARACTERS);
  if (isAnswer(error)) return failed('mcp_error', words, false);
  if (code === REQUEST_TIMEOUT) return failed('timeout', words, true);
  if (code === CONNECTION_CLOSED) return failed('connection', words, true);
  // Positive numbers are statuses of HTTP, negative ones errors that the server's JSON-RPC answered.
  if (typeof code === 'number' && code > 0) return failed('http_error', words, code === 429 || code >= 500);
  if (typeof code === 'number') return failed('mcp_error', words, false);
  return failed('connection', words, true);
}

/** Whether the connection is of no further use after this error. */
export function isLost(error: unknown): boolean {
  if (error instanceof DomainError || isBadAnswer(error) || isAnswer(error)) return false;
  const { code } = error as { code?: number | string };
  return typeof code !== 'number' || code === CONNECTION_CLOSED || isSessionGone(error);
}

/** An error that the server's JSON-RPC answered, whatever its code: the SDK's own errors of the two codes have other words. */
function isAnswer(error: unknown): boolean {
  const { name, code, message } = error as { name?: string; code?: number; message: string };
  if (name !== 'McpError') return false;
  if (code === CONNECTION_CLOSED) return !message.endsWith('Connection closed');
  return code !== REQUEST_TIMEOUT;
}

export const isTimeout = (error: unknown): boolean => (error as { code?: unknown }).code === REQUEST_TIMEOUT;

/** A server that was restarted does not know the session any more; nothing was executed. */
export const isSessionGone = (error: unknown): boolean =>
  (error as { code?: unknown }).code === 404 && !isAnswer(error);

const failed = (type: string, message: string, retryable: boolean): ToolOutcome => ({
  ok: false,
  error: { type, message, retryable },
});
