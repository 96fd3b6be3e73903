import type { ApprovalPolicyRecord, ApprovalPolicyStore } from '../../ports/tools';
import { DomainError } from '../../errors';
import { isDuplicate, isMissing, jsonData, type TenantClient } from './client';

const JSON_FIELDS = ['conditions'] as const;

export class PrismaApprovalPolicyStore implements ApprovalPolicyStore {
  constructor(private readonly prisma: TenantClient) {}

  list(): Promise<ApprovalPolicyRecord[]> {
    return this.prisma.approvalPolicy.findMany({ orderBy: { id: 'asc' } }) as Promise<unknown> as Promise<
      ApprovalPolicyRecord[]
    >;
  }

  find(id: string): Promise<ApprovalPolicyRecord | null> {
    return this.prisma.approvalPolicy.findUnique({
      where: { id },
    }) as Promise<unknown> as Promise<ApprovalPolicyRecord | null>;
  }

  async create(policy: ApprovalPolicyRecord): Promise<ApprovalPolicyRecord | null> {
    try {
      return (await this.prisma.approvalPolicy.create({
        data: jsonData(policy, JSON_FIELDS),
      })) as unknown as ApprovalPolicyRecord;
    } catch (error) {
      if (isDuplicate(error)) return null;
      throw error;
    }
  }

  async update(id: string, changes: Partial<ApprovalPolicyRecord>): Promise<ApprovalPolicyRecord | null> {
    try {
      return (await this.prisma.approvalPolicy.update({
        where: { id },
        data: jsonData(changes, JSON_FIELDS),
      })) as unknown as ApprovalPolicyRecord;
    } catch (error) {
      if (isMissing(error)) return null;
      if (isDuplicate(error))
        throw new DomainError(
          'conflict',
          `There is an approval policy named ${changes.name} already; choose another name.`,
        );
      throw error;
    }
  }

  async remove(id: string): Promise<boolean> {
    return (await this.prisma.approvalPolicy.deleteMany({ where: { id } })).count > 0;
  }
}
