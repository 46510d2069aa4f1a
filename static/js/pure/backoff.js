const MAX_MS = 30000;

// Milliseconds until the next try after `misses` failures in a row: 1, 2, 4 … 30 s, a quarter more or less, so that the pages of
// a team do not all ask in the same moment. `chance` is from 0 to 1.
export const findRetryWait = (misses, chance = Math.random()) => Math.min(MAX_MS, 1000 * 2 ** (misses - 1)) * (0.75 + chance / 2);
