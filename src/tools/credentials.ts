import type { JsonObject, JsonValue } from '../ports/records';
import type { ToolRecord } from '../ports/tools';
import type { SecretBox } from '../secrets/secrets';

type Target = Pick<ToolRecord, 'kind' | 'config'>;

/**
 * Where a tool sends its secrets: scheme, host and port, or the deployment's server. Code gets none.
 * Secrets belong to it, since whoever changes the tool must not send them elsewhere.
 */
export function originOf({ kind, config }: Target): string {
  const { url, server } = (config ?? {}) as JsonObject;
  if (typeof url === 'string') return `${kind} ${URL.canParse(url) ? new URL(url).origin : url}`;
  return typeof server === 'string' ? `${kind} server ${server}` : kind;
}

/** A secret that was sealed before origins were kept has none. */
const contextOf = (toolId: string, origin: string | undefined): string =>
  origin === undefined ? `tool:${toolId}` : `tool:${toolId} for ${origin}`;

/** Seals the secrets of a tool for where it sends them. */
export function sealCredentials(
  secrets: SecretBox,
  tool: Target & Pick<ToolRecord, 'id'>,
  credentials: JsonValue,
): JsonObject {
  const origin = originOf(tool);
  return { ...secrets.seal(credentials, contextOf(tool.id, origin)), origin };
}

/** The secrets of a tool in the clear, by name; none when they were given for another origin. */
export function openCredentials(
  secrets: SecretBox,
  tool: Target & Pick<ToolRecord, 'id' | 'credentials'>,
): Record<string, string> {
  if (tool.credentials === null) return {};
  const { origin, ...sealed } = tool.credentials as JsonObject & { origin?: string };
  if (origin !== undefined && origin !== originOf(tool)) return {};
  return secrets.open(sealed, contextOf(tool.id, origin)) as Record<string, string>;
}
