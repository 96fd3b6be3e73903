/**
 * Chooses how a query reads: by `_id`, by one index (equality prefix, then one range, then order), by several indexes
 * under `$or`, or by scanning. Bounds only ever widen the result; unless they are exact the filter is checked again.
 */
import type { Document } from 'bson';
import { analyzeFilter, compareBson, compileFilter, encodeKey, type FieldBounds } from './query';
import { rankOf, type Rank } from './query/compare';
import { filterFields, type Collection, type Direction, type Index } from './catalog';
import { MongoCommandError } from './errors';
import { MAX_ID_KEY_BYTES, MAX_VALUE_KEY_BYTES, prefixKey, rangePrefix, successor } from './keys';

export interface ByteRange {
  /** Inclusive. */
  start: Buffer;
  /** Exclusive. */
  end: Buffer;
}

export interface Access {
  stage: 'COLLSCAN' | 'IXSCAN' | 'IDHACK' | 'EOF';
  /** null: the collection itself, ordered by `_id`. */
  index: Index | null;
  ranges: ByteRange[];
  reverse: boolean;
  /** How each index field is bounded, for `explain`. */
  bounds: Record<string, string>;
}

export interface Plan {
  /** More than one: the branches of an `$or`, read one after the other without repeats. */
  access: Access[];
  /** The access order is the asked-for order. */
  providesSort: boolean;
  /** Every document in the ranges matches: the filter need not be checked, nor the document decoded. */
  exact: boolean;
  filter: Document;
  /** Top-level fields the filter reads, or null when it may read any. */
  fields: ReadonlySet<string> | null;
  matches: () => (doc: Document) => boolean;
}

export interface PlanRequest {
  filter: Document;
  sort: [path: string, direction: Direction][];
  /** Index name, key pattern, or `$natural`. */
  hint?: string | Document | undefined;
  /** The order must be made in memory anyway (uncommitted documents are merged in). */
  ignoreIndexOrder?: boolean;
}

/** A product of `$in` lists becomes this many ranges at most; past it the field is left to the filter. */
const MAX_RANGES = 2_000;
const ID_INDEX_NAME = '_id_';
const MIN_KEY_RANK = 10;
const MAX_KEY_RANK = 240;

/** Operators that read fields this module cannot see by name. */
const WHOLE_DOCUMENT_OPERATORS = ['$expr', '$jsonSchema', '$where', '$text'];

export function planQuery(collection: Collection, request: PlanRequest): Plan {
  const { filter } = request;
  let compiled: ((doc: Document) => boolean) | null = null;
  const matches = (): ((doc: Document) => boolean) => (compiled ??= compileFilter(filter));
  const fields = readsWholeDocument(filter) ? null : filterFields(filter);
  const natural = naturalDirection(request.hint);
  if (isIdLookup(filter) && natural === null) {
    const access = idLookup(collection, filter['_id']);
    return { access: [access], providesSort: true, exact: true, filter, fields, matches };
  }
  // Wrong operators are refused even when nothing would be read; plain comparisons hold none.
  if (!isPlainFilter(filter)) matches();
  const base = { filter, fields, matches };
  const bounds = natural === null ? analyzeFilter(filter) : new Map<string, FieldBounds>();
  const candidates = candidateIndexes(collection, request, bounds);
  const best = bestOf(candidates.map((index) => accessBy(collection, index, bounds, request)));
  const forced = request.hint !== undefined && natural === null;
  if (best !== undefined && (forced || best.score > 0)) {
    const branches = best.boundFields === 0 && !forced ? orBranches(collection, request) : null;
    if (branches !== null && !(best.providesSort && request.sort.length > 0)) {
      return { ...base, access: branches, providesSort: request.sort.length === 0, exact: false };
    }
    return { ...base, access: [best.access], providesSort: best.providesSort, exact: best.exact };
  }
  const branches = natural === null ? orBranches(collection, request) : null;
  if (branches !== null) {
    return { ...base, access: branches, providesSort: request.sort.length === 0, exact: false };
  }
  return {
    ...base,
    access: [collectionScan(collection, natural === -1)],
    providesSort: request.sort.length === 0,
    exact: Object.keys(filter).length === 0,
  };
}

function naturalDirection(hint: string | Document | undefined): Direction | null {
  if (typeof hint !== 'object' || !('$natural' in hint)) return null;
  return Number(hint['$natural']) < 0 ? -1 : 1;
}

