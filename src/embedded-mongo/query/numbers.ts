import { BsonType, Decimal128, Double, Int32, Long, bsonType, fitsInt32, isInt32 } from './bson-types';

/** A finite decimal: (-1)^negative * coefficient * 10^exponent. */
export interface Decimal {
  negative: boolean;
  coefficient: bigint;
  exponent: number;
}

/** An exact numeric value: a double, an integer beyond 2^53, or a decimal. NaN and infinities are doubles. */
export type Exact = number | bigint | Decimal;

const DECIMAL_TEXT = /^(-?)(\d+)(?:\.(\d+))?(?:E([+-]?\d+))?$/i;
/** Significant digits of IEEE 754-2008 decimal128. */
const DECIMAL_DIGITS = 34;

export function isNumeric(value: unknown): boolean {
  if (typeof value === 'number' || typeof value === 'bigint') return true;
  if (typeof value !== 'object' || value === null) return false;
  const type = bsonType(value);
  return (
    type === BsonType.int || type === BsonType.double || type === BsonType.long || type === BsonType.decimal
  );
}

function parseDecimal(text: string): Exact {
  const match = DECIMAL_TEXT.exec(text);
  if (!match) return text === 'Infinity' ? Infinity : text === '-Infinity' ? -Infinity : NaN;
  const fraction = match[3] ?? '';
  return {
    negative: match[1] === '-',
    coefficient: BigInt(match[2] + fraction),
    exponent: Number(match[4] ?? 0) - fraction.length,
  };
}

/** The exact value of any BSON or JS number. */
export function exactOf(value: unknown): Exact {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return narrow(value);
  const wrapped = value as Int32 | Long | Decimal128;
  if (wrapped instanceof Long) return longToExact(wrapped);
  if ((wrapped as { _bsontype: string })._bsontype === 'Decimal128') return parseDecimal(wrapped.toString());
  return (wrapped as Int32).value;
}

const longToExact = (value: Long): number | bigint =>
  isSafeLong(value) ? value.toNumber() : narrow(value.toBigInt());

const isSafeLong = (value: Long): boolean => value.high < 0x200000 && value.high >= -0x200000;

const narrow = (value: bigint): number | bigint => (BigInt(Number(value)) === value ? Number(value) : value);

/** The nearest double. */
export function toDouble(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Long) return value.toNumber();
  const wrapped = value as { _bsontype: string; value: number };
  return wrapped._bsontype === 'Decimal128' ? Number(String(wrapped)) : wrapped.value;
}

const isDecimal = (value: Exact): value is Decimal => typeof value === 'object';

const pow10 = (exponent: number): bigint => 10n ** BigInt(exponent);

/** A rational (numerator, denominator) for a finite double, an integer or a decimal. */
function rationalOf(value: Exact): [bigint, bigint] {
  if (typeof value === 'bigint') return [value, 1n];
  if (isDecimal(value)) {
    const signed = value.negative ? -value.coefficient : value.coefficient;
    return value.exponent >= 0 ? [signed * pow10(value.exponent), 1n] : [signed, pow10(-value.exponent)];
  }
  if (Number.isInteger(value)) return [BigInt(value), 1n];
  let scaled = value;
  let shift = 0;
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift += 1;
  }
  return [BigInt(scaled), 1n << BigInt(shift)];
}

/** Exact comparison; NaN equals itself and is below every other number, as MongoDB sorts it. */
export function compareExact(a: Exact, b: Exact): number {
  if (typeof a === 'number' && Number.isNaN(a)) return typeof b === 'number' && Number.isNaN(b) ? 0 : -1;
  if (typeof b === 'number' && Number.isNaN(b)) return 1;
  if (!isDecimal(a) && !isDecimal(b)) return a < b ? -1 : a > b ? 1 : 0;
  if (a === Infinity || b === -Infinity) return 1;
  if (b === Infinity || a === -Infinity) return -1;
  const [aNumerator, aDenominator] = rationalOf(a);
  const [bNumerator, bDenominator] = rationalOf(b);
  const left = aNumerator * bDenominator;
  const right = bNumerator * aDenominator;
  return left < right ? -1 : left > right ? 1 : 0;
}

export function compareNumbers(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number' && a === b) return 0;
  return compareExact(exactOf(a), exactOf(b));
}

/** `[toward-zero double, decimal digits or undefined]`: digits are given when the double is not the exact value. */
export function splitExact(value: Exact): { double: number; exponent?: number; digits?: string } {
  if (typeof value === 'number') return { double: value };
  const nearest = typeof value === 'bigint' ? Number(value) : decimalToDouble(value);
  const difference = compareExact(nearest, value);
  if (difference === 0) return { double: nearest };
  const negative = typeof value === 'bigint' ? value < 0n : value.negative;
  const overshoots = negative ? difference < 0 : difference > 0;
  const double = overshoots ? towardZero(nearest) : nearest;
  const coefficient = typeof value === 'bigint' ? (value < 0n ? -value : value) : value.coefficient;
  const text = coefficient.toString();
  const exponent = text.length + (typeof value === 'bigint' ? 0 : value.exponent);
  return { double, exponent, digits: text.replace(/0+$/, '') };
}

function decimalToDouble(value: Decimal): number {
  return Number(`${value.negative ? '-' : ''}${value.coefficient}e${value.exponent}`);
}

const bitsView = new DataView(new ArrayBuffer(8));

/** The adjacent double nearer to zero; the magnitude bits of a double count up with it. */
function towardZero(value: number): number {
  if (value === Infinity) return Number.MAX_VALUE;
  if (value === -Infinity) return -Number.MAX_VALUE;
  bitsView.setFloat64(0, value);
  bitsView.setBigUint64(0, bitsView.getBigUint64(0) - 1n);
  return bitsView.getFloat64(0);
}

