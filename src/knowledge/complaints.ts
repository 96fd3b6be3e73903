import { DomainError, type FieldError, throwIfInvalid } from '../errors';

/** Gathers what is wrong with a form, so that the caller hears of everything at once. */
export class Complaints {
  private readonly errors: FieldError[] = [];

  add(path: string, message: string): void {
    this.errors.push({ path, message });
  }

  /** @param max characters */
  text(path: string, value: string | null | undefined, max: number): void {
    if (typeof value === 'string' && value.length > max)
      this.add(path, `must have at most ${max} characters, has ${value.length}`);
  }

  range(
    path: string,
    value: number | null | undefined,
    { min, max, whole }: { min: number; max: number; whole?: boolean },
  ): void {
    if (value === undefined || value === null) return;
    if (!Number.isFinite(value) || value < min || value > max || (whole && !Number.isInteger(value)))
      this.add(path, `must be a ${whole ? 'whole number' : 'number'} between ${min} and ${max}, is ${value}`);
  }

  oneOf(path: string, value: string | null | undefined, allowed: readonly string[]): void {
    if (value !== undefined && value !== null && !allowed.includes(value))
      this.add(path, `must be one of ${allowed.join(', ')}, is ${value}`);
  }

  /** Takes over what `check` complains of. @throws whatever else it throws */
  of(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof DomainError) || !error.details.errors) throw error;
      this.errors.push(...error.details.errors);
    }
  }

  /** @throws DomainError `validation_failed` with every complaint */
  throwIfAny(): void {
    throwIfInvalid(this.errors);
  }
}
