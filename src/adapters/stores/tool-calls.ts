import type { ToolCallRecord, ToolCallStatus, ToolCallStore } from '../../ports/tools';
import { isDuplicate, jsonData, nullIfMissing, type TenantClient } from './client';

const JSON_FIELDS = ['arguments', 'giveBack', 'result', 'error'] as const;

/** The ledger of tool calls. A receipt is written once: every change names the states it may start from. */
export class PrismaToolCallStore implements ToolCallStore {
  constructor(private readonly prisma: TenantClient) {}

  async insert(calls: ToolCallRecord[]): Promise<void> {
    try {
      await this.prisma.toolCall.createMany({ data: calls.map((call) => jsonData(call, JSON_FIELDS)) });
    } catch (error) {
      if (!isDuplicate(error)) throw error;
      await this.insertMissing(calls);
    }
  }

  /** An insert whose answer was lost is repeated: what is there already stays as it is. */
  private async insertMissing(calls: ToolCallRecord[]): Promise<void> {
    for (const call of calls)
      try {
        await this.prisma.toolCall.create({ data: jsonData(call, JSON_FIELDS) });
      } catch (error) {
        if (!isDuplicate(error) || !(await this.find(call.id))) throw error;
      }
  }

  find(id: string): Promise<ToolCallRecord | null> {
    return this.prisma.toolCall.findUnique({ where: { id } }) as Promise<ToolCallRecord | null>;
  }

  ofRun(runId: string): Promise<ToolCallRecord[]> {
    return this.prisma.toolCall.findMany({
      where: { runId },
      orderBy: [{ step: 'asc' }, { position: 'asc' }],
    }) as Promise<unknown> as Promise<ToolCallRecord[]>;
  }

  ofTree(rootRunId: string, statuses: readonly ToolCallStatus[]): Promise<ToolCallRecord[]> {
    return this.prisma.toolCall.findMany({
      where: { rootRunId, status: { in: [...statuses] } },
      orderBy: { id: 'asc' },
    }) as Promise<unknown> as Promise<ToolCallRecord[]>;
  }

  async transition(
    id: string,
    statuses: readonly ToolCallStatus[],
    changes: Partial<ToolCallRecord>,
  ): Promise<ToolCallRecord | null> {
    return nullIfMissing(
      this.prisma.toolCall.update({
        where: { id, status: { in: [...statuses] } },
        data: jsonData(changes, JSON_FIELDS),
      }),
    );
  }
}
