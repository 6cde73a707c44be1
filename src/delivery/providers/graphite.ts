/** Graphite's render API (https://graphite.readthedocs.io/en/latest/render_api.html): `target=...&from=...`. */
import { address, asArray, askJson, asNumber, asObject, basic, credential, oneLine, present, type Provider } from './provider.ts';

export const graphite: Provider = async (question, tools) => {
  const url = address(question, '/render');
  for (const [name, value] of new URLSearchParams(oneLine(question.query))) url.searchParams.append(name, value);
  url.searchParams.set('format', 'json');
  const headers: Record<string, string> = question.secret
    ? { authorization: basic(credential(question, 'username'), credential(question, 'password')) }
    : {};
  const targets = asArray(await askJson(question, tools, { url: url.href, headers }));
  // The newest point that has a value: the last ones are null until they are flushed.
  return targets
    .map((target) =>
      asArray(asObject(target)['datapoints'])
        .map((point) => asNumber(asArray(point)[0]))
        .findLast(present),
    )
    .filter(present);
};
