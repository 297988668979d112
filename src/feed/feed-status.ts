/** What the feed's loops are doing, for health and metrics. Times by `performance.now()`. */
export type FeedStatus = {
  state: 'starting' | 'waiting' | 'leading' | 'stopped';
  /** The last turn that read what it wanted; `null` before the first. */
  readMs: number | null;
  /** In a row, while the feed cannot be read. */
  failures: number;
  /** In a row, while the state of the feed cannot be read or written. */
  leaseFailures: number;
  /** Age of the oldest change without an outcome; `null` while another instance leads. */
  lagSeconds(): number | null;
};

export function createFeedStatus(): FeedStatus {
  return { state: 'starting', readMs: null, failures: 0, leaseFailures: 0, lagSeconds: () => null };
}
