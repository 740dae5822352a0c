package integration

import (
	"context"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/rows"
	"github.com/tollkeeper/tollkeeper/internal/controller/settled"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// A new leader knows whose events were settled before it, and notes whose are settled since. Of nobody else does it search for any.
func TestCustomersWithSettledEvents(t *testing.T) {
	t.Parallel()
	o := start(t)
	world := wholeLife(New, time.Hour) // its dispute is linked
	o.send(world.Events()...)
	o.settled()

	list, pending := settledRows(t, o.namespace), pendingCache(t, o.namespace)
	customers := settled.New(list, pending, logr.Discard())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- customers.Start(ctx) }()
	o.eventually("all events are listed", func() string {
		if customers.Has("", "cus_New") {
			return "they are not"
		}
		return ""
	})
	if customer := world.Objects("customer")[0].ID(); !customers.Has("", customer) {
		t.Errorf("the events of %s are not known", customer)
	}
	o.send(Event{ID: "evt_new", Type: "customer.updated", Created: time.Now(), Shape: New, Object: Customer("cus_New", "new@example.com", "New")})
	o.eventually("the customer of an event is known once it is settled", func() string {
		if !customers.Has("", "cus_New") {
			return "it is not"
		}
		return ""
	})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func settledRows(t *testing.T, namespace string) *rows.List {
	t.Helper()
	httpClient, err := rest.HTTPClientFor(cluster.Config)
	if err != nil {
		t.Fatal(err)
	}
	list, err := rows.New(cluster.Config, httpClient, namespace, settled.Columns...)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// pendingCache is a cache of the pending events, as the manager has it.
func pendingCache(t *testing.T, namespace string) cache.Cache {
	t.Helper()
	pending, err := cache.New(cluster.Config, cache.Options{
		Scheme: cluster.Client.Scheme(), DefaultNamespaces: map[string]cache.Config{namespace: {}},
		ByObject: map[client.Object]cache.ByObject{&v1alpha1.BillingEvent{}: {Field: fields.OneTermEqualSelector(v1alpha1.FieldOutcome, "")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = pending.Start(t.Context()) }()
	return pending
}
