import { childrenOf, isKind, keyOf } from '../submission/json-tree.ts';
import type { Answers } from './answers.ts';
import type { FormOutline, FormPart } from './form-outline.ts';
import type { Body } from './split-body.ts';

const MAX_PLACES = 200;
const MAX_PLACE_DEPTH = 3;
const MAX_PATHS = 1_000;

/**
 * The object whose names are best those of the definition, at `root` or a little below it. In doubt it is the outer one: an object
 * among the answers may have names like theirs. `null` when none of them has a single one, though something was answered: the
 * definition is that of another form.
 */
export function findAnswers(answers: Answers, definition: FormOutline, { root, files }: Body): number | null {
  const paths = [...new Set(pathsOf(definition.parts))].slice(0, MAX_PATHS);
  const scoreOf = (place: number): number =>
    paths.filter((path) => answers.find(place, path) !== null || (place === root && files.has(path))).length;
  let best = { place: root, score: scoreOf(root) };
  for (const place of placesBelow(answers, root)) {
    const score = scoreOf(place);
    const isEnvelope = keyOf(answers.tree, place) === 'data';
    if (score > best.score * (isEnvelope ? 1 : 2)) best = { place, score };
  }
  const isAnswered = answers.countValues(root) > (answers.tree.after[root] === root + 1 ? 1 : 0) || files.size > 0;
  return best.score === 0 && isAnswered ? null : best.place;
}

/** Outer objects first; bounded in number and depth. */
function placesBelow(answers: Answers, root: number): number[] {
  const { tree } = answers;
  const places: number[] = [];
  let level = [root];
  for (let depth = 0; depth < MAX_PLACE_DEPTH; depth++) {
    level = level
      .flatMap((place) => [...answers.membersOf(place).values()])
      .filter((member) => isKind(tree, member, 'object') && !answers.isClaimed(member))
      .slice(0, MAX_PLACES - places.length);
    places.push(...level);
  }
  return places;
}

function pathsOf(parts: readonly FormPart[]): string[] {
  return parts.flatMap((part) => {
    if (part.kind === 'section') return pathsOf(part.parts);
    return part.kind === 'nested' && !part.isCertain ? [part.path, ...pathsOf(part.parts)] : [part.path];
  });
}

/** Without a definition: a form builder's envelope around the answers is opened. */
export function openEnvelope(answers: Answers, root: number): number {
  const { tree } = answers;
  const open = [...childrenOf(tree, root)].filter((member) => !answers.isTouched(member));
  const [only] = open;
  const isEnvelope =
    open.length === 1 && only !== undefined && isKind(tree, only, 'object') && keyOf(tree, only) === 'data';
  return isEnvelope ? only : root;
}
