package main

import (
	"context"
	"fmt"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/cache"
)

// counts what an informer tells.
type counts struct{ added, updated, deleted atomic.Int32 }

func (c *counts) handler() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { c.added.Add(1) },
		UpdateFunc: func(_, _ any) { c.updated.Add(1) },
		DeleteFunc: func(any) { c.deleted.Add(1) },
	}
}

func (c *counts) are(added, updated, deleted int32) func() (bool, error) {
	return func() (bool, error) {
		return c.added.Load() == added && c.updated.Load() == updated && c.deleted.Load() == deleted, nil
	}
}

func sharedInformers(ctx context.Context, k *kit) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	factory := informers.NewSharedInformerFactoryWithOptions(k.client, 0, informers.WithNamespace(namespace),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = "watched=yes" }))
	maps := factory.Core().V1().ConfigMaps()
	var seen counts
	if _, err := maps.Informer().AddEventHandler(seen.handler()); err != nil {
		return err
	}
	// As many as a controller has: all on one connection, where the server speaks HTTP/2.
	all := []cache.SharedIndexInformer{
		factory.Core().V1().Pods().Informer(), factory.Core().V1().Services().Informer(), factory.Core().V1().Secrets().Informer(),
		factory.Apps().V1().Deployments().Informer(), factory.Apps().V1().ReplicaSets().Informer(), factory.Apps().V1().StatefulSets().Informer(),
		factory.Batch().V1().Jobs().Informer(), factory.Discovery().V1().EndpointSlices().Informer(), factory.Networking().V1().Ingresses().Informer(),
	}
	one := configMap("watched", nil)
	one.Labels = map[string]string{"watched": "yes"}
	if _, err := k.client.CoreV1().ConfigMaps(namespace).Create(ctx, one, create); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("%v was not synced", kind)
		}
	}
	for _, informer := range all {
		if !informer.HasSynced() {
			return fmt.Errorf("one was not synced")
		}
	}
	if err := until(ctx, "the first", seen.are(1, 0, 0)); err != nil {
		return err
	}
	one.Data = map[string]string{"a": "1"}
	if _, err := k.client.CoreV1().ConfigMaps(namespace).Update(ctx, one, update); err != nil {
		return err
	}
	if err := until(ctx, "the update", seen.are(1, 1, 0)); err != nil {
		return err
	}
	// To leave the selector is to go.
	one.Labels = map[string]string{}
	if _, err := k.client.CoreV1().ConfigMaps(namespace).Update(ctx, one, update); err != nil {
		return err
	}
	if err := until(ctx, "the end", seen.are(1, 1, 1)); err != nil {
		return err
	}
	left, err := maps.Lister().List(labels.Everything())
	return first(err, same("left", len(left), 0), k.wire.has("GET", "sendInitialEvents=true", "resourceVersionMatch=NotOlderThan", "200"))
}

const boats = `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"boats.go.example.com"},
"spec":{"group":"go.example.com","scope":"Namespaced","names":{"plural":"boats","singular":"boat","kind":"Boat"},
"versions":[{"name":"v1","served":true,"storage":true,"subresources":{"status":{}},"schema":{"openAPIV3Schema":{"type":"object",
"properties":{"spec":{"type":"object","properties":{"length":{"type":"integer"}}},"status":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}}}]}}`

func dynamicKinds(ctx context.Context, k *kit) error {
	client, err := dynamic.NewForConfig(k.config)
	if err != nil {
		return err
	}
	var crd unstructured.Unstructured
	if err = crd.UnmarshalJSON([]byte(boats)); err != nil {
		return err
	}
	crds := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	if _, err = crds.Create(ctx, &crd, create); err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(k.client.Discovery()))
	var resource schema.GroupVersionResource
	if err = until(ctx, "the new kind is served", func() (bool, error) {
		mapping, err := mapper.RESTMapping(schema.GroupKind{Group: "go.example.com", Kind: "Boat"})
		if err != nil {
			mapper.Reset()
			return false, nil
		}
		resource = mapping.Resource
		return true, nil
	}); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	factory := dynamicinformer.NewDynamicSharedInformerFactory(client, 0)
	var seen counts
	if _, err = factory.ForResource(resource).Informer().AddEventHandler(seen.handler()); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	boat := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "go.example.com/v1", "kind": "Boat", "metadata": map[string]any{"name": "sloop"},
		"spec": map[string]any{"length": int64(7)}, "status": map[string]any{"ignored": true},
	}}
	made, err := client.Resource(resource).Namespace(namespace).Create(ctx, boat, create)
	if err != nil {
		return err
	}
	made.Object["status"] = map[string]any{"afloat": true}
	if made, err = client.Resource(resource).Namespace(namespace).UpdateStatus(ctx, made, update); err != nil {
		return err
	}
	afloat, _, _ := unstructured.NestedBool(made.Object, "status", "afloat")
	ignored, found, _ := unstructured.NestedBool(made.Object, "status", "ignored")
	boat.Object["spec"] = map[string]any{"length": int64(8)}
	delete(boat.Object, "status")
	if _, err = client.Resource(resource).Namespace(namespace).Apply(ctx, "sloop", boat, metav1.ApplyOptions{FieldManager: "go", Force: true}); err != nil {
		return err
	}
	if err = client.Resource(resource).Namespace(namespace).Delete(ctx, "sloop", metav1.DeleteOptions{}); err != nil {
		return err
	}
	if err = until(ctx, "its events", seen.are(1, 2, 1)); err != nil {
		return err
	}
	stop()
	return first(same("afloat", afloat, true), same("ignored", ignored || found, false),
		crds.Delete(context.Background(), "boats.go.example.com", metav1.DeleteOptions{}))
}

func metadataOnly(ctx context.Context, k *kit) error {
	client, err := metadata.NewForConfig(k.config)
	if err != nil {
		return err
	}
	resource := corev1.SchemeGroupVersion.WithResource("secrets")
	list, err := client.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	if len(list.Items) == 0 || list.Items[0].Kind != "PartialObjectMetadata" {
		return fmt.Errorf("the list holds %d, of kind %q", len(list.Items), list.Items[0].Kind)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	factory := metadatainformer.NewFilteredSharedInformerFactory(client, 0, namespace, nil)
	informer := factory.ForResource(resource).Informer()
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	return same("in the cache", len(informer.GetStore().List()), len(list.Items))
}
