/**
 * The longest that `setTimeout` can wait, 24.8 days; of more it makes a millisecond. No connection lives that long, so
 * a later deadline is none.
 */
export const maxTimerMs = 2 ** 31 - 1;
