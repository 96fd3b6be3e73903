import { BASIC_STAGES } from './basic';
import type { StageDefinition } from './core';

export const STAGES: Record<string, StageDefinition> = {
  ...BASIC_STAGES,
};
