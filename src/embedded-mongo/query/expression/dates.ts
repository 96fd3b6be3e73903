import type { OperatorDefinition } from './core';

export const DATE_OPERATORS: Record<string, OperatorDefinition> = {};
