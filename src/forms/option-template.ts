const PLACE = /\{\{\s*item\.([\w.]+)\s*(?:\|[^{}]*)?\}\}/g;

/** `{{ item.name }} ({{ item.code }})` filled in; `null` where one of them is missing, or is more than a name. */
export function fillTemplate(template: string, valueAt: (path: string) => string | null): string | null {
  let isComplete = true;
  const text = template.replaceAll(PLACE, (_place, path: string) => {
    const value = valueAt(path);
    if (value === null) isComplete = false;
    return value ?? '';
  });
  return isComplete && !text.includes('{{') && text.trim() !== '' ? text.trim() : null;
}
