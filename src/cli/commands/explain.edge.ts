import { explainRequest } from '../../app/index.ts';
import { Fault } from '../../base/index.ts';
import type { Command } from '../context.ts';
import { EXIT } from '../exit.ts';
import { explainText } from '../explain-text.ts';
import { show } from '../output.ts';

export const explainCommand: Command = {
  name: 'explain',
  summary: 'say what would become of a request: each rule tried and why, where it goes, what is to be expected',
  args: '<request...>',
  flags: [
    { usage: '--from <client>', help: 'who sends it: a pod, a Deployment or an app, or "ingress"' },
    { usage: '-n, --namespace <namespace>', help: 'of the client (default: default)' },
    { usage: '-H, --header <header>', help: "a header, as in 'end-user: jason'; may be given several times", many: true },
    { usage: '--fire', help: 'send the request, too, and show what the proxies made of it' },
  ],
  notes:
    'As in: sluice explain GET http://reviews:9080/reviews/0 --from productpage-v1 -H "end-user: jason" --fire\n' +
    'Routes and policies are read as they are sent to Envoy. It ends with 0 however the request would.',
  async run(context, flags, args) {
    const [first = '', ...rest] = args;
    const [method, url] = rest.length ? [first.toUpperCase(), rest[0]!] : ['GET', first];
    if (rest.length > 1 || !/^[A-Z]+$/.test(method))
      throw new Fault('RequestInvalid', `"${args.join(' ')}" is not a request`, { hint: 'Write it as in: GET http://reviews:9080/' });
    if (!flags.from)
      throw new Fault('ClientMissing', 'it is not said who sends the request', {
        hint: 'Add --from with a pod, a Deployment, an app, or "ingress".',
      });
    const asked = {
      method,
      url,
      headers: headersOf(flags.header as unknown as readonly string[] | undefined),
      from: String(flags.from),
      namespace: String(flags.namespace ?? 'default'),
    };
    const found = await explainRequest(context.paths, asked, flags.fire === true ? { env: context.env } : undefined);
    show(context, found, () => explainText(found));
    return EXIT.done;
  },
};

function headersOf(given: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const colon = text.indexOf(':');
      if (colon < 1) throw new Fault('HeaderInvalid', `"${text}" is not a header`, { hint: "Write it as in -H 'end-user: jason'." });
      return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
    }),
  );
}
