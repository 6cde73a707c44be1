import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { importRollouts, type Imported } from '../../app/index.ts';
import { Fault, messageOf, parseYaml, toYaml } from '../../base/index.ts';
import type { Command } from '../context.ts';
import { EXIT } from '../exit.ts';

export const importCommand: Command = {
  name: 'import',
  alone: true,
  summary: 'turn Rollouts of Argo into Deployments, Canaries and MetricTemplates',
  args: '<files...>',
  flags: [],
  notes:
    'Give a Rollout with what it names: AnalysisTemplates, Services, VirtualService or HTTPRoute, HorizontalPodAutoscaler; - reads standard input:\n' +
    '  kubectl get rollout,analysistemplate,service,virtualservice,hpa -o yaml | sluice import -\n' +
    'What has no equivalent, and why, is said on standard error, in comments of the YAML, and under "notes" with -o json.',
  async run(context, _flags, files) {
    const documents: unknown[] = [];
    for (const file of files) documents.push(...parseYaml(await read(file), file === '-' ? 'standard input' : file));
    const imported = importRollouts(documents);
    if (context.output === 'json')
      context.print(`${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: imported.objects, notes: imported.notes }, null, 2)}\n`);
    else context.print(yamlOf(imported));
    for (const { object, path, message } of imported.notes) context.say(`${object}, ${path}: ${message}`);
    return EXIT.done;
  },
};

async function read(file: string): Promise<string> {
  if (file === '-') return text(process.stdin);
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Fault('FileUnreadable', `${file} cannot be read: ${messageOf(cause)}`, {
      hint: 'Correct the path, or its permissions.',
      cause,
    });
  }
}

/** One document an object; the notes stand before them, as they are about what was, not about what is. */
function yamlOf({ objects, notes }: Imported): string {
  const said = notes.map(({ object, path, message }) => `# ${object}, ${path}:\n#   ${message.replaceAll('\n', ' ')}\n`).join('');
  const head = said ? `# What is otherwise than it was, or has no equivalent:\n${said}` : '';
  return `${head}${objects.map((object) => `---\n${toYaml(object)}`).join('')}`;
}
