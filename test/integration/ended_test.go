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
	"github.com/tollkeeper/tollkeeper/internal/controller/ended"
	"github.com/tollkeeper/tollkeeper/internal/controller/paging"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// A new leader knows the customers of the events that ended before it, and notes those of events that end since: those that an event
// names, those that it is linked to, and those of Failed events.
func TestCustomersWithEndedEvents(t *testing.T) {
	t.Parallel()
	o := start(t, func(c *config.Config) { c.RefetchDelay = 0 })
	end := func(name string) {
		named := Event{ID: "evt_" + name, Type: "customer.updated", Created: time.Now(), Shape: New, Object: Customer("cus_"+name, "x@example.com", name)}
		linked := Event{ID: "evt_linked_" + name, Type: "customer.subscription.created", Created: time.Now(), Shape: New}
		linked.Object = Subscription(New, "sub_"+name, "", "active", time.Now(), time.Now().AddDate(0, 1, 0)).
			With("customer", nil).With("customer_account", "acct_"+name)
		failed := broken("evt_failed_"+name, "cus_Failed"+name)
		o.send(named, linked, failed)
		o.linked("cus_"+name, named)
		o.linked("acct_"+name, linked)
		o.outcome(failed.ID, v1alpha1.OutcomeFailed)
	}
	known := func(customers *ended.Customers, ids ...string) func() string {
		return func() string {
			for _, id := range ids {
				if !customers.MayHave("", id) {
					return id + " has none"
				}
			}
			return ""
		}
	}
	end("Before")

	customers := endedCustomers(t, o.namespace)
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- customers.Start(ctx) }()
	o.eventually("all events are listed", func() string {
		if customers.MayHave("", "cus_New") {
			return "they are not"
		}
		return ""
	})
	if missing := known(customers, "cus_Before", "acct_Before", "cus_FailedBefore")(); missing != "" {
		t.Error(missing)
	}
	end("Since")
	o.eventually("the customers of events that have ended since have some", known(customers, "cus_Since", "acct_Since", "cus_FailedSince"))
	if customers.MayHave("", "cus_New") {
		t.Error("a customer without events has some")
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func endedCustomers(t *testing.T, namespace string) *ended.Customers {
	t.Helper()
	httpClient, err := rest.HTTPClientFor(cluster.Config)
	if err != nil {
		t.Fatal(err)
	}
	list, err := ended.NewRows(cluster.Config, httpClient, namespace)
	if err != nil {
		t.Fatal(err)
	}
	return ended.New(list, pendingCache(t, namespace), &paging.Pacer{Clock: clock.RealClock{}, Share: 1}, logr.Discard())
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