function readsWholeDocument(filter: Document): boolean {
  return Object.entries(filter).some(
    ([name, value]) =>
      WHOLE_DOCUMENT_OPERATORS.includes(name) ||
      (name.startsWith('$') &&
        Array.isArray(value) &&
        value.some((part) => readsWholeDocument(part as Document))),
  );
}

/** A value that equals only itself: no null (also matches missing), no regex, no array or document (match inside). */
export function isScalar(value: unknown): boolean {
  if (typeof value === 'string') return true;
  if (['number', 'boolean', 'bigint'].includes(typeof value)) return true;
  if (value instanceof Date) return true;
  const type = (value as { _bsontype?: string } | null)?._bsontype;
  if (type === undefined) return false;
  if (type === 'Double' || type === 'Decimal128') return !/NaN/.test(String(value));
  return ['Int32', 'Long', 'ObjectId', 'Binary', 'UUID', 'Timestamp'].includes(type);
}

function isIdLookup(filter: Document): boolean {
  const keys = Object.keys(filter);
  return keys.length === 1 && keys[0] === '_id' && isScalar(filter['_id']);
}

function collectionScan(collection: Collection, reverse: boolean): Access {
  const start = prefixKey(collection.id);
  return { stage: 'COLLSCAN', index: null, ranges: [{ start, end: successor(start) }], reverse, bounds: {} };
}

function idLookup(collection: Collection, id: unknown): Access {
  const bytes = encodeKey([id]);
  const point = Buffer.concat([prefixKey(collection.id), rangePrefix(bytes, MAX_ID_KEY_BYTES)]);
  return {
    stage: 'IDHACK',
    index: null,
    ranges: [{ start: point, end: successor(point) }],
    reverse: false,
    bounds: {},
  };
}

/** The clustered `_id` order, described as an index so that one algorithm plans both. */
function idIndex(collection: Collection): Index {
  return {
    id: collection.id,
    name: ID_INDEX_NAME,
    key: [['_id', 1]],
    unique: true,
    sparse: false,
    hidden: false,
    partialFilter: null,
    expireAfterSeconds: null,
    multikey: [false],
    truncated: collection.idTruncated,
    covers: null,
    fields: new Set(['_id']),
  };
}

/** The highest score; the first of equals. */
function bestOf(candidates: Candidate[]): Candidate | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates)
    if (best === undefined || candidate.score > best.score) best = candidate;
  return best;
}

function candidateIndexes(
  collection: Collection,
  { hint, sort }: PlanRequest,
  bounds: Map<string, FieldBounds>,
): Index[] {
  if (hint !== undefined && naturalDirection(hint) === null) {
    const wanted = [idIndex(collection), ...collection.indexes].find((index) => matchesHint(index, hint));
    if (wanted === undefined) {
      throw new MongoCommandError(
        'BadValue',
        'error processing query: planner returned error :: caused by :: hint provided does not correspond to an existing index',
      );
    }
    return [wanted];
  }
  if (hint !== undefined) return [];
  // An index whose first field is neither bounded nor sorted by narrows nothing.
  const helps = (path: string): boolean => bounds.has(path) || sort[0]?.[0] === path;
  const useful = collection.indexes.filter(
    (index) => helps(index.key[0]![0]) && !index.hidden && holdsEveryMatch(index, bounds),
  );
  return helps('_id') ? [idIndex(collection), ...useful] : useful;
}

function matchesHint(index: Index, hint: string | Document): boolean {
  if (typeof hint === 'string') return index.name === hint;
  const wanted = Object.entries(hint);
  return (
    wanted.length === index.key.length &&
    wanted.every(([path, direction], i) => {
      const [indexPath, indexDirection] = index.key[i]!;
      return path === indexPath && Number(direction) === indexDirection;
    })
  );
}

function excludesMissing(bound: FieldBounds | undefined): boolean {
  if (bound === undefined) return false;
  const isNull = (value: unknown): boolean => value === null || value === undefined;
  if ('eq' in bound) return !isNull(bound.eq);
  if (bound.in !== undefined) return !bound.in.some(isNull);
  if (bound.exists === true) return true;
  const limits = [bound.gt, bound.gte, bound.lt, bound.lte].filter((value) => value !== undefined);
  return limits.length > 0 && limits.every((value) => !isNull(value));
}

/** Sparse and partial indexes lack some documents; they serve only queries that cannot want those. */
function holdsEveryMatch(index: Index, bounds: Map<string, FieldBounds>): boolean {
  if (index.sparse && !index.key.some(([path]) => excludesMissing(bounds.get(path)))) return false;
  return index.partialFilter === null || impliesPartial(bounds, index.partialFilter);
}

