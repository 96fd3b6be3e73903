import { BoundedPattern } from '../../bounded-pattern';
import type { JsonSchema } from '../../ports/models';
import { best, rank } from './rank';
import { sentences, terms, withoutEnd, words } from './text';

/** What a structured answer is taken from. */
export interface Source {
  /** The question and everything the model may read, as one text. */
  text: string;
  /** The plain answer that the model would give: for properties such as `answer` or `summary`. */
  answer: string;
}

/** Bounds of the work on one schema: values made, and references and parts put together. */
export interface FillBudget {
  values: number;
}

const BUDGET: FillBudget = { values: 20_000 };
/** Parts that are put together for each value at most, on the average. */
const PARTS_PER_VALUE = 20;
/** UTF-16 units of all texts that are made to fit a least length. */
const MOST_PADDING = 2_000_000;
/** Parts within parts (`allOf`, references): deeper is a schema that refers to itself. */
const MOST_PARTS_DEEP = 100;

/** The schema asks for more than anybody would read, perhaps without an end. */
export class FillTooLarge extends Error {
  constructor(what: string) {
    super(`it asks for more than ${what}, or for itself without an end`);
    this.name = 'FillTooLarge';
  }
}

/** The source, read once however many properties look into it, and what of the budget is left. */
class Material {
  private wordsText: string | undefined;
  private sentencesFound: string[] | undefined;
  private values = 0;
  private parts = 0;
  private padding = 0;

  constructor(
    readonly text: string,
    readonly answer: string,
    private readonly budget: FillBudget,
  ) {}

  /** All words of the text between single blanks. */
  get spoken(): string {
    return (this.wordsText ??= ` ${words(this.text).join(' ')} `);
  }

  get sentences(): string[] {
    return (this.sentencesFound ??= sentences(this.text));
  }

  countValue(): void {
    this.values += 1;
    if (this.values > this.budget.values) throw new FillTooLarge(`${this.budget.values} values`);
  }

  countPart(depth: number): void {
    this.parts += 1;
    if (depth > MOST_PARTS_DEEP || this.parts > this.budget.values * PARTS_PER_VALUE)
      throw new FillTooLarge(`${this.budget.values * PARTS_PER_VALUE} parts of schemas`);
  }

  countPadding(characters: number): void {
    this.padding += characters;
    if (this.padding > MOST_PADDING) throw new FillTooLarge(`${MOST_PADDING} characters`);
  }
}

interface Filler {
  source: Material;
  root: JsonSchema;
  depth: number;
}

/** Deeper levels of a schema that refers to itself are filled with the least that is allowed. */
const MAX_DEPTH = 12;
const ANSWER_LIKE =
  /^(answer|text|response|reply|result|output|content|message|summary|description|explanation)$/i;

/**
 * A value for the schema by extraction: a property takes what the text says after its name (`city: Paris`, `city is
 * Paris`, `city=Paris`), an enum the option that the text mentions first, a boolean its mention without a negation, a
 * list what stands after its name between commas. What is not found is left out, or, where it is required, given the
 * smallest value that the schema allows. Lengths, bounds, formats and patterns are kept where that is possible.
 * @throws FillTooLarge for a schema that takes more than the budget
 */
export function fill(schema: JsonSchema, { text, answer }: Source, budget: FillBudget = BUDGET): unknown {
  const source = new Material(text, answer, budget);
  return value(schema, [], { source, root: schema, depth: 0 }) ?? null;
}

