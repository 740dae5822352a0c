package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// concurrency is the number of requests in flight of the loads, and of the raw limit that they are compared with.
const concurrency = 32

// raw is what creates of BillingEvents cost and how fast they are at that concurrency.
type raw struct {
	rate     float64 // a second
	p50, p99 time.Duration
	cpu      time.Duration // of the API server, a create
}

// rawLimit measures creates at several concurrencies. The bodies are encoded before, and the client reads nothing.
func (b *bench) rawLimit(ctx context.Context, span time.Duration, found figures) (raw, error) {
	var limit raw
	for _, c := range []int{1, 8, concurrency, 128} {
		r, err := b.rawAt(ctx, c, span)
		if err != nil {
			return raw{}, err
		}
		found[fmt.Sprintf("raw, c = %d: creates a second", c)] = r.rate
		found[fmt.Sprintf("raw, c = %d: p50 in ms", c)] = milliseconds(r.p50)
		found[fmt.Sprintf("raw, c = %d: p99 in ms", c)] = milliseconds(r.p99)
		if c == concurrency {
			limit = r
			found["raw: API server CPU a create in ms"] = milliseconds(r.cpu)
		}
	}
	return limit, nil
}

func (b *bench) rawAt(ctx context.Context, c int, span time.Duration) (raw, error) {
	namespace, err := b.namespace(ctx, "raw")
	if err != nil {
		return raw{}, err
	}
	// At most 2,000 a second: no machine of this kind takes more. The bodies are made before the clock starts.
	bodies, err := newBodies(namespace, b.next("R"), int(span.Seconds()*2000)+c)
	if err != nil {
		return raw{}, err
	}
	before, err := b.apiserver.cpu()
	if err != nil {
		return raw{}, err
	}
	var next atomic.Int64
	var all sync.WaitGroup
	took, failures := make([][]time.Duration, c), make([]error, c)
	begin := time.Now()
	for worker := range c {
		all.Go(func() {
			for time.Since(begin) < span && ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(bodies) {
					return
				}
				sent := time.Now()
				if err := b.create(ctx, namespace, bodies[i]); err != nil {
					failures[worker] = err
					return
				}
				took[worker] = append(took[worker], time.Since(sent))
			}
		})
	}
	all.Wait()
	elapsed := time.Since(begin)
	after, err := b.apiserver.cpu()
	for _, failure := range failures {
		if err == nil {
			err = failure
		}
	}
	var times []time.Duration
	for _, of := range took {
		times = append(times, of...)
	}
	if err != nil || len(times) == 0 {
		return raw{}, fmt.Errorf("%d creates: %w", len(times), err)
	}
	n := len(times)
	return raw{
		rate: float64(n) / elapsed.Seconds(), p50: quantile(times, 0.5), p99: quantile(times, 0.99), cpu: (after - before) / time.Duration(n),
	}, nil
}

// newBodies encodes n BillingEvents as the receiver creates them: those of sign-ups.
func newBodies(namespace, name string, n int) ([][]byte, error) {
	var bodies [][]byte
	for i := 0; len(bodies) < n; i++ {
		for _, e := range signedUp(fmt.Sprintf("%sc%d", name, i), time.Now()).take() {
			object, err := newBillingEvent(namespace, e)
			if err != nil {
				return nil, err
			}
			body, err := json.Marshal(object)
			if err != nil {
				return nil, err
			}
			bodies = append(bodies, body)
		}
	}
	return bodies[:n], nil
}

func newBillingEvent(namespace string, e stripetest.Event) (*v1alpha1.BillingEvent, error) {
	spec, err := decoder.Decode(e.JSON())
	if err != nil {
		return nil, err
	}
	return &v1alpha1.BillingEvent{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "BillingEvent"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: naming.Object("", spec.EventID), Labels: naming.Labels(spec.Type, spec.CustomerID, spec.SubscriptionID),
		},
		Spec: *spec,
	}, nil
}

// create posts an encoded BillingEvent.
func (b *bench) create(ctx context.Context, namespace string, body []byte) error {
	url := fmt.Sprintf("%s/apis/%s/namespaces/%s/billingevents", b.address, v1alpha1.GroupVersion, namespace)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := b.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusCreated {
		err = fmt.Errorf("the API server answered %s: %s", response.Status, answer)
	}
	return err
}
