package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/importer"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// oldCustomers are the kinds of customers of an account that is years old: the statuses of their subscriptions, and
// what Entitled must say of them. An empty want stands for no Customer.
var oldCustomers = []struct {
	subscriptions []string
	want          string
}{
	{[]string{"active"}, "True SubscriptionActive"},
	{[]string{"trialing"}, "True Trialing"},
	{[]string{"canceled"}, "False SubscriptionEnded"},
	{[]string{"canceled", "active"}, "True SubscriptionActive"},
	{[]string{"active", "canceled"}, "True SubscriptionActive"},
	{[]string{"unpaid"}, "False PaymentFailed"},
	{[]string{"incomplete"}, "False AwaitingPayment"},
	{[]string{"incomplete_expired"}, "False SubscriptionEnded"},
	{[]string{"paused"}, "False Paused"},
	{nil, ""},
}

// oldAccount returns a world with n customers of every kind, and no events. The subscriptions of a customer are far
// from each other in Stripe's lists. The second result says what Entitled must say, by customer.
func oldAccount(n int) (*World, map[string]string) {
	now := time.Now().Truncate(time.Second)
	world, want := NewWorld(now, New, 1), map[string]string{}
	for i := range n {
		id := fmt.Sprintf("cus_Old%05d", i)
		world.Put(Customer(id, fmt.Sprintf("customer%d@example.com", i), "Ada").With("created", now.AddDate(-3, 0, 0).Unix()))
		want[id] = oldCustomers[i%len(oldCustomers)].want
	}
	for round := range 2 {
		for i := range n {
			statuses := oldCustomers[i%len(oldCustomers)].subscriptions
			if round >= len(statuses) {
				continue
			}
			began := now.AddDate(0, 0, -20)
			id, customer := fmt.Sprintf("sub_Old%05d%d", i, round), fmt.Sprintf("cus_Old%05d", i)
			o := Subscription(Old, id, customer, statuses[round], began, began.AddDate(0, 1, 0))
			switch statuses[round] {
			case "trialing":
				o = Trial(Old, id, customer, began, began.AddDate(0, 1, 0))
			case "canceled", "incomplete_expired":
				o = o.With("ended_at", began.Unix()).With("canceled_at", began.Unix())
			}
			world.Put(o)
		}
	}
	return world, want
}

// imported waits until the import of the platform's account has ended, and returns its checkpoint.
func (o *operator) imported(patience time.Duration) importer.Checkpoint {
	o.t.Helper()
	var checkpoint importer.Checkpoint
	end := time.Now().Add(patience)
	for {
		var stored corev1.ConfigMap
		key := client.ObjectKey{Namespace: o.namespace, Name: importer.ConfigMapName}
		if err := client.IgnoreNotFound(cluster.Client.Get(context.Background(), key, &stored)); err != nil {
			o.t.Fatal(err)
		}
		checkpoint = importer.Checkpoint{}
		if value := stored.Data["platform"]; value != "" {
			if err := json.Unmarshal([]byte(value), &checkpoint); err != nil {
				o.t.Fatal(err)
			}
		}
		if !checkpoint.FinishedAt.IsZero() {
			return checkpoint
		}
		if time.Now().After(end) {
			o.t.Fatalf("the import has not ended: %+v", checkpoint)
		}
		select {
		case <-o.t.Context().Done():
		case <-time.After(interval):
		}
	}
}

// entitlements watches what Entitled says of every customer, from before the operator starts.
type entitlements struct {
	mutex sync.Mutex
	said  map[string][]string // "True SubscriptionActive", by the customer's Stripe id, in the order of time, each once in a row
}

func watchEntitlements(t *testing.T, namespace string) *entitlements {
	t.Helper()
	e := &entitlements{said: map[string][]string{}}
	stream, err := cluster.Client.Watch(t.Context(), &v1alpha1.CustomerList{}, client.InNamespace(namespace))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for err == nil {
			for change := range stream.ResultChan() {
				if c, isCustomer := change.Object.(*v1alpha1.Customer); isCustomer {
					e.note(c.Spec.CustomerID, condition(c.Status.Conditions, v1alpha1.ConditionEntitled))
				}
			}
			// The API server ends the watch of a client that is slow for a moment. A new one begins with what is there.
			stream, err = cluster.Client.Watch(t.Context(), &v1alpha1.CustomerList{}, client.InNamespace(namespace))
		}
	}()
	return e
}

func (e *entitlements) note(customer, says string) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if said := e.said[customer]; says != "" && (len(said) == 0 || said[len(said)-1] != says) {
		e.said[customer] = append(said, says)
	}
}

// wrong returns what Entitled has ever said otherwise than wanted, apart from Unknown, and the customers of which it
// said nothing.
func (e *entitlements) wrong(want map[string]string) []string {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	var wrong []string
	for customer, wanted := range want {
		said := e.said[customer]
		if wanted != "" && len(said) == 0 {
			wrong = append(wrong, customer+" is not there")
		}
		for i, says := range said {
			if says != wanted && (i == len(said)-1 || !strings.HasPrefix(says, "Unknown ")) {
				wrong = append(wrong, fmt.Sprintf("%s: %v, want %s", customer, said, wanted))
			}
		}
	}
	return wrong
}

