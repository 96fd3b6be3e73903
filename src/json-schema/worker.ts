/** Runs in a thread of its own: checks values against schemas that may take long. */
import { serveTasks } from '../threads/serve';
import { type CheckTask } from './check';
import { createValidator } from './validators';

/** Complaints that are told; a large value that does not fit can have a million. */
const MOST_COMPLAINTS = 20;

serveTasks(({ schema, value }: CheckTask): string[] => {
  const validate = createValidator().compile(schema);
  return validate(value)
    ? []
    : (validate.errors ?? [])
        .slice(0, MOST_COMPLAINTS)
        .map((error) => `${error.instancePath || '/'} ${error.message ?? 'is invalid'}`);
});