function impliesPartial(bounds: Map<string, FieldBounds>, partial: Document): boolean {
  const required = analyzeFilter(partial);
  const understood = Object.keys(partial).every((name) => !name.startsWith('$') && required.has(name));
  return (
    understood && [...required].every(([path, need]) => boundImplies(bounds.get(path), need, partial[path]))
  );
}

const PARTIAL_OPERATORS = ['$eq', '$gt', '$gte', '$lt', '$lte', '$exists'];

function boundImplies(have: FieldBounds | undefined, need: FieldBounds, condition: unknown): boolean {
  if (have === undefined) return false;
  const isPlain = isScalar(condition);
  const operators = isPlain || condition === null ? ['$eq'] : Object.keys(condition as object);
  if (!operators.every((operator) => PARTIAL_OPERATORS.includes(operator))) return false;
  const points = 'eq' in have ? [have.eq] : have.in;
  if (points?.some((point) => !isScalar(point))) return false;
  const sameType = (a: unknown, b: unknown): boolean => encodeKey([a])[0] === encodeKey([b])[0];
  const within = (ok: (order: number) => boolean, limit: unknown, ends: unknown[]): boolean =>
    (points ?? ends.filter((end) => end !== undefined).slice(0, 1)).some(() => true) &&
    (points ?? ends.filter((end) => end !== undefined).slice(0, 1)).every(
      (value) => sameType(value, limit) && ok(compareBson(value, limit)),
    );
  if (need.exists === true && !excludesMissing(have)) return false;
  if (need.exists === false) return false;
  if ('eq' in need && !(points?.length && points.every((point) => compareBson(point, need.eq) === 0)))
    return false;
  if (need.gte !== undefined && !within((order) => order >= 0, need.gte, [have.gte, have.gt])) return false;
  if (need.lte !== undefined && !within((order) => order <= 0, need.lte, [have.lte, have.lt])) return false;
  if (need.gt !== undefined) {
    const strict = have.gt !== undefined && within((order) => order >= 0, need.gt, [have.gt]);
    if (!strict && !within((order) => order > 0, need.gt, [have.gte])) return false;
  }
  if (need.lt !== undefined) {
    const strict = have.lt !== undefined && within((order) => order <= 0, need.lt, [have.lt]);
    if (!strict && !within((order) => order < 0, need.lt, [have.lte])) return false;
  }
  return true;
}

interface Candidate {
  access: Access;
  score: number;
  boundFields: number;
  providesSort: boolean;
  exact: boolean;
}

const SCORE_POINT = 10;
const SCORE_LIST = 9;
const SCORE_RANGE = 6;
const SCORE_SORT = 8;
const SCORE_UNIQUE_POINT = 100;

function accessBy(
  collection: Collection,
  index: Index,
  bounds: Map<string, FieldBounds>,
  request: PlanRequest,
): Candidate {
  const build = new RangeBuilder(collection, index);
  for (let i = 0; i < index.key.length; i++) {
    const bound = bounds.get(index.key[i]![0]);
    if (bound === undefined || !build.add(i, bound)) break;
  }
  const sorted = request.ignoreIndexOrder ? null : sortDirection(index, build.points, request.sort);
  const providesSort = request.sort.length === 0 || sorted !== null;
  let score = build.score;
  if (index.unique && build.points.size === index.key.length) score += SCORE_UNIQUE_POINT;
  if (request.sort.length > 0 && sorted !== null) score += SCORE_SORT;
  const access: Access = {
    stage: 'IXSCAN',
    index: index.name === ID_INDEX_NAME ? null : index,
    ranges: build.ranges(),
    reverse: sorted === -1,
    // Only `explain` asks.
    get bounds() {
      return build.describe();
    },
  };
  return {
    access,
    score,
    boundFields: build.boundFields,
    providesSort,
    exact: build.isExactFor(request.filter),
  };
}

/** The scan direction that yields `sort`, or null when the index cannot. */
function sortDirection(
  index: Index,
  points: ReadonlySet<number>,
  sort: PlanRequest['sort'],
): Direction | null {
  if (sort.length === 0 || index.truncated) return null;
  const pointPaths = new Set([...points].map((i) => index.key[i]![0]));
  const needed = sort.filter(([path]) => !pointPaths.has(path));
  let direction: Direction | null = null;
  let position = 0;
  for (const [path, wanted] of needed) {
    while (position < index.key.length && points.has(position)) position += 1;
    if (position >= index.key.length || index.key[position]![0] !== path || index.multikey[position])
      return null;
    const relative = (wanted * index.key[position]![1]) as Direction;
    if (direction !== null && direction !== relative) return null;
    direction = relative;
    position += 1;
  }
  return direction ?? 1;
}

