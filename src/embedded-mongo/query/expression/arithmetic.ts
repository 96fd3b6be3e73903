import { QueryError, badValue } from '../errors';
import { BsonType, Double, Int32, Long, bsonType, isNullish } from '../bson-types';
import {
  arithmetic,
  divideDecimals,
  exactOf,
  isNumeric,
  toBigInt,
  toDecimal128,
  toDouble,
  widerType,
  wrapInteger,
  type Arithmetic,
} from '../numbers';
import { operator, typeName, type OperatorDefinition } from './core';

const mismatch = (message: string): QueryError => new QueryError(14, message);

/** Expressions answer a double where an integer result overflows 64 bits. */
export function compute(operation: Arithmetic, a: unknown, b: unknown): unknown {
  const result = arithmetic(operation, a, b);
  if (result !== undefined) return result;
  const [x, y] = [toDouble(a), toDouble(b)];
  return new Double(operation === 'add' ? x + y : operation === 'subtract' ? x - y : x * y);
}

function add(args: unknown[]): unknown {
  let total: unknown = new Int32(0);
  let date: Date | undefined;
  for (const arg of args) {
    if (isNullish(arg)) return null;
    if (arg instanceof Date) {
      if (date) throw new QueryError(16612, 'only one date allowed in an $add expression');
      date = arg;
    } else if (isNumeric(arg)) total = compute('add', total, arg);
    else throw mismatch(`$add only supports numeric or date types, not ${typeName(arg)}`);
  }
  return date ? new Date(date.getTime() + Math.round(toDouble(total))) : total;
}

function subtract([a, b]: unknown[]): unknown {
  if (isNullish(a) || isNullish(b)) return null;
  if (a instanceof Date && b instanceof Date) return Long.fromNumber(a.getTime() - b.getTime());
  if (a instanceof Date && isNumeric(b)) return new Date(a.getTime() - Math.round(toDouble(b)));
  if (!isNumeric(a) || !isNumeric(b)) throw mismatch(`can't $subtract ${typeName(b)} from ${typeName(a)}`);
  return compute('subtract', a, b);
}

function multiply(args: unknown[]): unknown {
  let product: unknown = new Int32(1);
  for (const arg of args) {
    if (isNullish(arg)) return null;
    if (!isNumeric(arg)) throw mismatch(`$multiply only supports numeric types, not ${typeName(arg)}`);
    product = compute('multiply', product, arg);
  }
  return product;
}

function divide([a, b]: unknown[]): unknown {
  if (isNullish(a) || isNullish(b)) return null;
  if (!isNumeric(a) || !isNumeric(b)) {
    throw mismatch(`$divide only supports numeric types, not ${typeName(a)} and ${typeName(b)}`);
  }
  if (toDouble(b) === 0) throw badValue("can't $divide by zero");
  if (widerType(bsonType(a), bsonType(b)) === BsonType.decimal) return divideDecimals(a, b);
  return new Double(toDouble(a) / toDouble(b));
}

function modulo([a, b]: unknown[]): unknown {
  if (isNullish(a) || isNullish(b)) return null;
  if (!isNumeric(a) || !isNumeric(b)) {
    throw new QueryError(16611, `$mod only supports numeric types, not ${typeName(a)} and ${typeName(b)}`);
  }
  if (toDouble(b) === 0) throw new QueryError(16610, "can't $mod by zero");
  const type = widerType(bsonType(a), bsonType(b));
  if (type === BsonType.double) return new Double(toDouble(a) % toDouble(b));
  if (type === BsonType.decimal) {
    const quotient = toBigInt(divideDecimals(a, b));
    return arithmetic('subtract', a, arithmetic('multiply', toDecimal128(quotient), b));
  }
  return wrapInteger(toBigInt(a) % toBigInt(b), type);
}

/** An operator of one number that answers null for null. */
function unary(name: string, apply: (value: unknown, type: number) => unknown): OperatorDefinition {
  return operator(name, [1, 1], ([value]) => {
    if (isNullish(value)) return null;
    if (!isNumeric(value))
      throw new QueryError(28765, `${name} only supports numeric types, not ${typeName(value)}`);
    return apply(value, bsonType(value));
  });
}

const real = (
  name: string,
  apply: (x: number) => number,
  check?: (x: number) => QueryError | undefined,
): OperatorDefinition =>
  unary(name, (value, type) => {
    const x = toDouble(value);
    const problem = check?.(x);
    if (problem) throw problem;
    const result = apply(x);
    return type === BsonType.decimal ? toDecimal128(result) : new Double(result);
  });

