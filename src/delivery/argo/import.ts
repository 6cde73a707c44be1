/** Rollouts of Argo as Deployments, Canaries and MetricTemplates, with all that has no equivalent named. Pure. */
import type { Canary, CanaryAnalysis, KubeObject } from '../../api/index.ts';
import { Fault } from '../../base/index.ts';
import { blueGreenCourse, canaryCourse } from './course.ts';
import { measuresOf } from './metrics.ts';
import { fields, Notes, number, sourcesIn, text, type Fields, type Note, type Source } from './source.ts';
import { targetOf, trafficOf } from './traffic.ts';

export interface Imported {
  /** To apply, in this order. */
  readonly objects: readonly KubeObject[];
  readonly notes: readonly Note[];
}

const LEFT_OUT: Readonly<Record<string, string>> = {
  rollbackWindow: 'left out: going back to the promoted version is no release and takes no steps',
  restartAt: 'left out: kubectl rollout restart of the Deployment is a release',
  analysis: 'left out: the last ten releases and what was measured are kept in the status of the Canary',
  progressDeadlineAbort: 'left out: a release that exceeds its deadline is always rolled back',
};
const NOTIFICATIONS = 'notifications.argoproj.io/';
const MADE_BY_TOOLS = /^(kubectl\.kubernetes\.io|rollout\.argoproj\.io)\//;

/** Documents as YAML has them: Rollouts, and what they name (AnalysisTemplates, Services, routes, autoscalers). */
export function importRollouts(documents: readonly unknown[]): Imported {
  const sources = sourcesIn(documents);
  const rollouts = sources.filter((s) => s.kind === 'Rollout');
  if (rollouts.length === 0)
    throw new Fault('NoRollout', 'there is no Rollout in what was given', {
      hint: 'Give it with what it names: kubectl get rollout,analysistemplate,service,virtualservice,hpa -n NAMESPACE -o yaml',
    });
  const notes = new Notes();
  const objects = new Map<string, KubeObject>();
  for (const rollout of rollouts)
    for (const object of objectsOf(rollout, sources, notes))
      objects.set(`${object.kind} ${object.metadata?.namespace ?? ''}/${object.metadata?.name}`, object);
  return { objects: [...objects.values()], notes: notes.all };
}

