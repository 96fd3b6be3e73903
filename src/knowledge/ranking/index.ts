export { freshness, mixIn, titleMatch } from './boosts';
export { diversify } from './diversity';
export { FEEDBACK, feedbackOf } from './feedback';
export { fuseConvex, fuseReciprocalRanks, rankBy } from './fusion';
export { type RankedCandidate, type Scored } from './types';
