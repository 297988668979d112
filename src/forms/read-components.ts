import { type Json, objectIn } from './definition-json.ts';
import type { FormPart } from './form-outline.ts';

const MAX_COMPONENTS = 10_000;
const MAX_DEPTH = 100;

export type ReadInside = (components: readonly unknown[]) => FormPart[];

/** The components of a definition, one by one; each may have others inside. What is too many or too deep is not read. */
export function readComponents(
  components: readonly unknown[],
  readComponent: (component: Json, readInside: ReadInside) => FormPart[],
): FormPart[] {
  let left = MAX_COMPONENTS;

  function readAt(depth: number, some: readonly unknown[]): FormPart[] {
    const parts: FormPart[] = [];
    for (const each of depth < MAX_DEPTH ? some : []) {
      if (left-- <= 0) break;
      const component = objectIn(each);
      if (component !== null) parts.push(...readComponent(component, (inside) => readAt(depth + 1, inside)));
    }
    return parts;
  }

  return readAt(0, components);
}
