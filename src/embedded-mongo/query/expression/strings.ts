import type { OperatorDefinition } from './core';

export const STRING_OPERATORS: Record<string, OperatorDefinition> = {};