const isInteger = (type: number): boolean => type === BsonType.int || type === BsonType.long;

const wholeOperator = (name: string, apply: (x: number) => number): OperatorDefinition =>
  unary(name, (value, type) => {
    if (isInteger(type)) return value;
    const result = apply(toDouble(value));
    return type === BsonType.decimal ? toDecimal128(result) : new Double(result);
  });

function absolute(value: unknown, type: number): unknown {
  if (toDouble(value) >= 0) return value;
  if (isInteger(type)) return wrapInteger(-toBigInt(value), type) ?? new Double(-toDouble(value));
  return type === BsonType.decimal
    ? arithmetic('multiply', value, new Int32(-1))
    : new Double(-toDouble(value));
}

/** Rounds half to even ($round) or toward zero ($trunc) at a decimal place, -20 < place < 100. */
function roundAt(name: string, nearest: boolean): OperatorDefinition {
  return operator(name, [1, 2], ([value, placeArg]) => {
    if (isNullish(value) || (placeArg !== undefined && isNullish(placeArg))) return null;
    if (!isNumeric(value))
      throw new QueryError(51081, `${name} only supports numeric types, not ${typeName(value)}`);
    const place = placeArg === undefined ? 0 : toDouble(placeArg);
    if (!Number.isInteger(place))
      throw new QueryError(51082, 'precision argument to  ' + name + ' must be a integral value');
    if (place < -20 || place >= 100) {
      throw new QueryError(
        51083,
        `cannot apply ${name} with precision value ${place} value must be in [-20, 100]`,
      );
    }
    return roundNumber(value, place, nearest);
  });
}

function roundNumber(value: unknown, place: number, nearest: boolean): unknown {
  const type = bsonType(value);
  if (isInteger(type) && place >= 0) return value;
  const exact = exactOf(value);
  if (typeof exact === 'number' && (!Number.isFinite(exact) || (place > 15 && !isInteger(type))))
    return value;
  const text = typeof exact === 'object' ? exact : decimalOfDouble(toDouble(value));
  const shift = -place - text.exponent;
  if (shift <= 0) return value;
  const divisor = 10n ** BigInt(shift);
  let quotient = text.coefficient / divisor;
  const doubled = (text.coefficient % divisor) * 2n;
  if (nearest && (doubled > divisor || (doubled === divisor && quotient % 2n === 1n))) quotient += 1n;
  const signed = `${text.negative ? '-' : ''}${quotient}e${-place}`;
  if (isInteger(type))
    return wrapInteger((text.negative ? -1n : 1n) * quotient * 10n ** BigInt(-place), type);
  if (type === BsonType.decimal) return toDecimal128({ ...text, coefficient: quotient, exponent: -place });
  return new Double(Number(signed));
}

/** The shortest decimal that reads back as the double: what a person who wrote 2.5 or 0.125 meant. */
function decimalOfDouble(x: number): { negative: boolean; coefficient: bigint; exponent: number } {
  const [mantissa, exponent] = Math.abs(x).toExponential().split('e') as [string, string];
  const [whole, fraction = ''] = mantissa.split('.') as [string, string?];
  return {
    negative: x < 0,
    coefficient: BigInt(whole + fraction),
    exponent: Number(exponent) - fraction.length,
  };
}

function power([base, exponent]: unknown[]): unknown {
  if (isNullish(base) || isNullish(exponent)) return null;
  if (!isNumeric(base)) throw new QueryError(28762, `$pow's base must be numeric, not ${typeName(base)}`);
  if (!isNumeric(exponent))
    throw new QueryError(28763, `$pow's exponent must be numeric, not ${typeName(exponent)}`);
  if (toDouble(base) === 0 && toDouble(exponent) < 0) {
    throw new QueryError(28764, '$pow cannot take a base of 0 and a negative exponent');
  }
  const type = widerType(bsonType(base), bsonType(exponent));
  const result = toDouble(base) ** toDouble(exponent);
  if (type === BsonType.decimal) return toDecimal128(result);
  if (isInteger(type) && toDouble(exponent) >= 0 && Math.abs(result) < 2 ** 64) {
    const exact = wrapInteger(toBigInt(base) ** toBigInt(exponent), type);
    if (exact) return exact;
  }
  return new Double(result);
}

