import { DomainError, type FieldError } from './errors';

/**
 * Complaints of a tool about its arguments, each at the argument that its first word names.
 * @param field the field of the request that holds the arguments
 */
export function argumentErrors(field: string, problems: string[]): DomainError {
  const errors = problems.map((message): FieldError => {
    const path = /^([A-Za-z_$][\w$-]*(?:\.[\w$-]+)*) /.exec(message)?.[1];
    // Of the arguments as a whole a tool says "arguments must ...".
    const isWhole = path === undefined || path === 'arguments';
    return { path: isWhole ? field : `${field}.${path}`, message };
  });
  return new DomainError('validation_failed', `${field}: ${problems.join('; ')}`, { errors });
}
