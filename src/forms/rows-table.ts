import { isKind } from '../submission/json-tree.ts';
import type { Answers } from './answers.ts';
import type { FieldPart, FormPart, RowsPart } from './form-outline.ts';
import type { Answer, ViewItem } from './form-view.ts';
import type { NamesView } from './names-view.ts';
import type { CellOf } from './outline-view.ts';
import { NO_ANSWER } from './plain-answer.ts';
import { MAX_COLUMNS, type ViewLimits } from './view-limits.ts';
import { wordsOf } from './words-of-name.ts';

type Column = { label: string; hasAlways: boolean; cells: (Answer | null)[] };

/**
 * The rows of a grid as a table, where each is an object of single answers and there are few columns; else `null`. Members that
 * the definition does not know get columns of their own.
 */
export function createRowsTable(answers: Answers, limits: ViewLimits, names: NamesView, cellOf: CellOf) {
  /** What a row holds goes into the columns; `false` where it is no row of a table. */
  function addRow(columns: Map<FieldPart | string, Column>, fields: FormPart[], row: number, at: number): boolean {
    if (!isKind(answers.tree, row, 'object')) return false;
    for (const field of fields) {
      limits.look();
      if (field.kind === 'unshown') {
        const node = answers.find(row, field.path);
        if (node !== null) answers.claim(node);
      }
      if (field.kind !== 'field') continue;
      const { node, answer } = cellOf(field, row);
      if (answer === null) return false;
      if (node !== null) answers.claim(node);
      const column = columns.get(field) ?? { label: field.label, hasAlways: field.when === null, cells: [] };
      column.cells[at] = node === null || answer.kind === 'none' ? null : answer;
      columns.set(field, column);
    }
    const others = names.cellsOf(row);
    for (const [name, answer] of others ?? []) {
      const column = columns.get(name) ?? { label: wordsOf(name), hasAlways: true, cells: [] };
      column.cells[at] = answer;
      columns.set(name, column);
    }
    return others !== null && columns.size <= 2 * MAX_COLUMNS;
  }

  return (part: RowsPart, rows: number[]): ViewItem | null => {
    const fields = plainFields(part.parts);
    const width = Math.max(1, fields?.filter(({ kind }) => kind === 'field').length ?? 0);
    if (fields === null || width > MAX_COLUMNS) return null;
    const byField = new Map<FieldPart | string, Column>();
    let seen = 0;
    for (const row of rows.slice(0, Math.floor(limits.left() / width))) {
      if (!limits.isPatient()) break;
      if (!addRow(byField, fields, row, seen++)) return null;
    }
    const columns = [...byField.values()].filter(({ hasAlways, cells }) => hasAlways || cells.some((cell) => cell));
    if (columns.length === 0 || columns.length > MAX_COLUMNS) return null;
    const room = Math.min(seen, Math.floor(limits.left() / columns.length));
    limits.take(room * columns.length);
    for (const row of rows.slice(room)) limits.omit(answers.countValues(row));
    const shown = rows
      .slice(0, room)
      .map((_row, at) => columns.map(({ cells }) => names.fitting(cells[at] ?? NO_ANSWER)));
    return { kind: 'table', label: part.label, columns: columns.map(({ label }) => label), rows: shown };
  };
}

/** The fields of parts that have no headings between them; `null` where something nests. */
function plainFields(parts: readonly FormPart[]): FormPart[] | null {
  const fields: FormPart[] = [];
  for (const part of parts) {
    if (part.kind === 'field' || part.kind === 'unshown') fields.push(part);
    else if (part.kind === 'section' && part.label === '' && part.when === null) {
      const inside = plainFields(part.parts);
      if (inside === null) return null;
      fields.push(...inside);
    } else return null;
  }
  return fields;
}
