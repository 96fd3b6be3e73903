import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isObjectType,
  isInterfaceType,
  Kind,
  typeFromAST,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLEnumType,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type SelectionSetNode,
} from 'graphql';
import { exactField } from '../src/json';
import { toCamel, toSnake } from './names';
import { declaredProperties, itemSchema, wireNames } from './schemas';
import type { JsonTree, OpenApiDocument } from './types';

export type Convert = (value: unknown) => unknown;
/** Converts an input value; `ignored` collects the dotted paths of fields that nothing takes. */
export type ConvertInput = (value: unknown, path: string, ignored: string[]) => unknown;

type Plain = Record<string, unknown>;

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * How an enum value is written in REST: its internal value where that is a string of its own (`7d`), else its name in
 * lower case (`TOOL_ONLY` -> `tool_only`).
 */
function restEnumValue(value: { name: string; value: unknown }): string {
  return typeof value.value === 'string' && value.value !== value.name
    ? value.value
    : value.name.toLowerCase();
}

function enumToRest(type: GraphQLEnumType): Convert {
  const values = new Map<unknown, string>(
    type.getValues().map((value) => [value.name, restEnumValue(value)]),
  );
  return (value) => values.get(value) ?? value;
}

function enumFromRest(type: GraphQLEnumType): Convert {
  const names = new Map<unknown, string>(type.getValues().map((value) => [restEnumValue(value), value.name]));
  return (value) => names.get(value) ?? value;
}

const mapList =
  (convert: Convert): Convert =>
  (value) => {
    if (!Array.isArray(value)) return value;
    const converted = new Array<unknown>(value.length);
    for (let index = 0; index < value.length; index++) converted[index] = convert(value[index]);
    return converted;
  };

/** A field of a compiled selection; also what result paths are checked against. */
export interface SelectedField {
  type: GraphQLOutputType;
  selections: SelectionSetNode[];
}

/** Reads selections of one operation against the schema: fields by response key, over all fragments and type conditions. */
export class SelectionReader {
  private readonly fragments: Map<string, FragmentDefinitionNode>;

  constructor(
    private readonly schema: GraphQLSchema,
    document: DocumentNode,
  ) {
    this.fragments = new Map(
      document.definitions
        .filter((node) => node.kind === Kind.FRAGMENT_DEFINITION)
        .map((node) => [node.name.value, node]),
    );
  }

  fields(type: GraphQLNamedType, selections: SelectionSetNode[]): Map<string, SelectedField> {
    const found = new Map<string, SelectedField>();
    for (const selection of selections) this.collect(type, selection, found);
    return found;
  }

  private collect(type: GraphQLNamedType, set: SelectionSetNode, found: Map<string, SelectedField>): void {
    for (const node of set.selections) {
      if (node.kind === Kind.FIELD) {
        const key = node.alias?.value ?? node.name.value;
        const fieldType = this.fieldType(type, node.name.value);
        if (!fieldType) continue;
        // Fields under one response key have one shape (GraphQL's own rule), so their selections can be merged.
        const known = found.get(key);
        const selections = node.selectionSet ? [node.selectionSet] : [];
        if (known) known.selections.push(...selections);
        else found.set(key, { type: fieldType, selections });
        continue;
      }
      const fragment = node.kind === Kind.INLINE_FRAGMENT ? node : this.fragments.get(node.name.value)!;
      const condition = fragment.typeCondition
        ? (typeFromAST(this.schema, fragment.typeCondition) as GraphQLNamedType)
        : type;
      this.collect(condition, fragment.selectionSet, found);
    }
  }

  private fieldType(type: GraphQLNamedType, name: string): GraphQLOutputType | undefined {
    if (name === '__typename') return this.schema.getType('String') as GraphQLOutputType;
    return isObjectType(type) || isInterfaceType(type) ? type.getFields()[name]?.type : undefined;
  }
}

export interface OutputOptions {
  document: OpenApiDocument;
  /** Whether a null at this dotted path is left out. */
  dropsNull(path: string): boolean;
}

/**
 * Compiles the conversion of a result: response keys take the names of the OpenAPI schema where it declares them, else
 * snake_case; enum values take their REST spelling; other scalars, JSON above all, pass untouched.
 */
export function compileOutput(
  reader: SelectionReader,
  field: SelectedField,
  wireSchema: JsonTree,
  options: OutputOptions,
  path = '',
): Convert {
  const type = getNullableType(field.type);
  if (isListType(type)) {
    const items = itemSchema(options.document, wireSchema);
    return mapList(compileOutput(reader, { ...field, type: type.ofType }, items, options, path));
  }
  if (isEnumType(type)) return enumToRest(type);
  if (isLeafType(type)) return (value) => value;
  return compileObject(reader, field, wireSchema, options, path);
}

function compileObject(
  reader: SelectionReader,
  field: SelectedField,
  wireSchema: JsonTree,
  options: OutputOptions,
  path: string,
): Convert {
  const names = wireNames(options.document, wireSchema);
  const entries: {
    key: string;
    name: string;
    convert: Convert;
    dropNull: boolean;
    isLeaf: boolean;
    sparse: boolean;
  }[] = [];
  const named = getNamedType(field.type);
  // Under an abstract type a key may be absent, because it belongs to another member.
  const sparse = isAbstractType(named);
  for (const [key, selected] of reader.fields(named, field.selections)) {
    if (key === '__typename') continue;
    const declared = names.get(toCamel(key)) ?? names.get(key);
    const childPath = path === '' ? key : `${path}.${key}`;
    const selectedType = getNullableType(selected.type);
    entries.push({
      key,
      name: declared?.name ?? toSnake(key),
      convert: compileOutput(reader, selected, declared?.schema, options, childPath),
      dropNull: options.dropsNull(childPath),
      isLeaf: isLeafType(selectedType) && !isEnumType(selectedType),
      sparse,
    });
  }
  return (value) => {
    if (!isPlain(value)) return value;
    const converted: Plain = {};
    for (const entry of entries) {
      const item = value[entry.key];
      if (item === undefined) continue;
      if (item === null) {
        if (!entry.dropNull) converted[entry.name] = null;
      } else {
        converted[entry.name] = entry.isLeaf ? item : entry.convert(item);
      }
    }
    return converted;
  };
}

