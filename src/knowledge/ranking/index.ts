export { freshness, mixIn, titleMatch } from './boosts';
export { diversify } from './diversity';
export { feedbackOf } from './feedback';
export { fuseConvex, fuseReciprocalRanks, rankBy } from './fusion';
export { type Lesson, lessonOf, REFINEMENT } from './refinement';
export { type RankedCandidate, type Scored } from './types';
