/** `message_id` -> `messageId`. Names without an underscore inside stay as they are. */
export function toCamel(name: string): string {
  return name.replace(/(?<=[^_-])[_-]+([A-Za-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}

/** `messageId` -> `message_id`, `topP` -> `top_p`, `keyLast4` -> `key_last4`, `runs24h` -> `runs_24h` by its alias. */
export function toSnake(name: string): string {
  return name.replace(/(?!^)[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
