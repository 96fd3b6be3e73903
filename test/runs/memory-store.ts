import type { PartRecord } from '../../src/ports/records';
import type { TenantStore } from '../../src/ports/stores';

export const part = (seq: number, createdAt = new Date(0)): PartRecord =>
  ({
    id: `p${seq}`,
    conversationId: 'c',
    seq,
    messageSeq: null,
    type: 'delta',
    runId: 'r',
    callId: 'k',
    text: `${seq} `,
    content: null,
    metadata: null,
    createdAt,
  }) as PartRecord;

/** One conversation's log in memory, with the few methods that a follower and the log use. */
export class MemoryStore {
  readonly parts: PartRecord[] = [];
  nextSeq = 0;
  owner: string | null = 'me';
  reads = 0;
  /** How many allocations were made. */
  allocations = 0;
  inserts = 0;
  /** Runs before each insert and may delay or refuse it. */
  beforeInsert: () => Promise<void> = () => Promise.resolve();

  put(...parts: PartRecord[]): void {
    this.parts.push(...parts);
    this.parts.sort((a, b) => a.seq - b.seq);
  }

  get store(): TenantStore {
    const allocate = async (_id: string, allocation: { parts: number }) => {
      this.allocations++;
      const seq = this.nextSeq;
      this.nextSeq += allocation.parts;
      return { seq, messageSeq: 0, conversation: {} };
    };
    return {
      tenant: 't',
      conversations: {
        find: async () => ({ id: 'c', userId: 'u', nextSeq: this.nextSeq, messageCount: 0, deletedAt: null }),
        allocate,
        allocateForRun: async (id: string, run: { owner: string }, allocation: { parts: number }) =>
          run.owner === this.owner ? allocate(id, allocation) : null,
      },
      // The conversation's state is not known: everything goes step by step.
      runLog: { append: async () => null, appendBehind: async () => null },
      parts: {
        after: async (_id: string, seq: number, limit: number) => {
          this.reads++;
          return this.parts.filter((one) => one.seq > seq).slice(0, limit);
        },
        insert: async (parts: PartRecord[]) => {
          await this.beforeInsert();
          this.inserts++;
          this.put(...parts);
        },
      },
    } as unknown as TenantStore;
  }
}
