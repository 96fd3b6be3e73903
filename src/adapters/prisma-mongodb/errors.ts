/** An argument the connector refuses; becomes Prisma's own `PrismaClientValidationError`. */
export class ArgumentError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ArgumentError';
  }
}

/** A failure that Prisma has a code for; becomes Prisma's own `PrismaClientKnownRequestError`. */
export class KnownError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly meta: Record<string, unknown> = {},
  ) {
    super(message);
    this.name = 'KnownError';
  }
}

/** The parts of the generated `Prisma` namespace that the connector needs. */
export interface PrismaNamespace {
  PrismaClientKnownRequestError: new (
    message: string,
    options: { code: string; clientVersion: string; meta?: Record<string, unknown> },
  ) => Error;
  PrismaClientValidationError: new (message: string, options: { clientVersion: string }) => Error;
  prismaVersion: { client: string };
  JsonNull: unknown;
  DbNull: unknown;
  AnyNull: unknown;
}

export const unknownField = (
  path: string,
  name: string,
  owner: string,
  known: Iterable<string>,
): ArgumentError =>
  new ArgumentError(
    `Unknown field \`${name}\` at \`${path}\` on model \`${owner}\`. Available options: ${[...known].join(', ')}.`,
  );

export const unknownArgument = (path: string, name: string, known: Iterable<string>): ArgumentError =>
  new ArgumentError(
    `Unknown argument \`${name}\` at \`${path}\`. Available options: ${[...known].join(', ')}.`,
  );

export const invalidValue = (path: string, expected: string, value: unknown): ArgumentError =>
  new ArgumentError(
    `Argument \`${path}\`: Invalid value provided. Expected ${expected}, provided ${describe(value)}.`,
  );

/** Names the type of a value without showing the value: arguments may hold secrets. */
export function describe(value: unknown): string {
  if (value === null) return 'Null';
  if (Array.isArray(value)) return 'List';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : 'DateTime';
  if (typeof value === 'number') return Number.isInteger(value) ? 'Int' : 'Float';
  if (typeof value === 'object') return 'Object';
  return (typeof value).replace(/^./, (letter) => letter.toUpperCase());
}

/** Is `value` an argument object: not a list, date, binary or any other instance? */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

export function asObject(value: unknown, path: string): Record<string, unknown> {
  if (isPlainObject(value)) return value;
  throw invalidValue(path, 'Object', value);
}

/** One value or a list of values, as a list. */
export const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

/** Entries of an argument object whose value is set: Prisma treats `undefined` as absent. */
export function setEntries(value: unknown, path: string): [string, unknown][] {
  return Object.entries(asObject(value, path)).filter(([, entry]) => entry !== undefined);
}