function objectsOf(rollout: Source, sources: readonly Source[], notes: Notes): KubeObject[] {
  const { spec, namespace } = rollout;
  const strategy = fields(spec['strategy']);
  if (!strategy['canary'] && !strategy['blueGreen']) {
    notes.add(rollout, 'spec.strategy', 'there is neither canary nor blueGreen: a Deployment does what this does, and no Canary is made');
    return deploymentOf(rollout, notes);
  }
  for (const [field, why] of Object.entries(LEFT_OUT)) if (spec[field] !== undefined) notes.add(rollout, `spec.${field}`, why);
  for (const name of Object.keys(fields(rollout.metadata['annotations'])).filter((k) => k.startsWith(NOTIFICATIONS)))
    notes.add(
      rollout,
      `metadata.annotations[${name}]`,
      'left out: make an AlertProvider with the address, and name it in analysis.alerts of the Canary',
    );
  const traffic = trafficOf(rollout, sources, notes);
  const green = strategy['blueGreen'] ? blueGreenCourse(rollout, notes) : undefined;
  const { asked, analysis } = green ? green.course : canaryCourse(rollout, notes);
  const measured = measuresOf(asked, { rollout, namespace, sources, notes });
  if (measured.metrics.length === 0)
    notes.add(
      rollout,
      'spec.strategy',
      'nothing measures a release: add request-success-rate and request-duration to analysis.metrics, which need no query and switch the judge on',
    );
  const scaler = sources.find(
    (s) =>
      s.kind === 'HorizontalPodAutoscaler' &&
      fields(s.spec['scaleTargetRef'])['kind'] === 'Rollout' &&
      fields(s.spec['scaleTargetRef'])['name'] === rollout.name,
  );
  const whole: CanaryAnalysis = {
    threshold: measured.threshold ?? 1,
    ...analysis,
    ...green?.pace(measured.count, measured.intervalMs),
    ...(measured.metrics.length > 0 ? { metrics: measured.metrics } : {}),
  };
  const { interval, threshold, ...rest } = whole;
  const deadline = number(spec['progressDeadlineSeconds']);
  const canary: Canary = {
    apiVersion: 'flagger.app/v1beta1',
    kind: 'Canary',
    metadata: { name: rollout.name, ...(namespace ? { namespace } : {}) },
    spec: {
      ...(traffic.provider ? { provider: traffic.provider } : {}),
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: targetOf(rollout) },
      ...(traffic.ingressRef ? { ingressRef: traffic.ingressRef } : {}),
      ...(scaler ? { autoscalerRef: { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', name: scaler.name } } : {}),
      ...(deadline === undefined ? {} : { progressDeadlineSeconds: deadline }),
      ...(spec['paused'] === true ? { suspend: true } : {}),
      service: traffic.service,
      analysis: { interval, threshold, ...rest },
    },
  };
  return [...deploymentOf(rollout, notes), ...(scaler ? [scalerOf(scaler, rollout)] : []), ...measured.templates, canary];
}

/** None when the Rollout refers to one. */
function deploymentOf(rollout: Source, notes: Notes): KubeObject[] {
  const { spec, metadata, name, namespace } = rollout;
  const ref = fields(spec['workloadRef']);
  if (text(ref['name'])) {
    if (ref['kind'] !== 'Deployment')
      notes.add(rollout, 'spec.workloadRef', `a ${String(ref['kind'])} cannot be released: make it a Deployment`);
    else
      notes.add(
        rollout,
        'spec.workloadRef',
        `scale Deployment ${String(ref['name'])} up again before the Rollout is deleted, if Argo has scaled it down`,
      );
    return [];
  }
  const labels = fields(metadata['labels']);
  const annotations = Object.fromEntries(
    Object.entries(fields(metadata['annotations'])).filter(([k]) => !MADE_BY_TOOLS.test(k) && !k.startsWith(NOTIFICATIONS)),
  );
  const selected = fields(fields(spec['selector'])['matchLabels']);
  if (!['app', 'name', 'app.kubernetes.io/name'].some((label) => selected[label] !== undefined))
    notes.add(
      rollout,
      'spec.selector',
      `none of app, name and app.kubernetes.io/name is in matchLabels: add one, or name yours (sluice run --selector-labels)`,
    );
  const { maxSurge, maxUnavailable } = fields(fields(spec['strategy'])['canary']);
  const rolling = { ...(maxSurge === undefined ? {} : { maxSurge }), ...(maxUnavailable === undefined ? {} : { maxUnavailable }) };
  const kept: Fields = Object.fromEntries(
    ['replicas', 'selector', 'minReadySeconds', 'revisionHistoryLimit', 'progressDeadlineSeconds', 'template']
      .filter((f) => spec[f] !== undefined)
      .map((f) => [f, spec[f]]),
  );
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name,
        ...(namespace ? { namespace } : {}),
        ...(Object.keys(labels).length > 0 ? { labels: labels as Record<string, string> } : {}),
        ...(Object.keys(annotations).length > 0 ? { annotations: annotations as Record<string, string> } : {}),
      },
      spec: { ...kept, ...(Object.keys(rolling).length > 0 ? { strategy: { type: 'RollingUpdate', rollingUpdate: rolling } } : {}) },
    } as KubeObject,
  ];
}

function scalerOf(scaler: Source, rollout: Source): KubeObject {
  const { name, namespace, labels, annotations } = scaler.metadata;
  const metadata = { name, ...(namespace ? { namespace } : {}), ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) };
  const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: targetOf(rollout) };
  return {
    apiVersion: scaler.object['apiVersion'],
    kind: scaler.kind,
    metadata,
    spec: { ...scaler.spec, scaleTargetRef: target },
  } as KubeObject;
}
