import type { Container, LifecycleHandler, PodSpec, Probe } from 'kubernetes-types/core/v1.js';
import { canonicalQuantity, parseQuantity } from '../../../base/index.ts';
import {
  asGo,
  type Causes,
  checkPort,
  checkPortOrName,
  checkResourceName,
  CONTAINER_RESOURCES,
  dnsLabel,
  dnsSubdomain,
  envName,
  follow,
  portName,
  qualifiedName,
} from '../check.ts';
import { addressVersion } from '../ip.ts';
import { checkFieldPath, checkReferent, ENV_FIELDS } from './field-paths.ts';
import { checkPlacement } from './placement-validation.ts';
import { checkLocalPath, checkVolumes } from './volume-validation.ts';

type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & LifecycleHandler;

/** Checks a pod spec, in a pod or in a template; `claims` are volumes it gets from elsewhere. */
export function checkPodSpec(causes: Causes, at: string, spec: PodSpec, claims: readonly string[] = []): void {
  const volumes = new Set([...checkVolumes(causes, `${at}.volumes`, spec), ...claims]);
  const names = new Set<string>();
  if (!spec.containers?.length) causes.required(`${at}.containers`);
  const scope = { names, volumes, grace: spec.terminationGracePeriodSeconds ?? 30 };
  spec.containers?.forEach((c, i) => checkContainer(causes, `${at}.containers[${i}]`, c, false, scope));
  spec.initContainers?.forEach((c, i) => checkContainer(causes, `${at}.initContainers[${i}]`, c, true, scope));
  checkHostPorts(causes, `${at}.containers`, spec);
  causes.oneOf(`${at}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']);
  causes.oneOf(`${at}.dnsPolicy`, spec.dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']);
  if (spec.dnsPolicy === 'None' && !spec.dnsConfig) causes.required(`${at}.dnsConfig`, 'must provide `dnsConfig` when `dnsPolicy` is None');
  const address = (field: string, ip: string): void => {
    if (!addressVersion(ip)) causes.invalid(field, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');
  };
  spec.dnsConfig?.nameservers?.forEach((ip, i) => address(`${at}.dnsConfig.nameservers[${i}]`, ip));
  spec.hostAliases?.forEach(({ ip = '' }, i) => address(`${at}.hostAliases[${i}].ip`, ip));
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > MAX_INT32)) {
    causes.invalid(`${at}.activeDeadlineSeconds`, deadline, 'must be between 1 and 2147483647, inclusive');
  }
  if (spec.serviceAccountName) follow(causes, `${at}.serviceAccountName`, spec.serviceAccountName, dnsSubdomain);
  if (spec.nodeName) follow(causes, `${at}.nodeName`, spec.nodeName, dnsSubdomain);
  if (spec.hostname) follow(causes, `${at}.hostname`, spec.hostname, dnsLabel);
  if (spec.subdomain) follow(causes, `${at}.subdomain`, spec.subdomain, dnsLabel);
  if (spec.priorityClassName) follow(causes, `${at}.priorityClassName`, spec.priorityClassName, dnsSubdomain);
  causes.oneOf(`${at}.preemptionPolicy`, spec.preemptionPolicy, ['PreemptLowerPriority', 'Never']);
  spec.readinessGates?.forEach(({ conditionType }, i) =>
    follow(causes, `${at}.readinessGates[${i}].conditionType`, conditionType, qualifiedName),
  );
  spec.schedulingGates?.forEach(({ name }, i) => follow(causes, `${at}.schedulingGates[${i}]`, name, qualifiedName));
  if (spec.os) causes.oneOf(`${at}.os`, spec.os.name, ['linux', 'windows']);
  if (spec.shareProcessNamespace && spec.hostPID) {
    causes.invalid(`${at}.securityContext.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled');
  }
  checkPlacement(causes, at, spec);
  checkSecurity(causes, `${at}.securityContext`, spec.securityContext);
}

const MAX_INT32 = 2_147_483_647;
const SYSCTL = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;

