import { isObjectText } from '../../model-messages';
import type { ModelToolCall } from '../../ports/models';
import type { JsonObject } from '../../ports/records';
import { exactly, isObject, type Source, textOf, within, writtenAt } from './wire';

/** A fragment of a tool call as endpoints really send it: anything may be missing, or of another type. */
export interface WireCall {
  index?: unknown;
  id?: unknown;
  function?: unknown;
  extra_content?: unknown;
}

/** What a fragment added, for those who watch. */
export interface CallDelta {
  index: number;
  id?: string;
  name?: string;
  arguments?: string;
}

interface OpenCall {
  call: ModelToolCall;
  /** As the endpoint numbered it. */
  wireIndex: number | undefined;
  wireId: string;
}

interface Fragment {
  index: number | undefined;
  id: string;
  name: string;
  arguments: string;
  /** The endpoint sent arguments with the name, if only empty ones: the name is whole. */
  complete: boolean;
}

/** Puts tool calls together from their fragments, for endpoints that number them, name them, or do neither. */
export class ToolCallReader {
  private readonly open: OpenCall[] = [];

  /** @param model whose endpoint gets back what it gives with a call */
  constructor(private readonly model: string) {}

  get calls(): ModelToolCall[] {
    return this.open.map(({ call }) => call);
  }

  get size(): number {
    return this.open.length;
  }

  /**
   * @param source where the fragment was read, and the function that it names
   * @returns what changed; undefined for a fragment that says nothing
   */
  add(wire: unknown, source: { call: Source; function: Source }): CallDelta | undefined {
    if (!isObject(wire)) return undefined;
    const fragment = readFragment(wire, source.function);
    const known = this.find(fragment);
    const delta = known && !begins(fragment, known) ? this.extend(known, fragment) : this.begin(fragment);
    const extra = (wire as WireCall).extra_content;
    // Gemini: https://ai.google.dev/gemini-api/docs/thought-signatures
    if (isObject(extra))
      this.open[delta.index]!.call.giveBack = {
        model: this.model,
        fields: { extra_content: exactly(extra as JsonObject, within(source.call, 'extra_content')) },
      };
    return delta;
  }

  /** The call that a fragment may go on with. */
  private find({ index, id }: Fragment): OpenCall | undefined {
    if (index !== undefined) return this.open.findLast(({ wireIndex }) => wireIndex === index);
    const named = id === '' ? undefined : this.open.findLast(({ wireId }) => wireId === id);
    return named ?? this.open.at(-1);
  }

  private extend(known: OpenCall, { id, name, arguments: args }: Fragment): CallDelta {
    const { call } = known;
    if (known.wireId === '' && id !== '') Object.assign(known, { wireId: id });
    if (name !== call.name) call.name += name;
    call.arguments += args;
    return { index: this.open.indexOf(known), ...(args ? { arguments: args } : {}) };
  }

  private begin({ index: wireIndex, id: wireId, name, arguments: args }: Fragment): CallDelta {
    const index = this.open.length;
    // An id is what ties the result to the call; endpoints without ids get one.
    const id = wireId || `call_${index}_${Math.random().toString(36).slice(2, 12)}`;
    this.open.push({ call: { id, name, arguments: args }, wireIndex, wireId });
    return { index, id, ...(name ? { name } : {}), ...(args ? { arguments: args } : {}) };
  }
}

/**
 * Some endpoints give parallel calls one index, or none: another id with a name begins a call, and so does a second whole
 * name. One that is repeated with each fragment of its call does not.
 */
function begins(fragment: Fragment, { call, wireId }: OpenCall): boolean {
  const { id, name, complete } = fragment;
  const otherId = id !== '' && wireId !== '' && id !== wireId;
  if (name === '') return otherId && isObjectText(call.arguments);
  if (otherId) return true;
  if (call.name === '') return false;
  if (id !== '' && id === wireId && name === call.name) return false;
  return name === call.name ? isObjectText(call.arguments) : complete || call.arguments !== '';
}

function readFragment(wire: WireCall, source: Source): Fragment {
  const called = isObject(wire.function) ? (wire.function as { name?: unknown; arguments?: unknown }) : {};
  return {
    index: readIndex(wire.index),
    id: textOf(wire.id),
    name: typeof called.name === 'string' ? called.name : '',
    arguments: readArguments(called.arguments, within(source, 'arguments')),
    complete: called.arguments !== undefined && called.arguments !== null,
  };
}

function readIndex(index: unknown): number | undefined {
  const number = typeof index === 'string' && index !== '' ? Number(index) : index;
  return Number.isInteger(number) ? (number as number) : undefined;
}

/** Text as it is; some endpoints send the object itself, whose numbers and keys only its own text has. */
function readArguments(args: unknown, source: Source): string {
  if (args === undefined || args === null) return '';
  return typeof args === 'string' ? args : writtenAt(source);
}
