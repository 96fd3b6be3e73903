import { DomainError } from '../src/errors';

interface Node<T> {
  fixed: Map<string, Node<T>>;
  parameter?: Node<T>;
  /** By upper-case method; parameter names differ between methods of one template. */
  methods: Map<string, { value: T; names: string[] }>;
}

export interface Match<T> {
  value: T;
  params: Record<string, string>;
}

const newNode = <T>(): Node<T> => ({ fixed: new Map(), methods: new Map() });

/**
 * Finds the operation of a path in time proportional to its segments. At every segment a literal wins over a parameter
 * (`/cancel/all` over `/cancel/{call_id}`), whatever order the templates came in.
 */
export class RouteTable<T> {
  private readonly root = newNode<T>();

  /** @throws Error when another template with the same shape has this method */
  add(method: string, template: string, value: T): void {
    const names: string[] = [];
    let node = this.root;
    for (const segment of split(template)) {
      const name = /^\{(.+)\}$/.exec(segment)?.[1];
      if (name !== undefined) {
        names.push(name);
        node = node.parameter ??= newNode<T>();
      } else {
        const next = node.fixed.get(segment) ?? newNode<T>();
        node.fixed.set(segment, next);
        node = next;
      }
    }
    if (node.methods.has(method)) throw new Error(`${method} ${template} is routed twice.`);
    node.methods.set(method, { value, names });
  }

  /** @throws DomainError `bad_request` when a parameter is not valid percent-encoding */
  find(method: string, path: string): Match<T> | undefined {
    const values: string[] = [];
    const hit = search(this.root, split(path), 0, values, (node) => node.methods.get(method));
    if (!hit) return undefined;
    const params: Record<string, string> = {};
    hit.names.forEach((name, index) => {
      params[name] = decode(values[index]!);
    });
    return { value: hit.value, params };
  }

  /** The methods that this path answers, `HEAD` and `OPTIONS` included; empty when the path is unknown. */
  allowed(path: string): string[] {
    const methods = new Set<string>();
    search(this.root, split(path), 0, [], (node) => {
      for (const method of node.methods.keys()) methods.add(method);
      return undefined;
    });
    if (methods.size === 0) return [];
    if (methods.has('GET')) methods.add('HEAD');
    methods.add('OPTIONS');
    return [...methods].sort();
  }
}

const split = (path: string): string[] => {
  const trimmed = path.length > 1 && path.endsWith('/') ? path.slice(1, -1) : path.slice(1);
  return trimmed.split('/');
};

/** Depth first, literals first; falls back to the parameter when the literal's subtree has no answer. */
function search<T, R>(
  node: Node<T>,
  segments: string[],
  depth: number,
  values: string[],
  accept: (node: Node<T>) => R | undefined,
): R | undefined {
  if (depth === segments.length) return accept(node);
  const segment = segments[depth]!;
  const fixed = node.fixed.get(segment);
  const hit = fixed && search(fixed, segments, depth + 1, values, accept);
  if (hit !== undefined || !node.parameter || segment === '') return hit;
  values.push(segment);
  const parameterHit = search(node.parameter, segments, depth + 1, values, accept);
  if (parameterHit === undefined) values.pop();
  return parameterHit;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new DomainError('bad_request', `The path segment ${segment} is not valid percent-encoding.`, {
      cause,
    });
  }
}
