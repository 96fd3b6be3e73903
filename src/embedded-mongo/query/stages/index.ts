import { notSupported } from '../errors';
import { BASIC_STAGES } from './basic';
import type { StageDefinition } from './core';
import { GROUP_STAGES } from './group';
import { JOIN_STAGES } from './joins';
import { SHAPE_STAGES } from './shapes';
import { WINDOW_STAGES } from './windows';

/** Stages MongoDB has and this server refuses by name, rather than as unknown. */
const REFUSED = [
  '$geoNear',
  '$densify',
  '$fill',
  '$search',
  '$searchMeta',
  '$vectorSearch',
  '$planCacheStats',
  '$shardedDataDistribution',
];

const refused: Record<string, StageDefinition> = Object.fromEntries(
  REFUSED.map((name) => [
    name,
    () => {
      throw notSupported(`The pipeline stage ${name}`);
    },
  ]),
);

export const STAGES: Record<string, StageDefinition> = {
  ...BASIC_STAGES,
  ...GROUP_STAGES,
  ...JOIN_STAGES,
  ...SHAPE_STAGES,
  ...WINDOW_STAGES,
  ...refused,
};
