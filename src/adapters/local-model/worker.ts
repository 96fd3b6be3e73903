/** Runs in a thread of its own: the embedded model on texts and schemas that may take long. */
import { serveTasks } from '../../threads/serve';
import { FillTooLarge } from './structured';
import { think, type Thinking, type Thought } from './think';

serveTasks((request: Thinking): Thought => {
  try {
    return think(request);
  } catch (error) {
    if (error instanceof FillTooLarge) return { problem: error.message };
    throw error;
  }
});
