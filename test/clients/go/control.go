package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// Two stand for election: one leads, and the other once the first has stepped down.
func leaderElection(ctx context.Context, k *kit) error {
	leads := make(chan string, 2)
	stand := func(ctx context.Context, id string) error {
		lock := &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: "election"},
			Client:     k.client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: id},
		}
		elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
			Lock: lock, LeaseDuration: 2 * time.Second, RenewDeadline: time.Second, RetryPeriod: 100 * time.Millisecond, ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { leads <- id }, OnStoppedLeading: func() {}},
		})
		if err == nil {
			go elector.Run(ctx)
		}
		return err
	}
	one, stepDown := context.WithCancel(ctx)
	if err := first(stand(one, "one"), same("the first", <-leads, "one"), stand(ctx, "two")); err != nil {
		return err
	}
	time.Sleep(300 * time.Millisecond)
	stepDown()
	return first(same("the second", <-leads, "two"), k.wire.has("PUT", "/leases/election", protobuf, "200"))
}

func eventRecorders(ctx context.Context, k *kit) error {
	about, err := k.client.CoreV1().ConfigMaps(namespace).Create(ctx, configMap("told", nil), create)
	if err != nil {
		return err
	}
	old := record.NewBroadcaster(record.WithContext(ctx))
	defer old.Shutdown()
	old.StartRecordingToSink(&typedcore.EventSinkImpl{Interface: k.client.CoreV1().Events("")})
	recorder := old.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "go"})
	for range 3 {
		recorder.Event(about, corev1.EventTypeNormal, "Old", "said by the old recorder")
	}
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: k.client.EventsV1()})
	defer broadcaster.Shutdown()
	if err := broadcaster.StartRecordingToSinkWithContext(ctx); err != nil {
		return err
	}
	broadcaster.NewRecorder(scheme.Scheme, "go").Eventf(about, nil, corev1.EventTypeNormal, "New", "Doing", "said by the new recorder")
	var found *eventsv1.EventList
	return until(ctx, "both are seen, the old one counted", func() (bool, error) {
		list, err := k.client.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=told,reason=Old"})
		if err != nil {
			return false, err
		}
		found, err = k.client.EventsV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "reason=New"})
		if err != nil {
			return false, err
		}
		return len(list.Items) == 1 && list.Items[0].Count == 3 && len(found.Items) == 1 && found.Items[0].Note == "said by the new recorder", nil
	})
}

const finalizer = "go.example.com/clean"

type copier struct{ client.Client }

// Reconcile keeps a copy of a ConfigMap that is labelled so, and cleans up before the original goes.
func (c copier) Reconcile(ctx context.Context, r ctrl.Request) (ctrl.Result, error) {
	var original corev1.ConfigMap
	if err := c.Get(ctx, r.NamespacedName, &original); err != nil || original.Labels["copy"] != "yes" {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !original.DeletionTimestamp.IsZero() {
		if controllerutil.RemoveFinalizer(&original, finalizer) {
			return ctrl.Result{}, c.Update(ctx, &original)
		}
		return ctrl.Result{}, nil
	}
	if controllerutil.AddFinalizer(&original, finalizer) {
		if err := c.Update(ctx, &original); err != nil {
			return ctrl.Result{}, err
		}
	}
	duplicate := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: r.Name + "-copy"}}
	_, err := controllerutil.CreateOrUpdate(ctx, c, duplicate, func() error {
		duplicate.Data = original.Data
		return controllerutil.SetControllerReference(&original, duplicate, c.Scheme())
	})
	return ctrl.Result{}, err
}

func manager(ctx context.Context, k *kit) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	m, err := ctrl.NewManager(k.config, ctrl.Options{
		Metrics: server.Options{BindAddress: "0"}, HealthProbeBindAddress: "0",
		LeaderElection: true, LeaderElectionID: "copier", LeaderElectionNamespace: namespace,
	})
	if err != nil {
		return err
	}
	if err = ctrl.NewControllerManagedBy(m).For(&corev1.ConfigMap{}).Owns(&corev1.ConfigMap{}).Complete(copier{m.GetClient()}); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- m.Start(ctx) }()
	maps := k.client.CoreV1().ConfigMaps(namespace)
	original := configMap("original", map[string]string{"a": "1"})
	original.Labels = map[string]string{"copy": "yes"}
	if _, err = maps.Create(ctx, original, create); err != nil {
		return err
	}
	if err = until(ctx, "the copy is there, and again after it was deleted", func() (bool, error) {
		found, err := maps.Get(ctx, "original-copy", get)
		return err == nil && found.Data["a"] == "1", nil
	}); err != nil {
		return err
	}
	if err = maps.Delete(ctx, "original", metav1.DeleteOptions{}); err != nil {
		return err
	}
	if err = until(ctx, "both are gone", func() (bool, error) {
		_, err := maps.Get(ctx, "original", get)
		_, copyErr := maps.Get(ctx, "original-copy", get)
		return apierrors.IsNotFound(err) && apierrors.IsNotFound(copyErr), nil
	}); err != nil {
		return err
	}
	stop()
	if err := <-ended; err != nil {
		return fmt.Errorf("the manager ended: %w", err)
	}
	return nil
}
