import { isSchemaObject, referred } from './bounds';

type Schema = Record<string, unknown>;

/** Steps into a value that a validator takes on its stack. */
const MOST_LEVELS = 1_000;

/**
 * How many comparisons of a schema with a value a validator makes at most, every branch counted; linear in the answer.
 * @param limit where counting stops
 * @returns `Infinity` past the limit, and for a schema that never ends on this value
 */
export function checkCost(root: unknown, value: unknown, limit: number): number {
  return new Meter(root as Schema, limit).of(value);
}

class Meter {
  private count = 0;

  constructor(
    private readonly root: Schema,
    private readonly limit: number,
  ) {}

  of(value: unknown): number {
    return this.visit(this.root, value, 0) ? this.count : Infinity;
  }

  /** @returns false when the limit is passed */
  private visit(schema: unknown, value: unknown, level: number): boolean {
    this.count += 1;
    if (this.count > this.limit || level > MOST_LEVELS) return false;
    if (!isSchemaObject(schema)) return true;
    if (Array.isArray(schema.enum)) this.count += schema.enum.length;
    if (Array.isArray(schema.required)) this.count += schema.required.length;
    const below = level + 1;
    if (schema.$ref !== undefined && !this.visit(referred(this.root, schema.$ref), value, below))
      return false;
    for (const keyword of ['allOf', 'anyOf', 'oneOf'] as const)
      if (!this.each(schema[keyword], value, below)) return false;
    for (const keyword of ['not', 'if', 'then', 'else'] as const)
      if (schema[keyword] !== undefined && !this.visit(schema[keyword], value, below)) return false;
    if (typeof value !== 'object' || value === null) return true;
    return Array.isArray(value)
      ? this.list(schema, value, below)
      : this.object(schema, value as Schema, below);
  }

  private each(list: unknown, value: unknown, level: number): boolean {
    if (!Array.isArray(list)) return true;
    return list.every((schema) => this.visit(schema, value, level));
  }

  private list(schema: Schema, items: unknown[], level: number): boolean {
    const { contains, items: each, prefixItems, additionalItems, unevaluatedItems, uniqueItems } = schema;
    if (uniqueItems === true) this.count += items.length;
    const first = (Array.isArray(each) ? each : Array.isArray(prefixItems) ? prefixItems : []) as unknown[];
    const rest = Array.isArray(each) ? additionalItems : (each ?? unevaluatedItems);
    for (const [index, item] of items.entries()) {
      if (!this.visit(index < first.length ? first[index] : rest, item, level)) return false;
      if (contains !== undefined && !this.visit(contains, item, level)) return false;
    }
    return true;
  }

  private object(schema: Schema, value: Schema, level: number): boolean {
    const properties = isSchemaObject(schema.properties) ? schema.properties : {};
    const patterns = isSchemaObject(schema.patternProperties) ? Object.values(schema.patternProperties) : [];
    const others = schema.additionalProperties ?? schema.unevaluatedProperties;
    this.count += Object.keys(properties).length;
    for (const [key, item] of Object.entries(value)) {
      if (!this.visit(Object.hasOwn(properties, key) ? properties[key] : others, item, level)) return false;
      if (!patterns.every((pattern) => this.visit(pattern, item, level))) return false;
      if (schema.propertyNames !== undefined && !this.visit(schema.propertyNames, key, level)) return false;
    }
    for (const keyword of ['dependencies', 'dependentSchemas'] as const)
      if (isSchemaObject(schema[keyword]) && !this.each(Object.values(schema[keyword]), value, level))
        return false;
    return true;
  }
}
