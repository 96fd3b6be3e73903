import { JsonNumber } from '../../json';
import type { JsonObject, JsonValue } from '../../ports/records';

/** `{name}` stands for an argument, `{credential.NAME}` for a secret; `{{name}}` is the text `{name}`. */
const PLACEHOLDER = /\{\{([A-Za-z_][\w.-]*)\}\}|\{([A-Za-z_][\w.-]*)\}/g;
const WHOLE = /^\{([A-Za-z_][\w.-]*)\}$/;
const CREDENTIAL = 'credential.';

export const isCredential = (name: string): boolean => name.startsWith(CREDENTIAL);
export const credentialName = (name: string): string => name.slice(CREDENTIAL.length);

/** A value that does not fit where the template puts it; becomes an outcome, not an exception of the run. */
export class ArgumentError extends Error {
  override name = 'ArgumentError';
}

/** Names in a template's texts, credentials with their prefix. */
export function placeholders(template: JsonValue | undefined): string[] {
  if (typeof template === 'string')
    return [...template.matchAll(PLACEHOLDER)].flatMap(([, , name]) => name ?? []);
  if (template === null || typeof template !== 'object') return [];
  return Object.values(template).flatMap((value) => placeholders(value));
}

/** Names that are only a part of a text: without their value the text could not be written. */
export function partialNames(template: JsonValue | undefined): string[] {
  if (typeof template === 'string') return wholeName(template) === undefined ? placeholders(template) : [];
  if (template === null || typeof template !== 'object') return [];
  return Object.values(template).flatMap((value) => partialNames(value));
}

/** The one name that is the whole template, so that the value keeps its type. */
export const wholeName = (template: string): string | undefined => WHOLE.exec(template)?.[1];

/** Puts `text(name)` in the place of every name. */
export const fillText = (template: string, text: (name: string) => string): string =>
  template.replace(PLACEHOLDER, (_all, literal: string | undefined, name: string) =>
    literal === undefined ? text(name) : `{${literal}}`,
  );

/** Fills the texts of a JSON template; entries whose whole value is an argument that was not given are left out. */
export function fillJson(template: JsonValue, args: JsonObject): JsonValue | undefined {
  if (typeof template === 'string') {
    const whole = wholeName(template);
    if (whole !== undefined) return own(args, whole);
    return fillText(template, (name) => scalarText(name, own(args, name)));
  }
  if (template === null || typeof template !== 'object' || template instanceof JsonNumber) return template;
  if (Array.isArray(template)) return template.flatMap((item) => fillJson(item, args) ?? []);
  const filled: JsonObject = {};
  for (const [key, value] of Object.entries(template)) {
    const result = fillJson(value, args);
    if (result !== undefined) filled[key] = result;
  }
  return filled;
}

/** A property of the object itself, never one of its prototype. */
export const own = (args: JsonObject, name: string): JsonValue | undefined =>
  Object.hasOwn(args, name) ? args[name] : undefined;

/** @throws ArgumentError for what is absent or no single value */
export function scalarText(name: string, value: JsonValue | undefined): string {
  if (value === undefined || value === null) throw new ArgumentError(`The argument ${name} is required.`);
  if (typeof value === 'object' && !(value instanceof JsonNumber))
    throw new ArgumentError(`The argument ${name} must be a text, number or boolean.`);
  return String(value);
}