/** Checks what a pod and its containers may say of users and profiles. */
function checkSecurity(
  causes: Causes,
  at: string,
  security: (PodSpec['securityContext'] & Container['securityContext']) | undefined,
): void {
  for (const field of ['runAsUser', 'runAsGroup', 'fsGroup'] as const) {
    const id = security?.[field];
    if (id !== undefined && (id < 0 || id > MAX_INT32)) causes.invalid(`${at}.${field}`, id, 'must be between 0 and 2147483647, inclusive');
  }
  causes.oneOf(`${at}.seccompProfile.type`, security?.seccompProfile?.type, ['Localhost', 'RuntimeDefault', 'Unconfined']);
  causes.oneOf(`${at}.procMount`, security?.procMount, ['Default', 'Unmasked']);
  security?.sysctls?.forEach(({ name }, i) => {
    if (!name) causes.required(`${at}.sysctls[${i}].name`);
    else if (name.length > 253 || !SYSCTL.test(name)) {
      causes.invalid(
        `${at}.sysctls[${i}].name`,
        name,
        'must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$',
      );
    }
  });
}

/** Who has all privileges cannot be kept from having more than it began with. */
function checkPrivileges(causes: Causes, at: string, security: Container['securityContext']): void {
  if (security?.allowPrivilegeEscalation !== false) return;
  const refuse = (why: string): void => causes.invalid(at, asGo(security, SECURITY), why);
  if (security.privileged) refuse('cannot set `allowPrivilegeEscalation` to false and `privileged` to true');
  if (security.capabilities?.add?.some((name) => name === 'CAP_SYS_ADMIN')) {
    refuse('cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN');
  }
}

const SECURITY = {
  Capabilities: null,
  Privileged: null,
  SELinuxOptions: null,
  WindowsOptions: null,
  RunAsUser: null,
  RunAsGroup: null,
  RunAsNonRoot: null,
  ReadOnlyRootFilesystem: null,
  AllowPrivilegeEscalation: null,
  ProcMount: null,
  SeccompProfile: null,
  AppArmorProfile: null,
};

/** Two containers of a pod cannot have the same port of the host. */
function checkHostPorts(causes: Causes, at: string, spec: PodSpec): void {
  const seen = new Set<string>();
  spec.containers?.forEach((c, i) =>
    c.ports?.forEach(({ hostPort, protocol = 'TCP', hostIP = '' }, j) => {
      const port = `${protocol}/${hostIP}/${hostPort}`;
      if (hostPort && seen.has(port)) causes.duplicate(`${at}[${i}].ports[${j}].hostPort`, port);
      seen.add(port);
    }),
  );
}

interface Scope {
  readonly names: Set<string>;
  readonly volumes: ReadonlySet<string>;
  /** Seconds a pod has to stop. */
  readonly grace: number;
}