// An operator is installed into an account that is years old, and no event ever comes. Every customer that has or had a
// subscription appears as Stripe has it, and was Unknown until then. There is no request to Stripe for a single customer,
// and no e-mail.
//
// With CUSTOMERS=20000 in the environment it measures: it logs how long the import of that many customers takes, in
// pages of 100.
func TestImportOfAnOldAccount(t *testing.T) {
	customers, page, patience := 200, 25, 4*patience
	if n, err := strconv.Atoi(os.Getenv("CUSTOMERS")); err == nil {
		customers, page, patience = n, 100, time.Hour
	}
	world, want := oldAccount(customers)
	api, withStripe := stripe(t, world)
	api.PageSize = page
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	watched, address := watchEntitlements(t, namespace), freeAddress(t)
	o := startIn(t, namespace, withStripe, func(c *config.Config) {
		c.Import, c.HealthProbeBindAddress, c.RefetchDelay = config.ImportSubscribers, address, 2*time.Second
		c.ResyncInterval = 0 // the sweep asks about one customer at a time
	})
	checkpoint := o.imported(patience)
	t.Logf("%d customers: %d requests to Stripe in %s", customers, len(api.Requests("/v1/")), checkpoint.FinishedAt.Sub(checkpoint.StartedAt.Time))
	o.eventually("every decision is as Stripe's state asks for", func() string { return strings.Join(watched.wrong(want), "\n") })
	if checkpoint.Refused > 0 || checkpoint.Ignored != customers/10 || checkpoint.Imported != customers*20/10 {
		t.Errorf("the checkpoint is %+v, want 11 subscriptions and 9 customers of every 10 imported, and 1 ignored", checkpoint)
	}
	if emails := o.emails(); len(emails) > 0 {
		t.Errorf("%d e-mails are planned", len(emails))
	}
	pages := map[string]int{}
	for _, r := range objectRequests(api) {
		pages[r.Path]++
	}
	delete(pages, "/v1/events") // of the backfill that follows
	if diff := cmp.Diff(map[string]int{
		"/v1/subscriptions": (customers*11/10 + page - 1) / page, "/v1/customers": (customers + page - 1) / page, "/v1/disputes": 1,
		"/v1/products/" + Product:   1, // the product of all subscriptions
		"/v1/entitlements/features": 2, // the account has none, neither active nor archived
	}, pages); diff != "" {
		t.Errorf("requests to Stripe (-want +got):\n%s", diff)
	}
	o.eventually("the probe says that the import is done", func() string {
		return probe(t, address, "/readyz?verbose", "[+]import-Done ok")
	})
	o.eventually("the backfill has followed", func() string {
		if len(api.Requests("/v1/events")) == 0 {
			return "it has not"
		}
		return ""
	})
}

// Subscriptions that only the import has read are lost: some while the operator runs, and others while it does not, which a backup tool
// then puts back without their statuses. All come back as Stripe has them, and meanwhile no customer is published as one that has no
// subscription.
func TestLostSubscriptionsThatNoEventReports(t *testing.T) {
	t.Parallel()
	world, want := oldAccount(20)
	_, withStripe := stripe(t, world)
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	withImport := func(c *config.Config) {
		c.Import, c.RefetchDelay, c.ResyncInterval = config.ImportSubscribers, time.Second, 0
	}
	o := startIn(t, namespace, withStripe, withImport)
	o.imported(patience)
	watched := watchEntitlements(t, namespace)
	asAtStripe := func() {
		o.eventually("every subscription has a status, and every decision is as Stripe's state asks for", func() string {
			for _, s := range o.subscriptions() {
				if s.Status.Status == "" {
					return s.Name + " has none"
				}
			}
			return strings.Join(watched.wrong(want), "\n")
		})
	}
	asAtStripe()
	all := o.subscriptions()
	for i := range all[:len(all)/2] {
		if err := cluster.Client.Delete(t.Context(), &all[i]); err != nil {
			t.Fatal(err)
		}
	}
	asAtStripe()
	o.stop()
	for i := range all[len(all)/2:] {
		s := &all[len(all)/2+i]
		if err := cluster.Client.Delete(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		s.ResourceVersion, s.UID, s.Status = "", "", v1alpha1.SubscriptionStatus{}
		if err := cluster.Client.Create(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	o = startIn(t, namespace, withStripe, withImport)
	asAtStripe()
}

// subscriptions lists all Subscriptions.
func (o *operator) subscriptions() []v1alpha1.Subscription {
	o.t.Helper()
	var list v1alpha1.SubscriptionList
	if err := cluster.Client.List(context.Background(), &list, client.InNamespace(o.namespace)); err != nil {
		o.t.Fatal(err)
	}
	return list.Items
}

// An operator that is killed during an import goes on at the page that was not folded.
func TestImportContinuesAfterAKill(t *testing.T) {
	t.Parallel()
	world, want := oldAccount(60)
	api, withStripe := stripe(t, world)
	api.PageSize = 10
	third := func(r *http.Request) bool {
		return r.URL.Path == "/v1/customers" && r.URL.Query().Get("starting_after") == "cus_Old00040"
	}
	api.Fail(1, Hanging, third)
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	watched := watchEntitlements(t, namespace)
	withImport := func(c *config.Config) { c.Import = config.ImportSubscribers }
	o := &operator{t: t, namespace: namespace}
	manager := startProcess(t, namespace, withStripe, withImport)
	o.eventually("the third page of customers is requested", func() string {
		if got := len(api.Requests("/v1/customers")); got != 3 {
			return fmt.Sprintf("%d pages are", got)
		}
		return ""
	})
	manager.kill()
	if requests := api.Requests("/v1/events"); len(requests) > 0 {
		t.Error("the backfill began before the import was over")
	}
	before := len(objectRequests(api))
	o = startIn(t, namespace, withStripe, withImport)
	o.imported(patience)
	o.eventually("every decision is as Stripe's state asks for", func() string { return strings.Join(watched.wrong(want), "\n") })
	if first := objectRequests(api)[before]; first.Path != "/v1/customers" || first.Query.Get("starting_after") != "cus_Old00040" {
		t.Errorf("the next process begins with %s %v, want the page that hung", first.Path, first.Query)
	}
}