/** @param name words that name the value, empty at the root. @returns undefined when nothing was found and nothing is forced */
function value(given: JsonSchema | boolean | undefined, name: string[], filler: Filler): unknown {
  filler.source.countValue();
  const schema = resolve(given, filler);
  if ('const' in schema) return schema.const;
  if (Array.isArray(schema.enum)) return chooseOption(schema.enum, name, filler.source);
  const branches = (schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined;
  if (branches?.length) return chooseBranch(schema, branches, name, filler);
  switch (typeOf(schema)) {
    case 'object':
      return objectValue(schema, filler);
    case 'array':
      return arrayValue(schema, name, filler);
    case 'number':
    case 'integer':
      return numberValue(schema, name, filler.source);
    case 'boolean':
      return booleanValue(name, filler.source);
    case 'null':
      return null;
    default:
      return stringValue(schema, name, filler.source);
  }
}

/** Follows local references and merges `allOf`, bounded because a schema may refer to itself. */
function resolve(given: JsonSchema | boolean | undefined, filler: Filler, depth = 0): JsonSchema {
  const { root, source } = filler;
  source.countPart(depth);
  let schema: JsonSchema = typeof given === 'object' && given !== null ? given : {};
  for (let hops = 0; hops < MAX_DEPTH && typeof schema.$ref === 'string'; hops += 1) {
    const { $ref, ...beside } = schema;
    schema = { ...pointer(root, $ref), ...beside };
  }
  if (!Array.isArray(schema.allOf)) return schema;
  const { allOf, ...rest } = schema;
  return [rest, ...(allOf as JsonSchema[]).map((part) => resolve(part, filler, depth + 1))].reduce(merge);
}

const merge = (a: JsonSchema, b: JsonSchema): JsonSchema => ({
  ...a,
  ...b,
  ...(a.properties && b.properties ? { properties: { ...a.properties, ...b.properties } } : {}),
  ...(a.required && b.required
    ? { required: [...(a.required as string[]), ...(b.required as string[])] }
    : {}),
});

function pointer(root: JsonSchema, ref: string): JsonSchema {
  const steps = ref.replace(/^#\/?/, '').split('/').filter(Boolean);
  let at: unknown = root;
  for (const step of steps) {
    at = (at as Record<string, unknown> | undefined)?.[
      decodeURIComponent(step).replace(/~1/g, '/').replace(/~0/g, '~')
    ];
  }
  return (at ?? {}) as JsonSchema;
}

function typeOf(schema: JsonSchema): string | undefined {
  const types = [schema.type].flat().filter((type) => typeof type === 'string');
  const real = types.find((type) => type !== 'null') ?? types[0];
  if (real) return real;
  if (schema.properties || schema.required) return 'object';
  if (schema.items || schema.minItems !== undefined) return 'array';
  if (schema.minimum !== undefined || schema.maximum !== undefined) return 'number';
  return undefined;
}

function objectValue(schema: JsonSchema, filler: Filler): Record<string, unknown> {
  const properties = (schema.properties ?? {}) as Record<string, JsonSchema>;
  const required = new Set((schema.required ?? []) as string[]);
  const result: Record<string, unknown> = {};
  const deeper = { ...filler, depth: filler.depth + 1 };
  for (const key of new Set([...Object.keys(properties), ...required])) {
    const must = required.has(key);
    if (!must && deeper.depth > MAX_DEPTH) continue;
    if (filler.depth > MAX_DEPTH * 2) continue;
    const property = properties[key] ?? additional(schema);
    const name = nameWords(key);
    if (!must && !mentioned(resolve(property, filler), name, filler.source)) continue;
    const filled = value(property, name, deeper);
    if (filled !== undefined) set(result, key, filled);
  }
  return result;
}

const additional = (schema: JsonSchema): JsonSchema =>
  typeof schema.additionalProperties === 'object' ? (schema.additionalProperties as JsonSchema) : {};

/** A plain assignment to `__proto__` would change the object instead of adding a property. */
function set(target: Record<string, unknown>, key: string, filled: unknown): void {
  Object.defineProperty(target, key, { value: filled, enumerable: true, configurable: true, writable: true });
}

const nameWords = (key: string): string[] =>
  words(key.replace(/([a-z])([A-Z])/g, '$1 $2').replace(/_/g, ' '));

/** An optional property is worth filling when the text speaks of it. */
function mentioned(schema: JsonSchema, name: string[], source: Material): boolean {
  if (schema.properties) return true;
  if (Array.isArray(schema.enum))
    return schema.enum.some((option) => position(String(option), source.spoken) >= 0);
  return ANSWER_LIKE.test(name.join('')) || after(name, source.text) !== undefined;
}

function chooseOption(options: unknown[], name: string[], source: Material): unknown {
  const said = after(name, source.text);
  const direct =
    said === undefined ? undefined : options.find((option) => position(String(option), spokenOf(said)) === 0);
  if (direct !== undefined) return direct;
  const places = options.map((option) => ({ option, at: position(String(option), source.spoken) }));
  const found = places.filter(({ at }) => at >= 0).sort((a, b) => a.at - b.at);
  return found.length > 0 ? found[0]?.option : options[0];
}

/** Where the words of `option` stand among the words of a text as whole words, -1 when nowhere. */
function position(option: string, spoken: string): number {
  const wanted = words(option).join(' ');
  if (wanted === '') return -1;
  return spoken.indexOf(` ${wanted} `);
}

const spokenOf = (text: string): string => ` ${words(text).join(' ')} `;

function chooseBranch(schema: JsonSchema, branches: JsonSchema[], name: string[], filler: Filler): unknown {
  if (filler.depth > MAX_DEPTH) {
    const flat = branches.find(
      (branch) => !['object', 'array'].includes(typeOf(resolve(branch, filler)) ?? ''),
    );
    if (flat) return value(flat, name, filler);
  }
  const { anyOf: _any, oneOf: _one, ...beside } = schema;
  const chosen = branches.find((branch) => typeOf(resolve(branch, filler)) !== 'null') ?? branches[0];
  return value(merge(beside, resolve(chosen, filler)), name, { ...filler, depth: filler.depth + 1 });
}

function arrayValue(schema: JsonSchema, name: string[], filler: Filler): unknown[] {
  const least = Number(schema.minItems ?? 0);
  const most = Number(schema.maxItems ?? Number.MAX_SAFE_INTEGER);
  const prefix = (schema.prefixItems ?? (Array.isArray(schema.items) ? schema.items : [])) as JsonSchema[];
  const itemSchema = Array.isArray(schema.items) ? {} : (schema.items as JsonSchema | undefined);
  const result: unknown[] = prefix.slice(0, most).map((item) => value(item, name, filler) ?? null);
  if (filler.depth <= MAX_DEPTH && itemSchema !== undefined) {
    result.push(...foundItems(resolve(itemSchema, filler), name, filler.source));
  }
  const unique = schema.uniqueItems === true ? [...new Set(result)] : result;
  const kept = unique.slice(0, most);
  const deeper = { ...filler, depth: filler.depth + 1 };
  for (let i = kept.length; i < least; i += 1) kept.push(value(prefix[i] ?? itemSchema, [], deeper));
  return kept;
}

function foundItems(schema: JsonSchema, name: string[], source: Material): unknown[] {
  if (Array.isArray(schema.enum))
    return schema.enum.filter((option) => position(String(option), source.spoken) >= 0);
  const said = after(name, source.text, /[.;\n]/);
  const type = typeOf(schema);
  const known = FORMATS[String(schema.format)];
  if (known)
    return (said?.match(known.find) ?? []).filter((found) => isRealDate(String(schema.format), found));
  if (said === undefined || !['string', 'number', 'integer'].includes(type ?? '')) return [];
  const parts = said.split(/(?<!\s)\s*,\s*(?:and\s+)?|(?<!\s)\s+and\s+/).map((part) => part.trim());
  if (type === 'string') return parts.filter((part) => part !== '' && fits(schema, part));
  return parts.map((part) => Number(part)).filter((n) => Number.isFinite(n) && bounded(n, schema) === n);
}

function numberValue(schema: JsonSchema, name: string[], source: Material): number {
  const near = numberNear(name, source.text);
  const numbers = near === undefined ? numbersIn(source.text) : [near];
  // Two or more numbers without a name to tell them apart would be a guess.
  const found = near ?? (numbers.length === 1 ? numbers[0] : undefined);
  return bounded(found ?? 0, schema);
}

const numbersIn = (text: string): number[] =>
  (text.match(/(?<![\w.])-?\d+(?:\.\d+)?(?![\w])/g) ?? []).map(Number);

/** `age: 36`, `age is 36`, `36 years` for `years`. */
function numberNear(name: string[], text: string): number | undefined {
  const said = after(name, text);
  const behind = said === undefined ? undefined : /^[^\d\n]{0,20}?(-?\d+(?:\.\d+)?)/.exec(said)?.[1];
  if (behind !== undefined) return Number(behind);
  const last = name.at(-1);
  if (!last) return undefined;
  const before = new RegExp(`(?<![\\d.])(-?\\d{1,40}(?:\\.\\d{1,40})?)\\s+${last}`, 'i').exec(text)?.[1];
  return before === undefined ? undefined : Number(before);
}

/** The nearest number within the schema's bounds. */
function bounded(wanted: number, schema: JsonSchema): number {
  const integer = typeOf(schema) === 'integer';
  const step = Number(schema.multipleOf ?? (integer ? 1 : 0));
  const gap = step || Number.EPSILON;
  let least = Number(schema.minimum ?? -Infinity);
  let most = Number(schema.maximum ?? Infinity);
  if (typeof schema.exclusiveMinimum === 'number') {
    const open = schema.exclusiveMinimum;
    least = Math.max(least, step ? open + gap : nextAbove(open));
  }
  if (typeof schema.exclusiveMaximum === 'number') {
    const open = schema.exclusiveMaximum;
    most = Math.min(most, step ? open - gap : -nextAbove(-open));
  }
  const inside = Math.min(Math.max(wanted, least), most);
  if (!step) return inside;
  const rounded = Math.round(inside / step) * step;
  if (rounded < least) return Math.ceil(least / step) * step;
  return rounded > most ? Math.floor(most / step) * step : rounded;
}

const nextAbove = (x: number): number => x + Math.max(Math.abs(x) * Number.EPSILON * 2, Number.MIN_VALUE);

function booleanValue(name: string[], source: Material): boolean {
  const said = after(name, source.text);
  const word = said === undefined ? undefined : /^\W*(true|yes|on|false|no|off|not)\b/i.exec(said)?.[1];
  if (word) return /^(true|yes|on)$/i.test(word);
  const spoken = name.filter((part) => !['is', 'has', 'are', 'was'].includes(part)).join(' ');
  if (spoken === '') return false;
  const text = source.spoken;
  const at = text.indexOf(` ${spoken} `);
  return at >= 0 && !/ (not|no|never|isnt|arent|without) (\w+ )?$/.test(text.slice(0, at + 1));
}

const FORMATS: Record<string, { find: RegExp; fallback: string }> = {
  email: { find: /[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,63}){1,4}/g, fallback: 'unknown@example.com' },
  uri: { find: /https?:\/\/[^\s<>"')]+/g, fallback: 'about:blank' },
  date: { find: /\b\d{4}-\d{2}-\d{2}\b/g, fallback: '1970-01-01' },
  'date-time': {
    find: /\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})/g,
    fallback: '1970-01-01T00:00:00Z',
  },
  time: { find: /\b\d{2}:\d{2}:\d{2}(?:Z|[+-]\d{2}:\d{2})/g, fallback: '00:00:00Z' },
  uuid: {
    find: /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi,
    fallback: '00000000-0000-0000-0000-000000000000',
  },
  ipv4: { find: /\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!\D)|\b)){4}/g, fallback: '0.0.0.0' },
  hostname: { find: /\b(?:[a-z\d-]{1,63}\.){1,4}[a-z]{2,20}\b/gi, fallback: 'localhost' },
  duration: { find: /\bP(?:\d+D|T\d+[HMS]|\d+DT\d+[HMS])\b/g, fallback: 'P0D' },
};