/** Turns field bounds into byte ranges, one index field after another. */
class RangeBuilder {
  score = 0;
  boundFields = 0;
  /** Positions bounded to one value. */
  readonly points = new Set<number>();
  private prefixes: Buffer[];
  private tail: { low: Buffer; high: Buffer; lowInclusive: boolean; highInclusive: boolean } | null = null;
  private readonly described: Record<string, string> = {};
  private readonly exactPaths = new Set<string>();
  private multikeyUsed = false;
  private cut = false;
  private readonly maxBytes: number;

  constructor(
    collection: Collection,
    private readonly index: Index,
  ) {
    this.prefixes = [Buffer.alloc(0)];
    this.maxBytes =
      index.name === ID_INDEX_NAME && index.id === collection.id ? MAX_ID_KEY_BYTES : MAX_VALUE_KEY_BYTES;
  }

  /** @returns whether the next index field may be bounded too */
  add(position: number, bound: FieldBounds): boolean {
    const [path, direction] = this.index.key[position]!;
    const isArray = this.index.multikey[position]!;
    // Two bounds through arrays may be met by different elements; only one of them may narrow the scan.
    if (isArray && this.multikeyUsed) return false;
    this.multikeyUsed ||= isArray;
    const values = 'eq' in bound ? [bound.eq] : bound.in;
    if (values !== undefined) return this.addPoints(position, path, direction, values);
    this.addRange(path, direction, bound, isArray);
    return false;
  }

  private addPoints(position: number, path: string, direction: Direction, values: unknown[]): boolean {
    const keys = distinctKeys(values, direction);
    if (keys.length * this.prefixes.length > MAX_RANGES) return false;
    this.prefixes = this.prefixes.flatMap((prefix) => keys.map((key) => join(prefix, key)));
    if (keys.length === 1) this.points.add(position);
    this.score += keys.length === 1 ? SCORE_POINT : SCORE_LIST;
    this.boundFields += 1;
    if (values.every(isScalar)) this.exactPaths.add(path);
    this.described[path] = `${keys.length} point${keys.length === 1 ? '' : 's'}`;
    return true;
  }

  private addRange(path: string, direction: Direction, bound: FieldBounds, isArray: boolean): void {
    let low = bound.gte !== undefined ? bound.gte : bound.gt;
    let high = bound.lte !== undefined ? bound.lte : bound.lt;
    let lowInclusive = bound.gte !== undefined;
    let highInclusive = bound.lte !== undefined;
    if (low === undefined && high === undefined) return;
    // Of two limits on an array field each may be met by another element.
    if (isArray && low !== undefined && high !== undefined) high = undefined;
    const rank = rankOf(low !== undefined ? low : high);
    if (rank <= MIN_KEY_RANK || rank >= MAX_KEY_RANK) return;
    const bracket = Buffer.from([direction === 1 ? rank : ~rank & 0xff]);
    const encodeOr = (value: unknown): Buffer | null =>
      value === undefined ? null : encodeKey([value], [direction]);
    let lowKey = encodeOr(low);
    let highKey = encodeOr(high);
    if (direction === -1) {
      [lowKey, highKey] = [highKey, lowKey];
      [lowInclusive, highInclusive] = [highInclusive, lowInclusive];
      [low, high] = [high, low];
    }
    this.tail = {
      low: lowKey ?? bracket,
      high: highKey ?? bracket,
      lowInclusive: lowKey === null || lowInclusive,
      highInclusive: highKey === null || highInclusive,
    };
    this.score += SCORE_RANGE;
    this.boundFields += 1;
    const bothGiven = Object.keys(bound).length;
    if (!(isArray && bothGiven > 1) && [low, high].every((value) => value === undefined || isScalar(value))) {
      this.exactPaths.add(path);
    }
    this.described[path] = 'range';
  }

  ranges(): ByteRange[] {
    const root = prefixKey(this.index.id);
    const cut = (bytes: Buffer): Buffer => {
      const kept = rangePrefix(bytes, this.maxBytes);
      const safe = kept.length > this.maxBytes - 32 ? kept.subarray(0, this.maxBytes - 32) : kept;
      if (safe.length < bytes.length) this.cut = true;
      return Buffer.concat([root, safe]);
    };
    return this.prefixes
      .map((prefix) => {
        if (this.tail === null) {
          const start = cut(prefix);
          return { start, end: successor(start) };
        }
        const lowBytes = Buffer.concat([prefix, this.tail.low]);
        const highBytes = Buffer.concat([prefix, this.tail.high]);
        const low = cut(lowBytes);
        const high = cut(highBytes);
        const lowWhole = low.length === root.length + lowBytes.length;
        const highWhole = high.length === root.length + highBytes.length;
        return {
          start: this.tail.lowInclusive || !lowWhole ? low : successor(low),
          end: this.tail.highInclusive || !highWhole ? successor(high) : high,
        };
      })
      .filter(({ start, end }) => Buffer.compare(start, end) < 0);
  }

