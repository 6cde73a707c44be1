/** Kinds that other clusters get from definitions, and that are here from the start. */
import { kubectlTable } from './table.ts';

/** As a later release of Flagger may bring it. */
const DEFINITION = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: canaries.flagger.app
spec:
  group: flagger.app
  names: { kind: Canary, listKind: CanaryList, plural: canaries, singular: canary }
  scope: Namespaced
  versions:
    - name: v1beta1
      served: true
      storage: true
      subresources: { status: {} }
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                pause: { type: boolean }
`;

const canary = (name: string, more: string): string => `
apiVersion: flagger.app/v1beta1
kind: Canary
metadata: { name: ${name} }
spec:
  targetRef: { apiVersion: apps/v1, kind: Deployment, name: ${name} }
  service: { port: 9898 }
  analysis: { interval: 30s, threshold: 5, stepWeight: 10 }
  ${more}
`;

const ROUTE = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: web }
spec:
  hostnames: [web.example.com]
  rules: [{ backendRefs: [{ name: web, port: 80 }] }]
`;

kubectlTable({
  'definitions are listed, read and waited for': [
    {
      run: 'get crds',
      out: [/canaries\.flagger\.app\s+\d{4}-/, /virtualservices\.networking\.istio\.io/, /httproutes\.gateway\.networking\.k8s\.io/],
    },
    {
      run: 'get crd canaries.flagger.app -o yaml',
      out: [/storage: true/, /jsonPath: \.status\.canaryWeight/, /stepWeight:/, /type: Established/],
    },
    { run: 'wait --for=condition=Established crd/gitrepositories.source.toolkit.fluxcd.io --timeout=5s', out: /condition met/ },
    { run: 'describe crd peerauthentications.security.istio.io', out: /Plural:\s+peerauthentications/ },
    { run: 'get --raw /apis/flagger.app/v1beta1/canaries?limit=1', out: /"kind":"CanaryList"/ },
  ],
  'every family is explained': [
    { run: 'explain canary.spec.analysis', out: [/stepWeight\s+<number>/, /How much weight each step adds/] },
    { run: 'explain vs.spec.http.retries.perTryTimeout', out: [/FIELD: perTryTimeout <string>/, /Limit of each try/] },
    { run: 'explain dr.spec.trafficPolicy.outlierDetection --recursive', out: /consecutive5xxErrors\s+<integer>/ },
    { run: 'explain ks.spec.sourceRef.kind', out: /enum: |ENUM:/i },
    { run: 'explain hr.spec.upgrade.remediation', out: /Attempts before giving up/ },
    { run: 'explain httproute.spec.rules.filters.requestRedirect', out: [/statusCode\s+<integer>/, /Status of the answer/] },
    { run: 'explain canary --api-version=flagger.app/v1alpha3 --recursive', out: [/VERSION:\s+v1alpha3/, /canaryAnalysis/] },
  ],
  'objects have the columns of their definitions': [
    { run: 'apply -f -', input: canary('podinfo', ''), out: 'canary.flagger.app/podinfo created' },
    { run: 'apply --validate=strict -f -', input: ROUTE, out: /httproute.*web created/ },
    { run: 'get canaries', out: /^NAME\s+STATUS\s+WEIGHT\s+LASTTRANSITIONTIME\npodinfo/ },
    { run: 'get canary -o wide', out: /SUSPENDED\s+FAILEDCHECKS\s+INTERVAL\s+MIRROR\s+STEPWEIGHT/ },
    { run: 'get httproutes', out: /^NAME\s+HOSTNAMES\s+AGE\nweb\s+\["web\.example\.com"\]/ },
    { run: 'get gateway-api', out: /httproute\.gateway\.networking\.k8s\.io\/web|web\s/ },
    { run: 'apply -f -', input: canary('typo', 'skipAnalisis: true'), code: 1, err: /unknown field "spec\.skipAnalisis"/ },
  ],
  'a definition on top adds to the kind, and its end is the end of the objects': [
    { run: 'apply -f -', input: DEFINITION, out: 'customresourcedefinition.apiextensions.k8s.io/canaries.flagger.app configured' },
    { run: 'apply -f -', input: canary('paused', 'pause: true'), out: 'canary.flagger.app/paused created' },
    { run: 'get canary paused -o jsonpath={.spec.pause}', out: /^true$/ },
    { run: 'apply -f -', input: canary('bad', '').replace('30s', '30h'), code: 1, err: /spec\.analysis\.interval/ },
    { run: 'delete crd canaries.flagger.app --timeout=20s', out: /"canaries\.flagger\.app" deleted/ },
    { run: 'get canaries', err: /No resources found/ },
    { run: 'get crd canaries.flagger.app', out: /canaries\.flagger\.app/ },
    { run: 'delete crd metrictemplates.flagger.app --timeout=20s', out: /"metrictemplates\.flagger\.app" deleted/ },
    { run: 'apply -f -', input: canary('again', ''), out: 'canary.flagger.app/again created' },
  ],
});