/** Follows a dotted path through a selection. @returns undefined when a key is not selected */
export function selectPath(
  reader: SelectionReader,
  from: SelectedField,
  path: string,
): SelectedField | undefined {
  let current: SelectedField | undefined = from;
  for (const key of path === '' ? [] : path.split('.')) {
    if (!current) return undefined;
    const named: GraphQLNamedType = getNamedType(current.type);
    current = reader.fields(named, current.selections).get(key);
  }
  return current;
}

/** Compiles the reading of a dotted path from a value. */
export function compilePath(path: string): Convert {
  const keys = path === '' ? [] : path.split('.');
  return (value) => {
    let current: unknown = value;
    for (const key of keys) {
      if (!isPlain(current)) return undefined;
      current = current[key];
    }
    return current;
  };
}

/**
 * Compiles the conversion of one input value: what the schema declares and the GraphQL input type takes is renamed,
 * deeply; a scalar (JSON above all) gets its value untouched.
 * @param skip    property names of this object that are bound elsewhere
 * @param unbound findings: dotted paths of declared properties that the input type does not take
 */
export function compileInput(
  document: OpenApiDocument,
  type: GraphQLInputType,
  wireSchema: JsonTree,
  unbound: string[],
  options: { path?: string; skip?: ReadonlySet<string>; takesUndeclared?: boolean } = {},
): ConvertInput {
  return new InputCompiler(document, unbound).compile(type, wireSchema, options.path ?? '', options.skip);
}

const plainField: typeof exactField = (holder, key) => (holder as Plain)[key];

class InputCompiler {
  /** Recursive types (a filter inside a filter) meet their own plan here. */
  private readonly compiled = new Map<GraphQLInputType, Map<JsonTree, { convert?: ConvertInput }>>();

  constructor(
    private readonly document: OpenApiDocument,
    private readonly unbound: string[],
  ) {}

  compile(
    type: GraphQLInputType,
    wireSchema: JsonTree,
    path: string,
    skip?: ReadonlySet<string>,
  ): ConvertInput {
    const nullable = getNullableType(type);
    if (isListType(nullable)) return this.list(nullable.ofType, wireSchema, path);
    if (isEnumType(nullable)) return enumFromRest(nullable);
    if (isInputObjectType(nullable)) return this.memoized(nullable, wireSchema, path, skip);
    if (nullable.name === 'String' || nullable.name === 'ID') {
      // The validator turned a path or query value into a number or boolean, or the schema admits both: the text is meant.
      return (value) => (typeof value === 'number' || typeof value === 'boolean' ? String(value) : value);
    }
    return (value) => value;
  }

  private list(itemType: GraphQLInputType, wireSchema: JsonTree, path: string): ConvertInput {
    const items = itemSchema(this.document, wireSchema) ?? wireSchema;
    const convert = this.compile(itemType, items, path);
    return (value, valuePath, ignored) =>
      Array.isArray(value)
        ? value.map((item, index) => convert(item, `${valuePath}.${index}`, ignored))
        : convert(value, valuePath, ignored);
  }

  private memoized(
    type: GraphQLInputType,
    wireSchema: JsonTree,
    path: string,
    skip?: ReadonlySet<string>,
  ): ConvertInput {
    if (skip) return this.object(type, wireSchema, path, skip);
    const bySchema = this.compiled.get(type) ?? new Map<JsonTree, { convert?: ConvertInput }>();
    this.compiled.set(type, bySchema);
    const key = wireSchema?.$ref ?? wireSchema;
    const known = bySchema.get(key);
    if (known) return (value, valuePath, ignored) => known.convert!(value, valuePath, ignored);
    const slot: { convert?: ConvertInput } = {};
    bySchema.set(key, slot);
    slot.convert = this.object(type, wireSchema, path, new Set());
    return slot.convert;
  }

  private object(
    type: GraphQLInputType,
    wireSchema: JsonTree,
    path: string,
    skip: ReadonlySet<string>,
  ): ConvertInput {
    const named = getNamedType(type);
    if (!isInputObjectType(named)) throw new Error(`${String(type)} is not an input object.`);
    const fields = named.getFields();
    const plans = new Map<string, { field: string; read: typeof exactField; convert: ConvertInput }>();
    for (const [name, property] of declaredProperties(this.document, wireSchema)) {
      if (skip.has(name)) continue;
      const field = fields[toCamel(name)] ?? fields[name];
      const propertyPath = path === '' ? name : `${path}.${name}`;
      if (!field) this.unbound.push(propertyPath);
      else {
        const read = getNamedType(field.type).name === 'JSON' ? exactField : plainField;
        plans.set(name, {
          field: field.name,
          read,
          convert: this.compile(field.type, property, propertyPath),
        });
      }
    }
    return (value, valuePath, ignored) => {
      if (!isPlain(value)) return value;
      const converted: Plain = {};
      for (const name of Object.keys(value)) {
        const plan = plans.get(name);
        const namePath = valuePath === '' ? name : `${valuePath}.${name}`;
        if (plan) converted[plan.field] = plan.convert(plan.read(value, name), namePath, ignored);
        else if (!skip.has(name)) ignored.push(namePath);
      }
      return converted;
    };
  }
}
