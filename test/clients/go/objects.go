package main

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	metaapply "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
	"k8s.io/client-go/tools/pager"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
)

const (
	protobuf = "(application/vnd.kubernetes.protobuf)"
)

var create, update, get = metav1.CreateOptions{}, metav1.UpdateOptions{}, metav1.GetOptions{}

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"from": "go"}}, Data: data}
}

func deployment(name string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(int32(0)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					Containers: []corev1.Container{{
						Name: "app", Image: "img",
						Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("100m")}},
						ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{
							HTTPGet: &corev1.HTTPGetAction{Port: intstr.FromString("http")},
						}},
					}},
					TerminationGracePeriodSeconds: ptr.To(int64(0)),
				},
			},
		},
	}
}

// What is written comes back the same, with the zero that was meant and the defaults of the server.
func typedProtobuf(ctx context.Context, k *kit) error {
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "go"}, Data: map[string][]byte{"k": {0, 255}}}
	made, err := k.client.CoreV1().Secrets(namespace).Create(ctx, secret, create)
	if err != nil {
		return err
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "go"}, Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": "go"}, Ports: []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}},
	}}
	exposed, err := k.client.CoreV1().Services(namespace).Create(ctx, service, create)
	if err != nil {
		return err
	}
	exposed.Spec.Ports[0].Name = "web"
	if exposed, err = k.client.CoreV1().Services(namespace).Update(ctx, exposed, update); err != nil {
		return err
	}
	d, err := k.client.AppsV1().Deployments(namespace).Create(ctx, deployment("go"), create)
	if err != nil {
		return err
	}
	_, err = k.client.AppsV1().Deployments(namespace).Create(ctx, deployment("go"), create)
	if !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("made twice: %v", err)
	}
	bad := deployment("bad")
	bad.Spec.Template.Spec.Containers[0].Image = ""
	if _, err = k.client.AppsV1().Deployments(namespace).Create(ctx, bad, create); !apierrors.IsInvalid(err) {
		return fmt.Errorf("an invalid one: %v", err)
	}
	spec := d.Spec.Template.Spec
	return first(
		same("data", made.Data["k"], []byte{0, 255}),
		same("port", exposed.Spec.Ports[0].Name+exposed.Spec.Ports[0].TargetPort.String(), "web8080"),
		same("replicas", *d.Spec.Replicas, 0),
		same("grace", *spec.TerminationGracePeriodSeconds, 0),
		same("cpu", spec.Containers[0].Resources.Requests.Cpu().String(), "100m"),
		same("probe", spec.Containers[0].ReadinessProbe.HTTPGet.Port.String(), "http"),
		same("default", *d.Spec.RevisionHistoryLimit, 10),
		k.wire.has("POST", "/deployments", protobuf, "201"),
		k.wire.has("PUT", "/services/go", protobuf, "200"),
	)
}

func patches(ctx context.Context, k *kit) error {
	maps := k.client.CoreV1().ConfigMaps(namespace)
	if _, err := maps.Create(ctx, configMap("patched", map[string]string{"a": "1"}), create); err != nil {
		return err
	}
	for kind, body := range map[types.PatchType]string{
		types.JSONPatchType:           `[{"op":"add","path":"/data/json","value":"1"}]`,
		types.MergePatchType:          `{"data":{"merge":"1","a":null}}`,
		types.StrategicMergePatchType: `{"data":{"strategic":"1"}}`,
	} {
		if _, err := maps.Patch(ctx, "patched", kind, []byte(body), metav1.PatchOptions{}); err != nil {
			return err
		}
	}
	dry, err := maps.Patch(ctx, "patched", types.MergePatchType, []byte(`{"data":null}`), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return err
	}
	found, err := maps.Get(ctx, "patched", get)
	if err != nil {
		return err
	}
	return first(same("dry", dry.Data, map[string]string(nil)), same("data", found.Data, map[string]string{"json": "1", "merge": "1", "strategic": "1"}))
}

func serverSideApply(ctx context.Context, k *kit) error {
	apply := func(manager, image string, force bool) (*appsv1.Deployment, error) {
		labels := map[string]string{"app": "applied"}
		wanted := appsapply.Deployment("applied", namespace).WithSpec(appsapply.DeploymentSpec().
			WithReplicas(0).
			WithSelector(metaapply.LabelSelector().WithMatchLabels(labels)).
			WithTemplate(coreapply.PodTemplateSpec().WithLabels(labels).WithSpec(coreapply.PodSpec().
				WithContainers(coreapply.Container().WithName("app").WithImage(image)))))
		return k.client.AppsV1().Deployments(namespace).Apply(ctx, wanted, metav1.ApplyOptions{FieldManager: manager, Force: force})
	}
	one, err := apply("one", "img:1", false)
	if err != nil {
		return err
	}
	again, err := apply("one", "img:1", false)
	if err != nil {
		return err
	}
	if _, err = apply("two", "img:2", false); !apierrors.IsConflict(err) {
		return fmt.Errorf("a field of another: %v", err)
	}
	two, err := apply("two", "img:2", true)
	if err != nil {
		return err
	}
	mine, err := appsapply.ExtractDeployment(two, "one")
	if err != nil {
		return err
	}
	return first(
		same("resourceVersion", again.ResourceVersion, one.ResourceVersion),
		same("image", two.Spec.Template.Spec.Containers[0].Image, "img:2"),
		same("what one still owns", mine.Spec.Template.Spec.Containers[0].Image == nil, true),
	)
}

