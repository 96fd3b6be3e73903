import type { OperatorDefinition } from './core';

export const ACCUMULATOR_EXPRESSIONS: Record<string, OperatorDefinition> = {};
