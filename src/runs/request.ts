import { createHash } from 'node:crypto';
import { type FieldError, throwIfInvalid } from '../errors';
import { JsonNumber } from '../json';
import { schemaExcess } from '../json-schema/bounds';
import { compilesFast, compileSchema } from '../json-schema/check';
import type { JsonValue } from '../ports/records';
import { ID_PATTERN, MESSAGE_CHARACTERS, METADATA_CHARACTERS } from '../limits';
import type { ChatInput, RunRequest } from './types';

/** `session_context` rendered as hidden context, characters at most. */
const SESSION_CONTEXT_CHARACTERS = 20_000;
const BLOCK_NAME = /^[a-z][a-z0-9_]{0,63}$/;
const REASONING_EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'];
const REFERENCE_TYPES = ['conversation', 'artifact', 'document', 'attachment', 'task', 'selection'];

interface Range {
  min: number;
  max: number;
}

const RANGES: Record<
  'temperature' | 'topP' | 'frequencyPenalty' | 'presencePenalty' | 'maxTokens' | 'maxTurns',
  Range & { path: string }
> = {
  temperature: { path: 'temperature', min: 0, max: 2 },
  topP: { path: 'top_p', min: 0, max: 1 },
  frequencyPenalty: { path: 'frequency_penalty', min: -2, max: 2 },
  presencePenalty: { path: 'presence_penalty', min: -2, max: 2 },
  maxTokens: { path: 'max_tokens', min: 1, max: 1_000_000 },
  maxTurns: { path: 'max_turns', min: 1, max: 100 },
};

/**
 * Checks a chat request and renders its hidden context.
 * @throws DomainError `validation_failed`, one entry for each bad field
 */
export function acceptRequest(input: ChatInput, role: RunRequest['role']): RunRequest {
  const errors: FieldError[] = [];
  const complain = (path: string, message: string): void => void errors.push({ path, message });
  checkIdentity(input, complain);
  for (const [key, { path, min, max }] of Object.entries(RANGES)) {
    const value = input[key as keyof typeof RANGES];
    if (value !== undefined && value !== null && (!Number.isFinite(value) || value < min || value > max))
      complain(path, `must be between ${min} and ${max}, is ${value}`);
  }
  if (input.reasoningEffort && !REASONING_EFFORTS.includes(input.reasoningEffort))
    complain('reasoning_effort', `must be one of ${REASONING_EFFORTS.join(', ')}`);
  checkSource(input, complain);
  checkReferences(input, complain);
  const request: RunRequest = {
    // As it will be stored and read again: half a character is none.
    message: input.message.toWellFormed(),
    hidden: hiddenContext(input, complain),
    systemBlocks: systemBlocks(input),
    role,
  };
  const format = responseFormat(input, complain);
  throwIfInvalid(errors);
  if (format) request.responseFormat = format;
  for (const key of [
    'temperature',
    'maxTokens',
    'topP',
    'frequencyPenalty',
    'presencePenalty',
    'maxTurns',
  ] as const)
    if (input[key] !== undefined && input[key] !== null) request[key] = input[key];
  if (input.knowledgeBases?.length || input.attachmentIds?.length)
    request.references = {
      knowledgeBases: input.knowledgeBases ?? [],
      attachmentIds: input.attachmentIds ?? [],
      retrievalOptions: input.retrievalOptions ?? null,
    };
  if (input.selectedTools) request.selectedTools = input.selectedTools;
  if (input.reasoningEffort) request.reasoningEffort = input.reasoningEffort;
  return request;
}

type Complain = (path: string, message: string) => void;

function checkIdentity(input: ChatInput, complain: Complain): void {
  if (input.message.trim() === '') complain('message', 'must not be empty');
  if (input.message.length > MESSAGE_CHARACTERS)
    complain('message', `must have at most ${MESSAGE_CHARACTERS} characters, has ${input.message.length}`);
  for (const [path, value] of [
    ['conversation_id', input.conversationId],
    ['message_id', input.messageId],
    ['call_id', input.callId],
  ] as const)
    if (value !== undefined && value !== null && !ID_PATTERN.test(value))
      complain(path, 'must be 1 to 128 of the characters A-Z a-z 0-9 _ . : -');
}

function checkSource({ sourceMetadata }: ChatInput, complain: Complain): void {
  if (sourceMetadata === undefined || sourceMetadata === null) return;
  if (typeof sourceMetadata !== 'object' || Array.isArray(sourceMetadata))
    complain('source_metadata', 'must be an object');
  else if (JSON.stringify(sourceMetadata).length > METADATA_CHARACTERS)
    complain('source_metadata', `must have at most ${METADATA_CHARACTERS} characters as JSON`);
}