function roundDecimal(value: Decimal, digits = DECIMAL_DIGITS): Decimal {
  const excess = value.coefficient.toString().length - digits;
  if (excess <= 0) return value;
  const divisor = pow10(excess);
  let coefficient = value.coefficient / divisor;
  const doubledRest = (value.coefficient % divisor) * 2n;
  if (doubledRest > divisor || (doubledRest === divisor && coefficient % 2n === 1n)) coefficient += 1n;
  return roundDecimal({ ...value, coefficient, exponent: value.exponent + excess }, digits);
}

/** Wraps an exact value as Decimal128, rounded half-even to 34 digits. */
export function toDecimal128(value: Exact): Decimal128 {
  if (typeof value === 'bigint') return Decimal128.fromString(value.toString());
  if (!isDecimal(value)) {
    if (!Number.isFinite(value)) return Decimal128.fromString(String(value));
    // MongoDB keeps 15 significant digits when a double becomes a decimal.
    const text = Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(15);
    return Decimal128.fromString(text);
  }
  const rounded = roundDecimal(value);
  return Decimal128.fromString(`${rounded.negative ? '-' : ''}${rounded.coefficient}E${rounded.exponent}`);
}

const signedCoefficient = (value: Decimal): bigint =>
  value.negative ? -value.coefficient : value.coefficient;

const fromSigned = (signed: bigint, exponent: number): Decimal => ({
  negative: signed < 0n,
  coefficient: signed < 0n ? -signed : signed,
  exponent,
});

const asDecimal = (value: unknown): Exact => {
  const exact = exactOf(value);
  if (isDecimal(exact)) return exact;
  return parseDecimal(toDecimal128(exact).toString());
};

export type Arithmetic = 'add' | 'subtract' | 'multiply';

function decimalArithmetic(operation: Arithmetic, left: unknown, right: unknown): Decimal128 {
  const a = asDecimal(left);
  const b = asDecimal(right);
  if (!isDecimal(a) || !isDecimal(b)) {
    return toDecimal128(doubleArithmetic(operation, toDouble(left), toDouble(right)));
  }
  if (operation === 'multiply') {
    return toDecimal128(fromSigned(signedCoefficient(a) * signedCoefficient(b), a.exponent + b.exponent));
  }
  const exponent = Math.min(a.exponent, b.exponent);
  const x = signedCoefficient(a) * pow10(a.exponent - exponent);
  const y = signedCoefficient(b) * pow10(b.exponent - exponent);
  return toDecimal128(fromSigned(operation === 'add' ? x + y : x - y, exponent));
}

/** The quotient to 34 digits; both operands finite decimals, the divisor not zero. */
export function divideDecimals(left: unknown, right: unknown): Decimal128 {
  const a = asDecimal(left);
  const b = asDecimal(right);
  if (!isDecimal(a) || !isDecimal(b)) return toDecimal128(toDouble(left) / toDouble(right));
  const scale = DECIMAL_DIGITS + b.coefficient.toString().length + 2;
  const quotient = (signedCoefficient(a) * pow10(scale)) / signedCoefficient(b);
  let coefficient = quotient < 0n ? -quotient : quotient;
  let exponent = a.exponent - b.exponent - scale;
  const preferred = a.exponent - b.exponent;
  while (exponent < preferred && coefficient !== 0n && coefficient % 10n === 0n) {
    coefficient /= 10n;
    exponent += 1;
  }
  return toDecimal128({ negative: quotient < 0n, coefficient, exponent });
}

function doubleArithmetic(operation: Arithmetic, a: number, b: number): number {
  if (operation === 'add') return a + b;
  return operation === 'subtract' ? a - b : a * b;
}

/** An integer as the narrowest of Int32 (when neither operand was a Long) and Long; undefined beyond 64 bits. */
export function wrapInteger(value: bigint, atLeast: number): Int32 | Long | undefined {
  if (atLeast === BsonType.int && fitsInt32(value)) return new Int32(Number(value));
  return BigInt.asIntN(64, value) === value ? Long.fromBigInt(value) : undefined;
}

/** The wider of two numeric BSON types in the order int, long, double, decimal. */
export function widerType(a: number, b: number): number {
  for (const type of [BsonType.decimal, BsonType.double, BsonType.long])
    if (a === type || b === type) return type;
  return BsonType.int;
}

export function toBigInt(value: unknown): bigint {
  if (typeof value === 'bigint') return value;
  if (value instanceof Long) return value.toBigInt();
  const exact = exactOf(value);
  if (isDecimal(exact)) {
    const [numerator, denominator] = rationalOf(exact);
    return numerator / denominator;
  }
  return typeof exact === 'bigint' ? exact : BigInt(Math.trunc(exact));
}

/**
 * Adds, subtracts or multiplies with MongoDB's result types: the wider operand type decides, int grows to long.
 * @returns undefined when an integer result needs more than 64 bits: updates refuse it, expressions use a double
 */
export function arithmetic(
  operation: Arithmetic,
  a: unknown,
  b: unknown,
): Int32 | Long | Double | Decimal128 | undefined {
  const type = widerType(bsonType(a), bsonType(b));
  if (type === BsonType.decimal) return decimalArithmetic(operation, a, b);
  if (type === BsonType.double) return new Double(doubleArithmetic(operation, toDouble(a), toDouble(b)));
  if (type === BsonType.int) {
    const result = doubleArithmetic(operation, toDouble(a), toDouble(b));
    if (isInt32(result)) return new Int32(result);
  }
  const x = toBigInt(a);
  const y = toBigInt(b);
  const result = operation === 'add' ? x + y : operation === 'subtract' ? x - y : x * y;
  return wrapInteger(result, type);
}
