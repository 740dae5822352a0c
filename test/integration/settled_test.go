package integration

import (
	"context"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/paging"
	"github.com/tollkeeper/tollkeeper/internal/controller/rows"
	"github.com/tollkeeper/tollkeeper/internal/controller/settled"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// A new leader knows the customers of the events that were settled before it, and notes those of events that are settled since: those that
// an event names, and those that it is linked to.
func TestCustomersWithSettledEvents(t *testing.T) {
	t.Parallel()
	o := start(t, func(c *config.Config) { c.RefetchDelay = 0 })
	settle := func(name string) {
		named := Event{ID: "evt_" + name, Type: "customer.updated", Created: time.Now(), Shape: New, Object: Customer("cus_"+name, "x@example.com", name)}
		linked := Event{ID: "evt_linked_" + name, Type: "customer.subscription.created", Created: time.Now(), Shape: New}
		linked.Object = Subscription(New, "sub_"+name, "", "active", time.Now(), time.Now().AddDate(0, 1, 0)).
			With("customer", nil).With("customer_account", "acct_"+name)
		o.send(named, linked)
		o.linked("cus_"+name, named)
		o.linked("acct_"+name, linked)
	}
	known := func(customers *settled.Customers, ids ...string) func() string {
		return func() string {
			for _, id := range ids {
				if !customers.Has("", id) {
					return id + " has none"
				}
			}
			return ""
		}
	}
	settle("Before")

	list, pending := settledRows(t, o.namespace), pendingCache(t, o.namespace)
	customers := settled.New(list, pending, &paging.Pacer{Clock: clock.RealClock{}, Share: 1}, logr.Discard())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- customers.Start(ctx) }()
	o.eventually("all events are listed", func() string {
		if customers.Has("", "cus_New") {
			return "they are not"
		}
		return ""
	})
	if missing := known(customers, "cus_Before", "acct_Before")(); missing != "" {
		t.Error(missing)
	}
	settle("Since")
	o.eventually("the customers of events that are settled since have some", known(customers, "cus_Since", "acct_Since"))
	if customers.Has("", "cus_New") {
		t.Error("a customer without events has some")
	}
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
	list, err := rows.New(cluster.Config, httpClient, namespace, rows.Ended, settled.Columns...)
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
