import type { Document } from 'bson';
import { QueryError, badValue } from '../errors';
import { getField, isDocument, setField } from '../bson-types';
import { isIndex } from '../paths';

/** MongoDB refuses to pad an array with more nulls than this in one update. */
const MAX_PADDING = 1_500_000;

type Container = Document | unknown[];

const isContainer = (value: unknown): value is Container => Array.isArray(value) || isDocument(value);

const read = (container: Container, part: string): unknown =>
  Array.isArray(container)
    ? isIndex(part)
      ? container[Number(part)]
      : undefined
    : getField(container, part);

/** A document under change: copies a container when it is first written, so the original stays as it was. */
export class Draft {
  root: Document;
  changed = false;
  private readonly owned = new Set<Container>();

  constructor(readonly original: Document) {
    this.root = original;
  }

  get(parts: string[]): unknown {
    let at: unknown = this.root;
    for (const part of parts) {
      if (!isContainer(at)) return undefined;
      at = read(at, part);
    }
    return at;
  }

  /** @throws QueryError 28 when a scalar or null is in the way */
  set(parts: string[], value: unknown): void {
    const last = parts.length - 1;
    let container: Container = this.ownRoot();
    for (let i = 0; i < last; i += 1) container = this.enter(container, parts, i);
    this.write(container, parts, last, value);
    this.changed = true;
  }

  /** Removes a field; an array element becomes null. Nothing happens when the path leads nowhere. */
  unset(parts: string[]): void {
    if (this.get(parts) === undefined) return;
    let container: Container = this.ownRoot();
    for (let i = 0; i < parts.length - 1; i += 1) container = this.enter(container, parts, i);
    const last = parts.at(-1)!;
    if (Array.isArray(container)) container[Number(last)] = null;
    else delete container[last];
    this.changed = true;
  }

  private ownRoot(): Document {
    if (!this.owned.has(this.root)) {
      this.root = { ...this.root };
      this.owned.add(this.root);
    }
    return this.root;
  }

  private enter(container: Container, parts: string[], i: number): Container {
    const child = read(container, parts[i]!);
    if (child !== undefined && !isContainer(child)) throw notViable(parts, i + 1, child);
    if (child !== undefined && this.owned.has(child)) return child;
    const copy: Container = child === undefined ? {} : Array.isArray(child) ? child.slice() : { ...child };
    this.owned.add(copy);
    this.write(container, parts, i, copy);
    return copy;
  }

  private write(container: Container, parts: string[], i: number, value: unknown): void {
    const part = parts[i]!;
    if (!Array.isArray(container)) return setField(container, part, value);
    if (!isIndex(part)) throw notViable(parts, i, container);
    const index = Number(part);
    if (index - container.length > MAX_PADDING)
      throw badValue(`can't backfill more than ${MAX_PADDING} array elements`);
    while (container.length < index) container.push(null);
    container[index] = value;
  }
}

function notViable(parts: string[], i: number, element: unknown): QueryError {
  const shown = isContainer(element)
    ? Array.isArray(element)
      ? '[...]'
      : '{...}'
    : JSON.stringify(element ?? null);
  return new QueryError(28, `Cannot create field '${parts[i]}' in element {${parts[i - 1]}: ${shown}}`);
}
