import type { JsonObject, JsonValue } from '../../ports/records';
import type { TenantStore } from '../../ports/stores';
import type { ToolCallContext } from '../../ports/tools';

/** What a built-in tool is given beside its arguments. */
export interface BuiltInContext extends ToolCallContext {
  store: TenantStore;
}

/** A tool that comes with the product. */
export interface BuiltInTool {
  name: string;
  description: string;
  parameters: JsonObject;
  group: string;
  /** Names of the built-in agents that have it from the start. */
  agents: readonly string[];
  /** Calls may be repeated: they change nothing, or the same again. */
  idempotent: boolean;
  requireApproval?: boolean;
  /** The connection that it needs and this deployment lacks, in words; the tool then says so instead of running. */
  connection?: string;
  /** @throws ToolFailure, or DomainError `validation_failed` for arguments, in words for the model */
  run(args: JsonObject, context: BuiltInContext): Promise<JsonValue>;
}

/** A failure of a built-in tool, in words for the model. */
export class ToolFailure extends Error {
  constructor(
    readonly type: string,
    message: string,
    /** The same call may succeed later. */
    readonly retryable = false,
  ) {
    super(message);
    this.name = 'ToolFailure';
  }
}

export const EVERY_AGENT = [
  'MainAgent',
  'EmailsAgent',
  'TasksAgent',
  'MeetingsAgent',
  'ResearchAgent',
  'RecordsAgent',
  'SnowflakeAgent',
  'JediAgent',
] as const;

export const parameters = (properties: JsonObject, required: string[] = []): JsonObject => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
