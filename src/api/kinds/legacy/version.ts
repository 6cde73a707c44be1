import type { LegacyVersion, Schema } from '../../kind.ts';
import type { AnyObject } from '../../object.ts';
import { kindSchema } from '../schema/builtin.ts';

/** An old version of a kind: what it is, and since when it is not to be used. */
export interface OldVersion {
  /** `extensions/v1beta1` */
  readonly of: string;
  readonly kind: string;
  /** The message that describes its objects; the stored version's schema when absent. */
  readonly message?: string;
  /** Minor versions of Kubernetes 1 in which it was deprecated and removed. */
  readonly until?: readonly [deprecated: number, removed: number];
  /** What to write instead: `apps/v1 Deployment`. */
  readonly use?: string;
  readonly schema?: () => Schema;
  readonly upgrade?: (object: AnyObject) => AnyObject;
  readonly downgrade?: (object: AnyObject) => AnyObject;
}

/** The definition of an old version, with the warning of the real server. */
export function oldVersion({ of, kind, message, until, use, schema, upgrade, downgrade }: OldVersion): LegacyVersion {
  const [group, version] = of.split('/') as [string, string];
  const found = schema ?? (message ? () => kindSchema(message) : undefined);
  return {
    group,
    version,
    warning: until ? `${of} ${kind} is deprecated in v1.${until[0]}+, unavailable in v1.${until[1]}+${use ? `; use ${use}` : ''}` : '',
    ...(found
      ? {
          get schema(): Schema {
            return found();
          },
        }
      : {}),
    ...(upgrade ? { upgrade } : {}),
    ...(downgrade ? { downgrade } : {}),
  };
}

/** The object with another `spec`; as it is when it has none. */
export function withSpec(object: AnyObject, change: (spec: Record<string, unknown>) => Record<string, unknown>): AnyObject {
  const spec: unknown = object['spec'];
  return typeof spec === 'object' && spec !== null ? { ...object, spec: change(spec as Record<string, unknown>) } : object;
}
