// Evaluated inside QuickJS before a tool's source. Keeps its own references: the tool may change every built-in it finds.
(print, now) => {
  'use strict';
  const { stringify, parse } = JSON;
  const { apply } = Reflect;
  const { then } = Promise.prototype;
  const { isFinite } = Number;
  const { defineProperty, fromEntries } = Object;
  const [StringOf, ErrorType, TypeErrorType, SetType, MapType] = [String, Error, TypeError, Set, Map];
  const BigIntOf = BigInt;
  const REST_DOTS = 3;
  const { slice, indexOf } = String.prototype;
  const { push, join, splice } = Array.prototype;

  const show = (value) => {
    if (typeof value === 'string') return value;
    if (value instanceof ErrorType) return `${value.name}: ${value.message}`;
    if (typeof value !== 'object' || value === null) return StringOf(value);
    try {
      return stringify(value) ?? StringOf(value);
    } catch {
      return '[object]'; // cyclic, or with a toJSON that throws: still worth a mark in the log
    }
  };
  const write = (...values) => {
    const texts = [];
    for (let at = 0; at < values.length; at++) texts[at] = show(values[at]);
    print(`${apply(join, texts, [' '])}\n`);
  };
  const add = (name, value) =>
    defineProperty(globalThis, name, { value, writable: true, configurable: true });
  add('console', { log: write, info: write, warn: write, error: write, debug: write, trace: write });

  let nextTimer = 1;
  const timers = [];
  add('setTimeout', (callback, delay = 0, ...args) => {
    const due = now() + (delay > 0 ? +delay : 0);
    apply(push, timers, [{ id: nextTimer, due, callback, args }]);
    return nextTimer++;
  });
  add('clearTimeout', (id) => {
    for (let at = 0; at < timers.length; at++) if (timers[at].id === id) apply(splice, timers, [at--, 1]);
  });
  add('queueMicrotask', (callback) => {
    (async () => {})().then(() => callback());
  });

  /** Runs the timer that is due; milliseconds until one is, 0 when one ran, -1 when there is none. */
  const tick = () => {
    let first = -1;
    for (let at = 0; at < timers.length; at++)
      if (first < 0 || timers[at].due < timers[first].due) first = at;
    if (first < 0) return -1;
    const wait = timers[first].due - now();
    if (wait > 0) return wait;
    const { callback, args } = timers[first];
    apply(splice, timers, [first, 1]);
    callback(...args);
    return 0;
  };

  const refuse = (what) => {
    const error = new TypeErrorType(`${what} cannot be written as JSON`);
    error.name = 'result_not_json';
    throw error;
  };
  const KINDS = { function: 'a function', symbol: 'a symbol' };
  // JSON has integers of any size, `stringify` writes none of them: they stand as marked texts until the end.
  const MARK = '\u0000integer:';
  const MARK_WRITTEN = '"\\u0000integer:';
  const plain = (_key, value) => {
    const kind = KINDS[typeof value];
    if (kind) refuse(kind);
    if (typeof value === 'bigint') return MARK + StringOf(value);
    if (typeof value === 'number' && !isFinite(value)) refuse(StringOf(value));
    if (value instanceof SetType) return [...value];
    if (value instanceof MapType) return fromEntries(value);
    return value;
  };
  const withIntegers = (json) => {
    let text = '';
    let from = 0;
    let mark = apply(indexOf, json, [MARK_WRITTEN, from]);
    for (; mark >= 0; mark = apply(indexOf, json, [MARK_WRITTEN, from])) {
      const start = mark + MARK_WRITTEN.length;
      const end = apply(indexOf, json, ['"', start]);
      text += apply(slice, json, [from, mark]) + apply(slice, json, [start, end]);
      from = end + 1;
    }
    return from === 0 ? json : text + apply(slice, json, [from]);
  };
  const writeJson = (value) => {
    if (value === undefined) return 'null';
    try {
      return withIntegers(stringify(value, plain));
    } catch (error) {
      if (error.name === 'result_not_json') throw error;
      return refuse(`the result (${error.message})`);
    }
  };

  /** Integers that are no double come as [[way, digits], ...]. */
  const setIntegers = (args, integers) => {
    for (let at = 0; at < integers.length; at++) {
      const way = integers[at][0];
      let holder = args;
      for (let level = 0; level < way.length - 1; level++) holder = holder[way[level]];
      defineProperty(holder, way[way.length - 1], {
        value: BigIntOf(integers[at][1]),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }
  };

  return (tool, argumentsJson, namesJson, integersJson) => {
    const args = parse(argumentsJson);
    setIntegers(args, parse(integersJson));
    const names = parse(namesJson);
    const state = { json: undefined, error: undefined, tick };
    const positional = [];
    if (names === null) positional[0] = args;
    else
      for (let at = 0; at < names.length; at++) {
        if (names[at][0] !== '.') positional[at] = args[names[at]];
        else apply(push, positional, args[apply(slice, names[at], [REST_DOTS])] ?? []);
      }
    const keepError = (error) => {
      const isObject = typeof error === 'object' && error !== null;
      state.error = isObject ? error : new ErrorType(StringOf(error));
    };
    const running = (async () => apply(tool, undefined, positional))();
    const written = apply(then, running, [(value) => void (state.json = writeJson(value))]);
    apply(then, written, [undefined, keepError]);
    return state;
  };
};
