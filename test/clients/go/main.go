// A program as people write them with client-go and controller-runtime. It goes through what such programs do, one check after the
// other, and says one line of JSON for each: its name, what went wrong, and the requests that went over the wire.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
)

const namespace = "default"

// kit is what every check is given.
type kit struct {
	config *rest.Config
	client kubernetes.Interface
	wire   *wire
	// A running pod that has logged "hello", and the port that something answers "pong" at in it.
	pod  string
	port int
}

var checks = []struct {
	name string
	run  func(context.Context, *kit) error
}{
	{"typed clients send protobuf", typedProtobuf},
	{"JSON bodies, JSON, merge and strategic patches", patches},
	{"server-side apply with apply configurations", serverSideApply},
	{"status and scale subresources", subresources},
	{"retry on conflict", retryOnConflict},
	{"pages of a long list", pages},
	{"preconditions, propagation, deletecollection", deletions},
	{"shared informers start with WatchList", sharedInformers},
	{"dynamic client, RESTMapper and informer of a custom kind", dynamicKinds},
	{"metadata client and informer", metadataOnly},
	{"discovery and OpenAPI v3", discoveryDocuments},
	{"leader election by leases", leaderElection},
	{"events of both recorders", eventRecorders},
	{"access reviews", accessReviews},
	{"tokens of service accounts, reviewed and used", tokens},
	{"logs", logs},
	{"exec over SPDY", execSPDY},
	{"exec over WebSocket", execWebSocket},
	{"port-forward over SPDY", forwardSPDY},
	{"port-forward tunnelled in WebSocket", forwardWebSocket},
	{"eviction", eviction},
	{"a controller-runtime manager: cache, owners, finalizers", manager},
}

func main() {
	pod := flag.String("pod", "", "")
	port := flag.Int("port", 0, "")
	flag.Parse()
	klog.SetOutput(io.Discard)
	klog.LogToStderr(false)
	ctrl.SetLogger(klog.Background())

	// The flag -kubeconfig is controller-runtime's.
	config, err := ctrl.GetConfig()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	config.QPS, config.Burst = 500, 500
	k := &kit{config: config, wire: &wire{}, pod: *pod, port: *port}
	config.Wrap(k.wire.around)
	k.client = kubernetes.NewForConfigOrDie(config)
	for _, check := range checks {
		k.wire.take()
		started := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		said := map[string]any{"name": check.name}
		if err := check.run(ctx, k); err != nil {
			said["error"] = err.Error()
		}
		cancel()
		said["ms"] = time.Since(started).Milliseconds()
		said["requests"] = k.wire.take()
		line, _ := json.Marshal(said)
		fmt.Println(string(line))
	}
}

// wire keeps what requests a check makes.
type wire struct {
	sync.Mutex
	seen []string
}

func (w *wire) take() []string {
	w.Lock()
	defer w.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

func (w *wire) has(parts ...string) error {
	w.Lock()
	defer w.Unlock()
next:
	for _, one := range w.seen {
		for _, part := range parts {
			if !strings.Contains(one, part) {
				continue next
			}
		}
		return nil
	}
	return fmt.Errorf("no request with %q among %q", parts, w.seen)
}

func (w *wire) around(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		answer, err := next.RoundTrip(r)
		note := r.Method + " " + r.URL.RequestURI()
		if kind := r.Header.Get("Content-Type"); kind != "" {
			note += " (" + kind + ")"
		}
		if err != nil {
			note += " " + err.Error()
		} else {
			note += fmt.Sprintf(" %d %s", answer.StatusCode, answer.Proto)
		}
		w.Lock()
		w.seen = append(w.seen, note)
		w.Unlock()
		return answer, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// same fails when two values do not print alike.
func same(what string, got, want any) error {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Errorf("%s is %v, not %v", what, got, want)
	}
	return nil
}

// first is the first of several failures.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// until looks again every 20 ms, until it is so or the time is over.
func until(ctx context.Context, what string, so func() (bool, error)) error {
	for {
		if ok, err := so(); err != nil || ok {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not in time", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