function formatted(format: string, text: string): string | undefined {
  const known = FORMATS[format];
  if (!known) return undefined;
  return (text.match(known.find) ?? []).find((found) => isRealDate(format, found)) ?? known.fallback;
}

/** 30 February looks like a date; JavaScript would silently make it 1 March. */
function isRealDate(format: string, found: string): boolean {
  if (!format.startsWith('date')) return true;
  const day = new Date(`${found.slice(0, 10)}T00:00:00Z`);
  return (
    !Number.isNaN(day.getTime()) &&
    !Number.isNaN(Date.parse(found)) &&
    day.toISOString().startsWith(found.slice(0, 10))
  );
}

function stringValue(schema: JsonSchema, name: string[], source: Material): string {
  const special = formatted(String(schema.format), source.text);
  if (special !== undefined) return special;
  const candidates = stringCandidates(schema, name, source);
  const fitting = candidates.find((candidate) => fits(schema, candidate));
  return fitting ?? stretched(schema, candidates[0] ?? '', source);
}

function stringCandidates(schema: JsonSchema, name: string[], source: Material): string[] {
  const said = after(name, source.text);
  if (said) return [said, ...(schema.pattern ? said.split(/\s+/) : [])];
  if (name.length === 0 || ANSWER_LIKE.test(name.join(''))) return [source.answer];
  if (schema.pattern) return source.text.split(/\s+/, 2000);
  // The description says what is wanted; a sentence about it is the best that extraction can do.
  const query = `${name.join(' ')} ${typeof schema.description === 'string' ? schema.description : ''}`;
  const [first] = best(rank(query, source.sentences));
  return first && first.coverage >= 0.5 && terms(query).length > 0 ? [first.sentence] : [''];
}