/** What this deployment cannot resolve is refused by name: a silently dropped reference would change the answer. */
function checkReferences(input: ChatInput, complain: Complain): void {
  const refuse = (path: string, names: string[] | null | undefined, what: string): void => {
    names?.forEach((name, index) => complain(`${path}.${index}`, `there is no ${what} ${name}`));
  };
  refuse('skills', input.skills, 'skill');
  refuse('artifacts', input.artifacts, 'artifact');
  input.contextRefs?.forEach((ref, index) => {
    if (!REFERENCE_TYPES.includes(ref.type))
      complain(`context_refs.${index}.type`, `must be one of ${REFERENCE_TYPES.join(', ')}`);
    else if (!ref.text)
      complain(`context_refs.${index}`, `there is no ${ref.type} ${ref.id ?? ''}`.trimEnd());
  });
  input.promptBlocks?.forEach((block, index) => {
    if (!BLOCK_NAME.test(block.name))
      complain(`prompt_blocks.${index}.name`, 'must match ^[a-z][a-z0-9_]{0,63}$');
  });
}

export const wrapBlock = (name: string, body: string): string => `<${name}>\n${body}\n</${name}>`;

function enabledBlocks(input: ChatInput, message: 'system' | 'user'): string[] {
  return (input.promptBlocks ?? [])
    .filter(
      (block) => block.enabled !== false && (block.message ?? 'user') === message && block.body.trim() !== '',
    )
    .sort((a, b) => (a.order ?? 50) - (b.order ?? 50))
    .map((block) => wrapBlock(block.name, block.body));
}

const systemBlocks = (input: ChatInput): string[] => enabledBlocks(input, 'system');

function hiddenContext(input: ChatInput, complain: Complain): string[] {
  const hidden = enabledBlocks(input, 'user');
  for (const ref of input.contextRefs ?? [])
    if (ref.text) hidden.push(wrapBlock(ref.type, ref.label ? `${ref.label}:\n${ref.text}` : ref.text));
  if (input.sessionContext !== undefined && input.sessionContext !== null) {
    const rendered =
      typeof input.sessionContext === 'string'
        ? input.sessionContext
        : JSON.stringify(input.sessionContext, null, 1);
    if (rendered.length > SESSION_CONTEXT_CHARACTERS)
      complain(
        'session_context',
        `must render to at most ${SESSION_CONTEXT_CHARACTERS} characters, has ${rendered.length}`,
      );
    else hidden.push(wrapBlock('session_context', rendered));
  }
  if (input.clientTimezone) {
    if (isTimeZone(input.clientTimezone)) hidden.push(wrapBlock('client_timezone', input.clientTimezone));
    else complain('client_timezone', `${input.clientTimezone} is no IANA time zone`);
  }
  return hidden;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function responseFormat(input: ChatInput, complain: Complain): RunRequest['responseFormat'] {
  const format = input.responseFormat;
  if (!format || format.type === 'text') return undefined;
  if (format.type === 'json_object') return 'json_object';
  if (format.type !== 'json_schema') {
    complain('response_format.type', 'must be text, json_object or json_schema');
    return undefined;
  }
  if (!format.jsonSchema) {
    complain('response_format.json_schema', 'is required with type json_schema');
    return undefined;
  }
  const { name, schema, strict } = format.jsonSchema;
  if (schema === undefined || schema === null || typeof schema !== 'object' || Array.isArray(schema)) {
    complain('response_format.json_schema.schema', 'must be an object');
    return undefined;
  }
  const excess = schemaExcess(schema, 'response_format.json_schema.schema');
  if (excess) {
    complain(excess.path, excess.message);
    return undefined;
  }
  try {
    if (compilesFast(schema)) compileSchema(schema);
  } catch (error) {
    complain('response_format.json_schema.schema', `is no valid JSON schema: ${(error as Error).message}`);
    return undefined;
  }
  return { name, schema, ...(strict ? { strict } : {}) };
}

/** What makes two requests the same message: everything that would change the answer. */
export function requestHash(agentId: string, request: RunRequest, model: string | null | undefined): string {
  return createHash('sha256')
    .update(
      canonical({ agentId, model: model ?? null, ...(request as unknown as Record<string, JsonValue>) }),
    )
    .digest('hex');
}

/** One text for all JSON values that mean the same. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object' && !(value instanceof JsonNumber))
    return `{${Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`)
      .join(',')}}`;
  return JSON.stringify(value) ?? 'null';
}
