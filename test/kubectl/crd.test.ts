/** Kinds that people define themselves: from the definition to its removal. */
import { kubectlTable } from './table.ts';

const BOATS = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: boats.sea.example.com }
spec:
  group: sea.example.com
  scope: Namespaced
  names: { plural: boats, kind: Boat, shortNames: [bo], categories: [all] }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          description: A vessel.
          properties:
            spec:
              type: object
              required: [length]
              x-kubernetes-validations:
                - { rule: "self.crew <= self.length", message: more crew than room }
                - { rule: "self.harbour == oldSelf.harbour", message: a boat stays in its harbour, fieldPath: .harbour }
              properties:
                length: { type: integer, minimum: 1, description: In metres. }
                crew: { type: integer, default: 1 }
                harbour: { type: string, maxLength: 20, default: home }
                cargo: { type: object, x-kubernetes-preserve-unknown-fields: true }
            status:
              type: object
              properties: { crew: { type: integer }, afloat: { type: boolean } }
      selectableFields: [{ jsonPath: .spec.harbour }]
      subresources: { status: {}, scale: { specReplicasPath: .spec.crew, statusReplicasPath: .status.crew } }
      additionalPrinterColumns:
        - { name: Length, type: integer, jsonPath: .spec.length }
        - { name: Harbour, type: string, jsonPath: .spec.harbour, priority: 1 }
        - { name: Age, type: date, jsonPath: .metadata.creationTimestamp }
    - name: v1beta1
      served: true
      storage: false
      deprecated: true
      deprecationWarning: sea.example.com/v1beta1 Boat is old
      schema:
        openAPIV3Schema: { type: object, properties: { spec: { type: object, x-kubernetes-preserve-unknown-fields: true } } }
`;
const boat = (name: string, spec: string, version = 'v1'): string =>
  `apiVersion: sea.example.com/${version}\nkind: Boat\nmetadata: { name: ${name} }\nspec: ${spec}\n`;

kubectlTable({
  'a kind of one’s own is known, shown and selected': [
    { run: 'apply -f -', input: BOATS, out: 'customresourcedefinition.apiextensions.k8s.io/boats.sea.example.com created' },
    { run: 'wait --for=condition=Established crd/boats.sea.example.com --timeout=5s', out: /condition met/ },
    { run: 'explain boats', out: [/GROUP:\s+sea\.example\.com/, /A vessel\./] },
    { run: 'explain boats.spec.length', out: /In metres\./ },
    { run: 'api-resources --api-group=sea.example.com', out: /boats\s+bo\s+sea\.example\.com\/v1\s+true\s+Boat/ },
    { run: 'apply -f -', input: boat('first', '{ length: 5, cargo: { any: [1] } }'), out: 'boat.sea.example.com/first created' },
    { run: 'get bo', out: /NAME\s+LENGTH\s+AGE\nfirst\s+5\s+\d+s/ },
    { run: 'get boats -o wide', out: /NAME\s+LENGTH\s+HARBOUR\s+AGE\nfirst\s+5\s+home/ },
    { run: 'get all', out: /boat\.sea\.example\.com\/first/ },
    { run: 'get boat first -o jsonpath={.spec}', out: /"crew":1/ },
    { run: 'get boats --field-selector spec.harbour=home -o name', out: 'boat.sea.example.com/first' },
    { run: 'get boats --field-selector spec.harbour=away -o name', out: '' },
    { run: 'get boats.v1beta1.sea.example.com first -o jsonpath={.apiVersion}', out: 'sea.example.com/v1beta1', err: /Boat is old/ },
  ],
  'what is wrong is told with its place': [
    {
      run: 'apply -f -',
      input: boat('bad', '{ length: 0 }'),
      code: 1,
      err: /spec\.length: Invalid value: 0: spec\.length in body should be greater than or equal to 1/,
    },
    { run: 'apply -f -', input: boat('bad', '{}'), code: 1, err: /spec\.length: Required value/ },
    { run: 'apply -f -', input: boat('bad', '{ length: 2, crew: 3 }'), code: 1, err: /spec: Invalid value: more crew than room/ },
    {
      run: 'apply -f -',
      input: boat('bad', '{ length: 2, wheels: 4 }'),
      code: 1,
      err: /strict decoding error: unknown field "spec\.wheels"/,
    },
    { run: 'apply -f -', input: boat('good', '{ length: 2 }'), out: /created/ },
    {
      run: 'patch boat good --type=merge -p {"spec":{"harbour":"away"}}',
      code: 1,
      err: /spec\.harbour: Invalid value: a boat stays in its harbour/,
    },
    {
      run: 'create -f -',
      input: BOATS.replaceAll('boats', 'ships').replace('self.crew', 'self.crews'),
      code: 1,
      err: /compilation failed: ERROR: <input>:1:5: undefined field 'crews'/,
    },
  ],
  'it scales, has a status, and goes': [
    { run: 'apply -f -', input: boat('big', '{ length: 9 }'), out: /created/ },
    { run: 'scale boat big --replicas=4', out: 'boat.sea.example.com/big scaled' },
    { run: 'get boat big -o jsonpath={.spec.crew}', out: '4' },
    { run: 'scale boat big --replicas=10', code: 1, err: /more crew than room/ },
    { run: 'patch boat big --subresource=status --type=merge -p {"status":{"afloat":true}}', out: /patched/ },
    { run: 'wait boat/big --for=jsonpath={.status.afloat}=true --timeout=5s', out: /condition met/ },
    { run: 'delete crd boats.sea.example.com --timeout=10s', out: /deleted/ },
    { run: 'get boats', code: 1, err: /could not find the requested resource|doesn't have a resource type/ },
  ],
});