function fits(schema: JsonSchema, text: string): boolean {
  const length = [...text].length;
  if (length < Number(schema.minLength ?? 0) || length > Number(schema.maxLength ?? Infinity)) return false;
  return typeof schema.pattern !== 'string' || matches(schema.pattern, text);
}

/** Patterns come with the request: a short text bounds what a bad one can cost. */
const MAX_PATTERN_TEXT = 64;

function matches(pattern: string, text: string): boolean {
  try {
    return text.length <= MAX_PATTERN_TEXT && new BoundedPattern(pattern, 'u').test(text);
  } catch (error) {
    // An invalid pattern is reported by the check of the whole answer.
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function stretched(schema: JsonSchema, text: string, source: Material): string {
  const cut = [...text].slice(0, Number(schema.maxLength ?? Infinity)).join('');
  const missing = Number(schema.minLength ?? 0) - [...cut].length;
  if (missing > 0) source.countPadding(missing);
  return missing > 0 ? cut + '-'.repeat(missing) : cut;
}

/** What the text says of a name: behind `name:`, `name=`, `name is`, up to the end of the clause; undefined when nothing. */
function after(
  name: string[],
  text: string,
  end = /[.,;\n](?=\s|$)|\n|(?<!\s)\s+(?:and|but)\s+/,
): string | undefined {
  if (name.length === 0) return undefined;
  const spoken = name.join('[\\s_-]*');
  const match = new RegExp(
    `(?<![\\p{L}\\p{N}])${spoken}["']?\\s*(?:[:=]|\\b(?:is|are|was|were|of)\\b)\\s*`,
    'iu',
  ).exec(text);
  if (!match) return undefined;
  const rest = text.slice(match.index + match[0].length, match.index + match[0].length + 2000);
  const said = withoutEnd((rest.split(end, 1)[0] ?? '').replace(/^["'{[\s]+/, ''), /["'}\]\s?!]/);
  return said === '' ? undefined : said;
}
