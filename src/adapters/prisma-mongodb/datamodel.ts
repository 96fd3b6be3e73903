import { enumCodec, scalarCodec, type Codec, type Decode, type Encode } from './codec';
import { defaultProducer, type DefaultSpec } from './defaults';
import type { PrismaNamespace } from './errors';

/** One field of the DMMF data model, as `prisma/generators/datamodel.cjs` writes it. */
export interface DatamodelField {
  name: string;
  dbName?: string | null;
  kind: string;
  type: string;
  isList: boolean;
  isRequired: boolean;
  isId?: boolean;
  isUnique?: boolean;
  isUpdatedAt?: boolean;
  hasDefaultValue?: boolean;
  default?: unknown;
  nativeType?: unknown;
  relationName?: string | null;
  relationFromFields?: string[];
  relationToFields?: string[];
  relationOnDelete?: string;
}

export interface DatamodelModel {
  name: string;
  dbName: string | null;
  documentation?: string;
  fields: DatamodelField[];
  uniqueIndexes: { name: string | null; fields: string[] }[];
}

export interface DatamodelIndex {
  model: string;
  type: string;
  dbName?: string | null;
  fields: { name: string; sortOrder?: string | null }[];
}

/** The content of `generated/datamodel.json`. */
export interface Datamodel {
  models: DatamodelModel[];
  types: DatamodelModel[];
  enums: { name: string; values: { name: string; dbName?: string | null }[] }[];
  indexes: DatamodelIndex[];
}

export interface Relation {
  target: Model;
  /** The field on the other side. */
  opposite: Field;
  /** Whether this side stores the key. */
  owns: boolean;
  /** Key fields of this model; one list field for many-to-many. */
  from: Field[];
  /** Key fields of the target; the same number as `from`. */
  to: Field[];
  isManyToMany: boolean;
  onDelete: 'Cascade' | 'Restrict' | 'NoAction' | 'SetNull' | 'SetDefault';
}

export interface Field {
  name: string;
  dbName: string;
  kind: 'scalar' | 'enum' | 'composite' | 'relation';
  type: string;
  isList: boolean;
  isRequired: boolean;
  isId: boolean;
  isUpdatedAt: boolean;
  isNumeric: boolean;
  produceDefault: (() => unknown) | null;
  encode: Encode;
  decode: Decode | null;
  composite?: Composite;
  relation?: Relation;
}

/** A model or composite type: named fields. */
export interface Composite {
  name: string;
  fields: Map<string, Field>;
  /** Fields stored in the document, in schema order. */
  stored: Field[];
}

export interface Model extends Composite {
  collection: string;
  idField: Field;
  relations: Field[];
  /** Unique keys by the name that `where` uses for them: the field, or the compound name. */
  uniques: Map<string, Field[]>;
  /** Prisma fields by database name, for error messages. */
  byDbName: Map<string, Field>;
  documentation: string;
}

export interface CompiledDatamodel {
  models: Map<string, Model>;
  indexes: DatamodelIndex[];
}

const NUMERIC = new Set(['Int', 'Float', 'BigInt']);
const relationCodec: Codec = { encode: (value) => value, decode: null };

class Compiler {
  private readonly enums = new Map<string, Codec>();
  private readonly composites = new Map<string, Composite>();
  readonly models = new Map<string, Model>();

  constructor(
    private readonly source: Datamodel,
    private readonly prisma: PrismaNamespace,
  ) {
    for (const { name, values } of source.enums) {
      const stored = new Map(values.map((value) => [value.name, value.dbName ?? value.name]));
      this.enums.set(name, enumCodec(name, stored));
    }
    for (const { name } of source.types) this.composites.set(name, { name, fields: new Map(), stored: [] });
    for (const type of source.types) this.fill(this.composites.get(type.name)!, type);
    for (const model of source.models) this.models.set(model.name, this.model(model));
    for (const model of source.models) this.link(model);
  }

  private fill(target: Composite, source: DatamodelModel): void {
    for (const raw of source.fields) {
      const field = this.field(raw, source.name);
      target.fields.set(field.name, field);
      if (field.kind !== 'relation') target.stored.push(field);
    }
  }