func subresources(ctx context.Context, k *kit) error {
	deployments := k.client.AppsV1().Deployments(namespace)
	made, err := deployments.Create(ctx, deployment("parts"), create)
	if err != nil {
		return err
	}
	if _, err = deployments.UpdateScale(ctx, "parts", &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Name: "parts", Namespace: namespace}, Spec: autoscalingv1.ScaleSpec{Replicas: 1},
	}, update); err != nil {
		return err
	}
	cached := memory.NewMemCacheClient(k.client.Discovery())
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(cached)
	kinds := scale.NewDiscoveryScaleKindResolver(k.client.Discovery())
	scales, err := scale.NewForConfig(k.config, mapper, dynamic.LegacyAPIPathResolverFunc, kinds)
	if err != nil {
		return err
	}
	found, err := scales.Scales(namespace).Get(ctx, appsv1.Resource("deployments"), "parts", get)
	if err != nil {
		return err
	}
	found.Spec.Replicas, found.ResourceVersion = 0, ""
	if _, err = scales.Scales(namespace).Update(ctx, appsv1.Resource("deployments"), found, update); err != nil {
		return err
	}
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "parts"}, Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{"storage": resource.MustParse("1Gi")}},
	}}
	disk, err := k.client.CoreV1().PersistentVolumeClaims(namespace).Create(ctx, claim, create)
	if err != nil {
		return err
	}
	disk.ResourceVersion = ""
	disk.Status.Phase = corev1.ClaimLost
	disk.Labels = map[string]string{"no": "status"}
	disk, err = k.client.CoreV1().PersistentVolumeClaims(namespace).UpdateStatus(ctx, disk, update)
	if err != nil {
		return err
	}
	return first(
		same("selector", found.Status.Selector, "app=parts"),
		same("replicas before", *made.Spec.Replicas, 0),
		same("phase", disk.Status.Phase, corev1.ClaimLost),
	)
}

func retryOnConflict(ctx context.Context, k *kit) error {
	maps := k.client.CoreV1().ConfigMaps(namespace)
	old, err := maps.Create(ctx, configMap("busy", map[string]string{}), create)
	if err != nil {
		return err
	}
	tries := 0
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		tries++
		seen := old.DeepCopy()
		if tries == 1 {
			if _, err := maps.Patch(ctx, "busy", types.MergePatchType, []byte(`{"data":{"other":"1"}}`), metav1.PatchOptions{}); err != nil {
				return err
			}
		} else if seen, err = maps.Get(ctx, "busy", get); err != nil {
			return err
		}
		seen.Data = map[string]string{"mine": "1"}
		_, err := maps.Update(ctx, seen, update)
		return err
	})
	return first(err, same("tries", tries, 2))
}

func pages(ctx context.Context, k *kit) error {
	maps := k.client.CoreV1().ConfigMaps(namespace)
	for i := range 25 {
		one := configMap(fmt.Sprintf("page-%02d", i), nil)
		one.Labels = map[string]string{"page": "yes"}
		if _, err := maps.Create(ctx, one, create); err != nil {
			return err
		}
	}
	p := pager.New(pager.SimplePageFunc(func(o metav1.ListOptions) (runtime.Object, error) { return maps.List(ctx, o) }))
	p.PageSize = 10
	names := map[string]bool{}
	err := p.EachListItem(ctx, metav1.ListOptions{LabelSelector: "page=yes"}, func(o runtime.Object) error {
		names[o.(*corev1.ConfigMap).Name] = true
		return nil
	})
	return first(err, same("found", len(names), 25), k.wire.has("GET", "limit=10", "continue="))
}

func deletions(ctx context.Context, k *kit) error {
	maps := k.client.CoreV1().ConfigMaps(namespace)
	if _, err := maps.Create(ctx, configMap("precise", nil), create); err != nil {
		return err
	}
	err := maps.Delete(ctx, "precise", *metav1.NewPreconditionDeleteOptions("another"))
	if !apierrors.IsConflict(err) {
		return fmt.Errorf("another uid: %v", err)
	}
	if err = maps.Delete(ctx, "precise", metav1.DeleteOptions{PropagationPolicy: ptr.To(metav1.DeletePropagationForeground)}); err != nil {
		return err
	}
	if err = until(ctx, "gone", func() (bool, error) {
		_, err := maps.Get(ctx, "precise", get)
		return apierrors.IsNotFound(err), nil
	}); err != nil {
		return err
	}
	if err = maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "page=yes"}); err != nil {
		return err
	}
	left, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "page=yes"})
	if err != nil {
		return err
	}
	return first(same("left", len(left.Items), 0), k.wire.has("DELETE", "labelSelector=page%3Dyes"))
}

func discoveryDocuments(_ context.Context, k *kit) error {
	groups, lists, err := k.client.Discovery().ServerGroupsAndResources()
	if err != nil {
		return err
	}
	if len(groups) < 10 || len(lists) < 10 {
		return fmt.Errorf("only %d groups, %d lists", len(groups), len(lists))
	}
	preferred, err := discovery.ServerPreferredResources(k.client.Discovery())
	if err != nil || len(preferred) == 0 {
		return fmt.Errorf("preferred: %d, %v", len(preferred), err)
	}
	version, err := k.client.Discovery().ServerVersion()
	if err != nil {
		return err
	}
	paths, err := k.client.Discovery().OpenAPIV3().Paths()
	if err != nil {
		return err
	}
	document, err := paths["apis/apps/v1"].Schema("application/json")
	if err != nil {
		return err
	}
	if len(document) < 10_000 {
		return fmt.Errorf("a document of %d bytes", len(document))
	}
	return same("version", version.GitVersion, "v1.35.2")
}