  describe(): Record<string, string> {
    return Object.fromEntries(
      this.index.key.map(([path]) => [path, this.described[path] ?? '[MinKey, MaxKey]']),
    );
  }

  /** True when the ranges hold exactly the documents that `filter` matches. Call after `ranges()`. */
  isExactFor(filter: Document): boolean {
    if (this.cut || this.index.truncated) return false;
    const conditions = conditionsOf(filter);
    return (
      conditions !== null &&
      conditions.every(([path, condition]) => this.exactPaths.has(path) && isPlainCondition(condition))
    );
  }
}

/** Encoded values in key order, each once. */
function distinctKeys(values: unknown[], direction: Direction): Buffer[] {
  if (values.length === 1) return [encodeKey(values, [direction])];
  const encoded = new Map<string, Buffer>();
  for (const value of values) {
    const key = encodeKey([value], [direction]);
    encoded.set(key.toString('latin1'), key);
  }
  return [...encoded.values()].sort((a, b) => a.compare(b));
}

const join = (prefix: Buffer, rest: Buffer): Buffer =>
  prefix.length === 0 ? rest : Buffer.concat([prefix, rest]);

/** The conditions of a filter that is nothing but conditions on different fields, `$and` of such included; else null. */
function conditionsOf(filter: Document): [path: string, condition: unknown][] | null {
  const all: [string, unknown][] = [];
  const paths = new Set<string>();
  const collect = (part: unknown): boolean => {
    if (typeof part !== 'object' || part === null) return false;
    return Object.entries(part).every(([path, condition]) => {
      if (path === '$and')
        return Array.isArray(condition) && condition.length > 0 && condition.every(collect);
      if (path.startsWith('$') || paths.has(path)) return false;
      paths.add(path);
      all.push([path, condition]);
      return true;
    });
  };
  return collect(filter) ? all : null;
}

const isPlainCondition = (condition: unknown): boolean => isScalar(condition) || isPlainComparison(condition);

function isPlainFilter(filter: Document): boolean {
  return conditionsOf(filter)?.every(([, condition]) => isPlainCondition(condition)) ?? false;
}

const COMPARISONS = new Set(['$eq', '$in', '$gt', '$gte', '$lt', '$lte']);

/** Only comparisons this planner turned into bounds in full: one equality or list, or limits of a single type. */
function isPlainComparison(condition: unknown): boolean {
  if (typeof condition !== 'object' || condition === null) return false;
  const comparisons = condition as Document;
  const names = Object.keys(comparisons);
  if (names.length === 0 || !names.every((name) => COMPARISONS.has(name))) return false;
  if (names.length === 1) {
    const only: unknown = comparisons[names[0]!];
    return names[0] === '$in' ? Array.isArray(only) && only.every(isScalar) : isScalar(only);
  }
  if (names.includes('$eq') || names.includes('$in')) return false;
  if (names.includes('$gt') && names.includes('$gte')) return false;
  if (names.includes('$lt') && names.includes('$lte')) return false;
  const ranks = new Set<Rank>();
  for (const name of names) {
    const limit: unknown = comparisons[name];
    if (!isScalar(limit)) return false;
    ranks.add(rankOf(limit));
  }
  return ranks.size === 1;
}

/** One bounded access per branch of a top-level `$or`, or null when some branch has no index to go by. */
function orBranches(collection: Collection, { filter }: PlanRequest): Access[] | null {
  const branches: unknown = filter['$or'];
  if (!Array.isArray(branches) || branches.length === 0) return null;
  const accesses: Access[] = [];
  for (const branch of branches as Document[]) {
    const bounds = analyzeFilter({ $and: [{ ...filter, $or: undefined }, branch].map(withoutUndefined) });
    const request: PlanRequest = { filter: branch, sort: [] };
    const best = bestOf(
      candidateIndexes(collection, request, bounds).map((index) =>
        accessBy(collection, index, bounds, request),
      ),
    );
    if (best === undefined || best.boundFields === 0) return null;
    accesses.push(best.access);
  }
  return accesses;
}

function withoutUndefined(filter: Document): Document {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}
