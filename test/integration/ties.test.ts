import { afterAll, beforeAll, jest, test } from '@jest/globals';
import { aProcess } from '../support/a-process.ts';
import {
  createHistoryReader,
  expectTiesAreReadOnce,
  expectTiesAreSubmittedOnce,
  type HistoryReader,
} from '../support/ties.ts';
import { createWorld, type World } from '../support/world.ts';

jest.setTimeout(30_000);

const waiting = aProcess({ steps: [{ message: 'never' }] });

let world: World;
let reader: HistoryReader;
beforeAll(async () => {
  world = createWorld();
  reader = createHistoryReader(world.engine);
  await world.engine.deploy(waiting.files);
});
afterAll(async () => {
  reader.close();
  await world.end();
});

test('F3, F4: a window full of ties is read in pages of two without a row too few or too many', async () => {
  await expectTiesAreReadOnce(reader, waiting.id);
});

test('F3, F4: a feed that reads pages of two submits each of the tied changes once while they are written', async () => {
  await expectTiesAreSubmittedOnce(reader, waiting.id);
});