function logarithm([value, base]: unknown[]): unknown {
  if (isNullish(value) || isNullish(base)) return null;
  if (!isNumeric(value))
    throw new QueryError(28756, `$log's argument must be numeric, not ${typeName(value)}`);
  if (!isNumeric(base)) throw new QueryError(28757, `$log's base must be numeric, not ${typeName(base)}`);
  if (toDouble(value) <= 0)
    throw new QueryError(28758, `$log's argument must be a positive number, but is ${toDouble(value)}`);
  if (toDouble(base) <= 0 || toDouble(base) === 1) {
    throw new QueryError(
      28759,
      `$log's base must be a positive number not equal to 1, but is ${toDouble(base)}`,
    );
  }
  return new Double(Math.log(toDouble(value)) / Math.log(toDouble(base)));
}

function bitwise(
  name: string,
  identity: bigint,
  apply: (a: bigint, b: bigint) => bigint,
): OperatorDefinition {
  return operator(name, [0, Infinity], (args) => {
    let type: number = BsonType.int;
    let result = identity;
    for (const arg of args) {
      if (isNullish(arg)) return null;
      if (!isInteger(bsonType(arg)))
        throw mismatch(`${name} only supports int and long operands, not ${typeName(arg)}`);
      type = widerType(type, bsonType(arg));
      result = apply(result, toBigInt(arg));
    }
    return wrapInteger(result, type);
  });
}

const positive =
  (name: string, code: number) =>
  (x: number): QueryError | undefined =>
    x > 0 || Number.isNaN(x)
      ? undefined
      : new QueryError(code, `${name}'s argument must be a positive number, but is ${x}`);

const within =
  (name: string, low: number, high: number) =>
  (x: number): QueryError | undefined =>
    (x >= low && x <= high) || Number.isNaN(x)
      ? undefined
      : new QueryError(50989, `cannot apply ${name} to ${x}, value must be in [${low},${high}]`);

export const ARITHMETIC_OPERATORS: Record<string, OperatorDefinition> = {
  $add: operator('$add', [0, Infinity], add),
  $subtract: operator('$subtract', [2, 2], subtract),
  $multiply: operator('$multiply', [0, Infinity], multiply),
  $divide: operator('$divide', [2, 2], divide),
  $mod: operator('$mod', [2, 2], modulo),
  $abs: unary('$abs', absolute),
  $ceil: wholeOperator('$ceil', Math.ceil),
  $floor: wholeOperator('$floor', Math.floor),
  $round: roundAt('$round', true),
  $trunc: roundAt('$trunc', false),
  $pow: operator('$pow', [2, 2], power),
  $log: operator('$log', [2, 2], logarithm),
  $exp: real('$exp', Math.exp),
  $ln: real('$ln', Math.log, positive('$ln', 28766)),
  $log10: real('$log10', Math.log10, positive('$log10', 28761)),
  $sqrt: real('$sqrt', Math.sqrt, (x) =>
    x < 0 ? new QueryError(28714, "$sqrt's argument must be greater than or equal to 0") : undefined,
  ),
  $sin: real('$sin', Math.sin),
  $cos: real('$cos', Math.cos),
  $tan: real('$tan', Math.tan),
  $asin: real('$asin', Math.asin, within('$asin', -1, 1)),
  $acos: real('$acos', Math.acos, within('$acos', -1, 1)),
  $atan: real('$atan', Math.atan),
  $sinh: real('$sinh', Math.sinh),
  $cosh: real('$cosh', Math.cosh),
  $tanh: real('$tanh', Math.tanh),
  $asinh: real('$asinh', Math.asinh),
  $acosh: real('$acosh', Math.acosh, within('$acosh', 1, Infinity)),
  $atanh: real('$atanh', Math.atanh, within('$atanh', -1, 1)),
  $degreesToRadians: real('$degreesToRadians', (x) => (x * Math.PI) / 180),
  $radiansToDegrees: real('$radiansToDegrees', (x) => (x * 180) / Math.PI),
  $atan2: operator('$atan2', [2, 2], ([y, x]) => {
    if (isNullish(y) || isNullish(x)) return null;
    if (!isNumeric(y) || !isNumeric(x))
      throw new QueryError(
        51044,
        `$atan2 only supports numeric types, not ${typeName(isNumeric(y) ? x : y)}`,
      );
    return new Double(Math.atan2(toDouble(y), toDouble(x)));
  }),
  $bitAnd: bitwise('$bitAnd', -1n, (a, b) => a & b),
  $bitOr: bitwise('$bitOr', 0n, (a, b) => a | b),
  $bitXor: bitwise('$bitXor', 0n, (a, b) => a ^ b),
  $bitNot: operator('$bitNot', [1, 1], ([value]) => {
    if (isNullish(value)) return null;
    if (!isInteger(bsonType(value)))
      throw mismatch(`$bitNot only supports int and long, not: ${typeName(value)}.`);
    return wrapInteger(~toBigInt(value), bsonType(value));
  }),
};