function checkContainer(causes: Causes, at: string, c: Container, init: boolean, { names, volumes, grace }: Scope): void {
  if (!c.name) causes.required(`${at}.name`);
  else {
    follow(causes, `${at}.name`, c.name, dnsLabel);
    if (names.has(c.name)) causes.duplicate(`${at}.name`, c.name);
    names.add(c.name);
  }
  if (!c.image) causes.required(`${at}.image`);
  else if (c.image !== c.image.trim()) causes.invalid(`${at}.image`, c.image, 'must not have leading or trailing whitespace');
  causes.oneOf(`${at}.imagePullPolicy`, c.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']);
  causes.oneOf(`${at}.terminationMessagePolicy`, c.terminationMessagePolicy, ['File', 'FallbackToLogsOnError']);
  checkPorts(causes, `${at}.ports`, c.ports ?? []);
  checkEnvironment(causes, at, c);
  checkMounts(causes, `${at}.volumeMounts`, c.volumeMounts ?? [], volumes);
  checkResources(causes, `${at}.resources`, c.resources);

  const sidecar = c.restartPolicy === 'Always';
  causes.oneOf(`${at}.restartPolicy`, c.restartPolicy, ['Always', 'Never', 'OnFailure']);
  checkSecurity(causes, `${at}.securityContext`, c.securityContext);
  checkPrivileges(causes, `${at}.securityContext`, c.securityContext);
  if (init && !sidecar && c.lifecycle) {
    causes.forbidden(`${at}.lifecycle`, 'may not be set for init containers without restartPolicy=Always');
  }
  for (const field of ['livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    const probe = c[field];
    if (!probe) continue;
    if (init && !sidecar) causes.forbidden(`${at}.${field}`, 'may not be set for init containers without restartPolicy=Always');
    else checkProbe(causes, `${at}.${field}`, probe, field);
  }
  for (const hook of ['postStart', 'preStop'] as const) {
    const handler = c.lifecycle?.[hook];
    if (!handler || (init && !sidecar)) continue;
    checkHandler(causes, `${at}.lifecycle.${hook}`, handler, ['exec', 'httpGet', 'tcpSocket', 'sleep']);
    const seconds = handler.sleep?.seconds;
    if (seconds !== undefined && (seconds < 0 || seconds > grace)) {
      causes.invalid(
        `${at}.lifecycle.${hook}.sleep`,
        seconds,
        `must be non-negative and less than terminationGracePeriodSeconds (${grace})`,
      );
    }
  }
}

function checkPorts(causes: Causes, at: string, ports: NonNullable<Container['ports']>): void {
  const names = new Set<string>();
  ports.forEach((port, i) => {
    if (port.name) {
      follow(causes, `${at}[${i}].name`, port.name, portName);
      if (names.has(port.name)) causes.duplicate(`${at}[${i}].name`, port.name);
      names.add(port.name);
    }
    checkPort(causes, `${at}[${i}].containerPort`, port.containerPort || undefined);
    if (port.hostPort) checkPort(causes, `${at}[${i}].hostPort`, port.hostPort);
    causes.oneOf(`${at}[${i}].protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']);
  });
}

const RESOURCE_FIELDS = ['limits', 'requests'].flatMap((of) => ['cpu', 'ephemeral-storage', 'memory'].map((name) => `${of}.${name}`));

function checkEnvironment(causes: Causes, at: string, c: Container): void {
  c.env?.forEach((variable, i) => {
    const here = `${at}.env[${i}]`;
    if (!variable.name) causes.required(`${here}.name`);
    else follow(causes, `${here}.name`, variable.name, envName);
    if (!variable.valueFrom) return;
    const sources = Object.keys(variable.valueFrom);
    if (variable.value) causes.invalid(`${here}.valueFrom`, '', 'may not be specified when `value` is not empty');
    if (sources.length === 0)
      causes.invalid(
        `${here}.valueFrom`,
        '',
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
      );
    if (sources.length > 1) causes.invalid(`${here}.valueFrom`, '', 'may not have more than one field specified at a time');
    for (const source of ['configMapKeyRef', 'secretKeyRef'] as const) {
      const ref = variable.valueFrom[source];
      if (!ref) continue;
      checkReferent(causes, `${here}.valueFrom.${source}.name`, ref.name);
      if (!ref.key) causes.required(`${here}.valueFrom.${source}.key`);
    }
    const { fieldRef, resourceFieldRef } = variable.valueFrom;
    if (fieldRef) checkFieldPath(causes, `${here}.valueFrom.fieldRef`, fieldRef.fieldPath, ENV_FIELDS);
    if (resourceFieldRef && !/^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.*)$/.test(resourceFieldRef.resource ?? '')) {
      causes.unsupported(`${here}.valueFrom.resourceFieldRef.resource`, resourceFieldRef.resource ?? '', RESOURCE_FIELDS);
    }
  });
  c.envFrom?.forEach((source, i) => {
    if (!source.configMapRef && !source.secretRef)
      causes.invalid(`${at}.envFrom`, '', 'must specify one of: `configMapRef` or `secretRef`');
    for (const ref of ['configMapRef', 'secretRef'] as const) {
      if (source[ref] && !source[ref].name) causes.required(`${at}.envFrom[${i}].${ref}.name`);
    }
    if (source.prefix) follow(causes, `${at}.envFrom[${i}].prefix`, source.prefix, envName);
  });
}

function checkMounts(causes: Causes, at: string, mounts: NonNullable<Container['volumeMounts']>, volumes: ReadonlySet<string>): void {
  const paths = new Set<string>();
  mounts.forEach((mount, i) => {
    if (!mount.name) causes.required(`${at}[${i}].name`);
    else if (!volumes.has(mount.name)) causes.notFound(`${at}[${i}].name`, mount.name);
    if (!mount.mountPath) causes.required(`${at}[${i}].mountPath`);
    else if (paths.has(mount.mountPath)) causes.invalid(`${at}[${i}].mountPath`, mount.mountPath, 'must be unique');
    paths.add(mount.mountPath);
    // The real server names the field without the index.
    if (mount.subPath) checkLocalPath(causes, `${at}.subPath`, mount.subPath);
  });
}

function checkResources(causes: Causes, at: string, resources: Container['resources']): void {
  for (const field of ['limits', 'requests'] as const) {
    for (const [name, quantity] of Object.entries(resources?.[field] ?? {})) {
      checkContainerResource(causes, `${at}.${field}[${name}]`, name);
      if ((parseQuantity(quantity) ?? 0) < 0)
        causes.invalid(`${at}.${field}[${name}]`, String(quantity), 'must be greater than or equal to 0');
    }
  }
  for (const [name, quantity] of Object.entries(resources?.requests ?? {})) {
    const limit = resources?.limits?.[name];
    if (limit === undefined) continue;
    const [asked, most] = [parseQuantity(quantity), parseQuantity(limit)];
    if (asked === undefined || most === undefined || asked === most) continue;
    // What is not the system's own cannot be promised twice.
    const exact = name.includes('/') || name.startsWith('hugepages-');
    if (exact || asked > most) {
      const how = exact ? 'equal to' : 'less than or equal to';
      causes.invalid(`${at}.requests`, canonicalQuantity(quantity), `must be ${how} ${name} limit of ${canonicalQuantity(limit)}`);
    }
  }
}

function checkContainerResource(causes: Causes, field: string, name: string): void {
  checkResourceName(causes, field, name, CONTAINER_RESOURCES);
  if (name.includes('/') && (qualifiedName(name) || name.startsWith('requests.'))) {
    causes.invalid(field, name, "doesn't follow extended resource name standard");
  }
}

function checkProbe(causes: Causes, at: string, probe: Probe, role: string): void {
  checkHandler(causes, at, probe, ['exec', 'httpGet', 'tcpSocket', 'grpc']);
  for (const field of ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const) {
    causes.nonNegative(`${at}.${field}`, probe[field]);
  }
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined) {
    if (role === 'readinessProbe') causes.invalid(`${at}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes');
    else if (grace <= 0) causes.invalid(`${at}.terminationGracePeriodSeconds`, grace, 'must be greater than 0');
  }
  if (role !== 'readinessProbe' && probe.successThreshold !== undefined && probe.successThreshold !== 1) {
    causes.invalid(`${at}.successThreshold`, probe.successThreshold, 'must be 1');
  }
}

const headerName = (name: string): string | undefined =>
  /^[-A-Za-z0-9]+$/.test(name)
    ? undefined
    : "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";

function checkHandler(causes: Causes, at: string, handler: Handler, kinds: readonly (keyof Handler)[]): void {
  const given = kinds.filter((kind) => handler[kind]);
  if (!given.length) causes.required(at, 'must specify a handler type');
  for (const extra of given.slice(1)) causes.forbidden(`${at}.${extra}`, 'may not specify more than 1 handler type');
  if (handler.exec && !handler.exec.command?.length) causes.required(`${at}.exec.command`);
  if (handler.httpGet) {
    checkPortOrName(causes, `${at}.httpGet.port`, handler.httpGet.port ?? 0);
    for (const { name } of handler.httpGet.httpHeaders ?? []) follow(causes, `${at}.httpGet.httpHeaders`, name, headerName);
    causes.oneOf(`${at}.httpGet.scheme`, handler.httpGet.scheme, ['HTTP', 'HTTPS']);
  }
  if (handler.tcpSocket) checkPortOrName(causes, `${at}.tcpSocket.port`, handler.tcpSocket.port ?? 0);
  if (handler.grpc) checkPort(causes, `${at}.grpc.port`, handler.grpc.port);
}
