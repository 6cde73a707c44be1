package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/client-go/util/exec"
	"k8s.io/utils/ptr"
)

func accessReviews(ctx context.Context, k *kit) error {
	pods := &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "list", Resource: "pods"}
	self, err := k.client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx,
		&authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: pods}}, create)
	if err != nil {
		return err
	}
	other, err := k.client.AuthorizationV1().SubjectAccessReviews().Create(ctx,
		&authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{ResourceAttributes: pods, User: "nobody"}}, create)
	if err != nil {
		return err
	}
	rules, err := k.client.AuthorizationV1().SelfSubjectRulesReviews().Create(ctx,
		&authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}, create)
	if err != nil {
		return err
	}
	return first(same("own", self.Status.Allowed, true), same("nobody's", other.Status.Allowed, false), same("rules", len(rules.Status.ResourceRules) > 0, true))
}

func tokens(ctx context.Context, k *kit) error {
	accounts := k.client.CoreV1().ServiceAccounts(namespace)
	if _, err := accounts.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "go"}}, create); err != nil {
		return err
	}
	given, err := accounts.CreateToken(ctx, "go", &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To(int64(600))},
	}, create)
	if err != nil {
		return err
	}
	review, err := k.client.AuthenticationV1().TokenReviews().Create(ctx,
		&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: given.Status.Token}}, create)
	if err != nil {
		return err
	}
	config := rest.AnonymousClientConfig(k.config)
	config.BearerToken = given.Status.Token
	robot := kubernetes.NewForConfigOrDie(config)
	me, err := robot.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, create)
	if err != nil {
		return err
	}
	_, err = robot.CoreV1().Secrets(namespace).List(ctx, metav1.ListOptions{})
	const name = "system:serviceaccount:default:go"
	return first(
		same("reviewed", review.Status.User.Username, name),
		same("used", me.Status.UserInfo.Username, name),
		same("forbidden what was not granted", apierrors.IsForbidden(err), true),
	)
}

func logs(ctx context.Context, k *kit) error {
	text, err := k.client.CoreV1().Pods(namespace).GetLogs(k.pod, &corev1.PodLogOptions{TailLines: ptr.To(int64(1))}).DoRaw(ctx)
	return first(err, same("the log", string(text), "hello\n"))
}

func (k *kit) execURL(command ...string) *rest.Request {
	return k.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(k.pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: "app", Command: command, Stdin: true, Stdout: true, Stderr: true}, scheme.ParameterCodec)
}

func run(ctx context.Context, executor remotecommand.Executor) error {
	var out, errOut bytes.Buffer
	large := strings.Repeat("x", 200_000)
	err := executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: strings.NewReader(large), Stdout: &out, Stderr: &errOut})
	var exit exec.CodeExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("ended with %v", err)
	}
	return first(same("exit code", exit.Code, 3), same("stdout", out.Len(), len(large)), same("stderr", errOut.String(), "err\n"))
}

var command = []string{"sh", "-c", "cat; echo err >&2; exit 3"}

func execSPDY(ctx context.Context, k *kit) error {
	executor, err := remotecommand.NewSPDYExecutor(k.config, http.MethodPost, k.execURL(command...).URL())
	if err != nil {
		return err
	}
	return run(ctx, executor)
}

func execWebSocket(ctx context.Context, k *kit) error {
	executor, err := remotecommand.NewWebSocketExecutor(k.config, http.MethodGet, k.execURL(command...).URL().String())
	if err != nil {
		return err
	}
	return run(ctx, executor)
}

func (k *kit) forward(ctx context.Context, dialer httpstream.Dialer) error {
	stop, ready, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	forwarder, err := portforward.New(dialer, []string{fmt.Sprintf("0:%d", k.port)}, stop, ready, io.Discard, io.Discard)
	if err != nil {
		return err
	}
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-ready:
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		return err
	}
	for range 3 {
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", ports[0].Local))
		if err != nil {
			return err
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err := first(err, same("answer", string(text), "pong")); err != nil {
			return err
		}
	}
	close(stop)
	return <-ended
}

func (k *kit) forwardURL() *rest.Request {
	return k.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(k.pod).SubResource("portforward")
}

func forwardSPDY(ctx context.Context, k *kit) error {
	transport, upgrader, err := spdy.RoundTripperFor(k.config)
	if err != nil {
		return err
	}
	return k.forward(ctx, spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, k.forwardURL().URL()))
}

func forwardWebSocket(ctx context.Context, k *kit) error {
	dialer, err := portforward.NewSPDYOverWebsocketDialer(k.forwardURL().URL(), k.config)
	if err != nil {
		return err
	}
	return k.forward(ctx, dialer)
}

func eviction(ctx context.Context, k *kit) error {
	pods := k.client.CoreV1().Pods(namespace)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "evicted"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "img"}}}}
	if _, err := pods.Create(ctx, pod, create); err != nil {
		return err
	}
	err := k.client.PolicyV1().Evictions(namespace).Evict(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "evicted"}})
	if err != nil {
		return err
	}
	return until(ctx, "the pod is gone", func() (bool, error) {
		_, err := pods.Get(ctx, "evicted", get)
		return apierrors.IsNotFound(err), nil
	})
}
