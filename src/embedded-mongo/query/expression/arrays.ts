import type { OperatorDefinition } from './core';

export const ARRAY_OPERATORS: Record<string, OperatorDefinition> = {};
