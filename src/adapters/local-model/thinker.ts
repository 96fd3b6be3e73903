import { join } from 'node:path';
import { DomainError } from '../../errors';
import { schemaNodes } from '../../json-schema/bounds';
import type { ChatRequest } from '../../ports/models';
import { TaskFailure, ThreadPool } from '../../threads/pool';
import { FillTooLarge } from './structured';
import { think, type Thinking, type Thought } from './think';

/** Characters that are read in the main thread: a few milliseconds. */
const INLINE_CHARACTERS = 20_000;
/** Nodes of a schema times characters of the text, for each property is looked for in all of it. */
const INLINE_SEARCHES = 400_000;
const INLINE_NODES = 100;
const INLINE_TOOLS = 64;
const INLINE_VALUES = 500;
const THREADS = 2;
const THINK_MS = 10_000;
const MEMORY_MB = 256;
const IDLE_MS = 30_000;
const MOST_WAITING = 1_000;

/** Thinks in the main thread what is short, and anything else in threads with a limit of time and memory. */
export class Thinker {
  private readonly threads = new ThreadPool<Thinking, Thought>({
    file: join(__dirname, 'worker'),
    threads: THREADS,
    timeoutMs: THINK_MS,
    memoryMb: MEMORY_MB,
    idleMs: IDLE_MS,
    mostWaiting: MOST_WAITING,
  });

  /** @throws DomainError `provider_timeout` for what takes too long, `overloaded`; the abort reason when aborted */
  async think({ signal, turn, ...request }: ChatRequest): Promise<Thought> {
    const { messages, tools, responseFormat, continueFrom } = request;
    const thinking: Thinking = { messages, tools, responseFormat, continueFrom };
    if (isShort(thinking))
      try {
        return think(thinking, { values: INLINE_VALUES });
      } catch (error) {
        if (!(error instanceof FillTooLarge)) throw error;
      }
    try {
      return await this.threads.run(thinking, { signal, turn });
    } catch (error) {
      if (!(error instanceof TaskFailure)) throw error;
      throw new DomainError(
        error.reason === 'too_many' ? 'overloaded' : 'provider_timeout',
        `The embedded model gave up on this request: ${error.message} Send less text or a simpler schema.`,
        { extra: { provider: 'agentflow', retryable: false } },
      );
    }
  }
}

function isShort({ messages, tools, responseFormat, continueFrom }: Thinking): boolean {
  let characters = continueFrom?.length ?? 0;
  for (const { content } of messages) characters += content.length;
  if (characters > INLINE_CHARACTERS || (tools?.length ?? 0) > INLINE_TOOLS) return false;
  if (!responseFormat || responseFormat === 'json_object') return true;
  const nodes = schemaNodes(responseFormat.schema);
  return nodes <= INLINE_NODES && nodes * characters <= INLINE_SEARCHES;
}
