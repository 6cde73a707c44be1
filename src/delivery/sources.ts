/** Whose changes concern which canary. */
import {
  Canaries,
  ConfigMaps,
  DaemonSets,
  Deployments,
  GROUP,
  HorizontalPodAutoscalers,
  Secrets,
  Services,
  type Canary,
  type KubeObject,
  type Resource,
} from '../api/index.ts';
import { changesOf, type Informers, type Source } from '../control/index.ts';
import { previousName, primaryName } from './names.ts';
import { configId } from './tracking.ts';

const keyTextOf = ({ metadata }: KubeObject): string => `${metadata?.namespace}/${metadata?.name}`;

export function sourcesOf(informers: Informers): Source[] {
  const canaries = informers.of(Canaries);

  const concerned = (object: KubeObject, concerns: (canary: Canary, name: string) => boolean): string[] =>
    canaries
      .list()
      .filter((c) => c.metadata?.namespace === object.metadata?.namespace && concerns(c, object.metadata?.name ?? ''))
      .map(keyTextOf);

  const from = <T extends KubeObject>(resource: Resource<T>, concerns: (canary: Canary, name: string) => boolean): Source =>
    changesOf(informers.of(resource), (object) => concerned(object, concerns));

  /** Targets, primaries and what is kept of the versions before. */
  const targets = <T extends KubeObject>(resource: Resource<T>): Source =>
    from(
      resource,
      ({ spec: { targetRef } }, name) =>
        targetRef.kind === resource.kind && [targetRef.name, primaryName(targetRef.name), previousName(targetRef.name)].includes(name),
    );

  const configs = <T extends KubeObject>(resource: Resource<T>, kind: 'configmap' | 'secret'): Source =>
    from(resource, (canary, name) => canary.status?.trackedConfigs?.[configId({ kind, name })] !== undefined);

  /** A canary's state is the business of its whole group. */
  const members = ({ metadata }: Canary): string[] => {
    const group = metadata?.labels?.[GROUP];
    return group ? concerned({ metadata }, (c) => c.metadata?.labels?.[GROUP] === group) : [];
  };

  return [
    changesOf(canaries, (canary) => [keyTextOf(canary), ...members(canary)]),
    targets(Deployments),
    targets(DaemonSets),
    targets(Services),
    configs(ConfigMaps, 'configmap'),
    configs(Secrets, 'secret'),
    from(HorizontalPodAutoscalers, (canary, name) => canary.spec.autoscalerRef?.name === name),
  ];
}
