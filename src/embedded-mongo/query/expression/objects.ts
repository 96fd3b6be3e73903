import type { OperatorDefinition } from './core';

export const OBJECT_OPERATORS: Record<string, OperatorDefinition> = {};
