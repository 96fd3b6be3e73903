/* global jest */
'use strict';

/**
 * In CI a test that fails is tried twice more, with what went wrong printed: many tests there kill processes and wait for
 * browsers on a machine that others use as well. On a developer's machine the first failure counts.
 */
if (process.env.CI) jest.retryTimes(2, { logErrorsBeforeRetry: true });
