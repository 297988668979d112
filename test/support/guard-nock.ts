import { afterAll, afterEach, beforeEach, expect } from '@jest/globals';
import nock from 'nock';

/** For test files that stub HTTP: nothing reaches the network, each stub is used, and the next file finds node:http as it was. */
export function guardNock(): void {
  beforeEach(() => {
    nock.disableNetConnect();
  });

  afterEach(() => {
    const left = nock.pendingMocks();
    nock.cleanAll();
    nock.enableNetConnect();
    expect(left).toEqual([]);
  });

  afterAll(() => {
    nock.restore();
  });
}
