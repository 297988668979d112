import type { AxiosResponse } from 'axios';

export type ResponseType = 'json' | 'text' | 'bytes';

/**
 * The body of an answer as what was asked for. An empty one is null where the service need not say anything.
 *
 * The reason why a text is no JSON stays here: the messages of JSON parsers quote the text.
 */
export function readAnswer(
  { data, status }: AxiosResponse<Uint8Array>,
  responseType: ResponseType,
  parse: (text: string) => unknown,
  notJson: () => Error,
): unknown {
  if (responseType === 'bytes') return data;
  const text = new TextDecoder().decode(data);
  if (responseType === 'text') return text;
  if (text === '' && status !== 200) return null;
  try {
    return parse(text);
  } catch {
    throw notJson();
  }
}
