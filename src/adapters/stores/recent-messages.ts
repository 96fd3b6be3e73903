import { LRUCache } from 'lru-cache';
import type { PartRecord } from '../../ports/records';
import type { Conversed } from '../../ports/stores';

/** Of all tenants together. Bytes. */
const MOST_BYTES = 32 * 1024 * 1024;
/** Messages of a conversation that was deleted stay in memory no longer. */
const KEPT_MS = 60_000;
/** A message without its text, content and metadata, roughly. Bytes. */
const ROW_BYTES = 600;

/**
 * Messages that were read lately. A stored message never changes and goes only with its conversation, which who asks has
 * just read: so pages that are looked at again, and the history that every turn of a chat begins with, come from memory.
 */
export class RecentMessages {
  private readonly known: LRUCache<string, PartRecord>;

  constructor(mostBytes = MOST_BYTES) {
    this.known = new LRUCache({ maxSize: mostBytes, ttl: KEPT_MS, sizeCalculation: bytesOf });
  }

  /**
   * Messages with the ordinals from `from` to before `to` that are stored, in order.
   * @param namespace of the collection they are stored in
   * @param read      those of a range that are stored, in order: asked for what is not known, in one piece
   */
  async find(
    namespace: string,
    conversation: Conversed,
    [from, to]: [number, number],
    read: (from: number, to: number) => Promise<PartRecord[]>,
  ): Promise<PartRecord[]> {
    const prefix = prefixOf(namespace, conversation);
    const messages: (PartRecord | undefined)[] = [];
    for (let ordinal = from; ordinal < to; ordinal++) messages.push(this.known.get(prefix + ordinal));
    const first = messages.indexOf(undefined);
    if (first < 0) return messages as PartRecord[];
    const end = messages.lastIndexOf(undefined) + 1;
    const missing = await read(from + first, from + end);
    for (const message of missing) this.known.set(prefix + message.messageSeq, message);
    return [...messages.slice(0, first), ...missing, ...messages.slice(end)] as PartRecord[];
  }
}

/** A conversation that was deleted and made again under its id is another one. */
const prefixOf = (namespace: string, { id, createdAt }: Conversed): string =>
  `${namespace} ${createdAt.getTime()} ${id} `;

const bytesOf = ({ text, content, metadata }: PartRecord): number =>
  ROW_BYTES + 2 * ((text?.length ?? 0) + lengthOf(content) + lengthOf(metadata));

const lengthOf = (json: PartRecord['content']): number => (json === null ? 0 : JSON.stringify(json).length);
