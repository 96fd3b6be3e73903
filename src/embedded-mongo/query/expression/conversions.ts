import type { OperatorDefinition } from './core';

export const CONVERSION_OPERATORS: Record<string, OperatorDefinition> = {};
