import type { Overload } from './declare.ts';
import { conversions } from './conversions.ts';
import { format } from './format.ts';
import { lists } from './lists.ts';
import { namedFormats } from './named-formats.ts';
import { network } from './network.ts';
import { operators } from './operators.ts';
import { optionals } from './optionals.ts';
import { quantities } from './quantities.ts';
import { regex } from './regex.ts';
import { sets } from './sets.ts';
import { strings } from './strings.ts';
import { times } from './times.ts';
import { urls } from './urls.ts';

const byName = new Map<string, Overload[]>();
for (const overload of [
  ...operators,
  ...conversions,
  ...strings,
  ...format,
  ...namedFormats,
  ...lists,
  ...sets,
  ...regex,
  ...times,
  ...optionals,
  ...urls,
  ...network,
  ...quantities,
]) {
  const key = `${overload.member ? '.' : ''}${overload.name}`;
  byName.set(key, [...(byName.get(key) ?? []), overload]);
}

/** The ways to call a function; undefined when there is none of this name. */
export function overloadsOf(name: string, member: boolean): readonly Overload[] | undefined {
  return byName.get(`${member ? '.' : ''}${name}`);
}