  private codec(raw: DatamodelField): Codec {
    if (raw.kind === 'enum') return this.enums.get(raw.type)!;
    const native = Array.isArray(raw.nativeType) ? String(raw.nativeType[0]) : null;
    return scalarCodec(raw.type, native, this.prisma);
  }

  private field(raw: DatamodelField, owner: string): Field {
    const composite = this.composites.get(raw.type);
    const kind =
      raw.kind === 'enum' ? 'enum' : raw.kind !== 'object' ? 'scalar' : composite ? 'composite' : 'relation';
    const where = `${owner}.${raw.name}`;
    const codec = kind === 'scalar' || kind === 'enum' ? this.codec(raw) : relationCodec;
    return {
      name: raw.name,
      dbName: raw.dbName ?? raw.name,
      kind,
      type: raw.type,
      isList: raw.isList,
      isRequired: raw.isRequired,
      isId: raw.isId ?? false,
      isUpdatedAt: raw.isUpdatedAt ?? false,
      isNumeric: kind === 'scalar' && NUMERIC.has(raw.type),
      produceDefault: raw.hasDefaultValue
        ? defaultProducer(raw.default as DefaultSpec, raw.type, where)
        : null,
      encode: codec.encode,
      decode: codec.decode,
      composite,
    };
  }

  private model(source: DatamodelModel): Model {
    const base: Composite = { name: source.name, fields: new Map(), stored: [] };
    this.fill(base, source);
    const idField = base.stored.find((field) => field.isId);
    if (!idField) throw new Error(`${source.name} has no @id field; MongoDB needs exactly one.`);
    const uniques = new Map<string, Field[]>();
    for (const raw of source.fields) {
      if (raw.isId || raw.isUnique) uniques.set(raw.name, [base.fields.get(raw.name)!]);
    }
    for (const { name, fields } of source.uniqueIndexes) {
      uniques.set(
        name ?? fields.join('_'),
        fields.map((field) => base.fields.get(field)!),
      );
    }
    return Object.assign(base, {
      collection: source.dbName ?? source.name,
      idField,
      relations: [...base.fields.values()].filter((field) => field.kind === 'relation'),
      uniques,
      byDbName: new Map(base.stored.map((field) => [field.dbName, field])),
      documentation: source.documentation ?? '',
    });
  }

  /** Resolves the relation fields of one model, once all models are known. */
  private link(source: DatamodelModel): void {
    const model = this.models.get(source.name)!;
    for (const raw of source.fields) {
      const field = model.fields.get(raw.name)!;
      if (field.kind !== 'relation') continue;
      const target = this.models.get(raw.type)!;
      const rawTarget = this.source.models.find((candidate) => candidate.name === raw.type)!;
      const rawOpposite = rawTarget.fields.find(
        (candidate) =>
          candidate.relationName === raw.relationName && !(target === model && candidate.name === raw.name),
      );
      if (!rawOpposite) throw new Error(`${source.name}.${raw.name} has no opposite relation field.`);
      const owns = (raw.relationFromFields ?? []).length > 0;
      const owner = owns ? raw : rawOpposite;
      const local = owns ? owner.relationFromFields! : owner.relationToFields!;
      const remote = owns ? owner.relationToFields! : owner.relationFromFields!;
      const isManyToMany = raw.isList && rawOpposite.isList;
      field.relation = {
        target,
        opposite: target.fields.get(rawOpposite.name)!,
        owns,
        from: local.map((name) => model.fields.get(name)!),
        to: remote.map((name) => target.fields.get(name)!),
        isManyToMany,
        onDelete: (owner.relationOnDelete ??
          (owner.isRequired ? 'Restrict' : 'SetNull')) as Relation['onDelete'],
      };
    }
  }
}

/**
 * Prepares the data model for execution: codecs, defaults, relations and unique keys for each field.
 * @throws Error naming the model and field that MongoDB cannot hold
 */
export function compileDatamodel(source: Datamodel, prisma: PrismaNamespace): CompiledDatamodel {
  return { models: new Compiler(source, prisma).models, indexes: source.indexes };
}
