package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// served is a customer with an active subscription.
func served(o *operator, id, address string) {
	o.t.Helper()
	began := time.Now().AddDate(0, 0, -3).Truncate(time.Second)
	sub := Subscription(New, "sub_"+id, "cus_"+id, "active", began, began.AddDate(0, 1, 0))
	o.send(
		Event{ID: "evt_" + id + "1", Type: "customer.created", Created: began, Shape: New, Object: Customer("cus_"+id, address, "Ada")},
		Event{ID: "evt_" + id + "2", Type: "customer.subscription.created", Created: began, Shape: New, Object: sub},
	)
	o.entitled("cus_"+id, "True SubscriptionActive")
}

// broken is an event that cannot be used.
func broken(id, customer string) Event {
	return Event{
		ID: id, Type: "invoice.paid", Created: time.Now(), Shape: New,
		Object: Object{"id": "in_1", "object": "invoice", "customer": customer, "status": 5},
	}
}

// kubectl alone finds customers by the decision, the plan and the address, shows why, and waits for a decision.
func TestWhatKubectlShows(t *testing.T) {
	o := start(t, func(c *config.Config) { c.EventAttempts = 1 })
	served(o, "ColumnAda", "ada@kite.example")
	denied(o, "ColumnDan", "dan@kite.example")
	o.send(broken("evt_ColumnBroken", "cus_ColumnDan"))
	o.outcome("evt_ColumnBroken", v1alpha1.OutcomeFailed)
	kubeconfig := adminKubeconfig(t)
	run := func(arguments ...string) string {
		t.Helper()
		return kubectl(t, kubeconfig, append([]string{"-n", o.namespace}, arguments...)...)
	}
	ada, dan := o.customer("cus_ColumnAda"), o.customer("cus_ColumnDan")
	adasSub, dansSub := o.subscription("sub_ColumnAda"), o.subscription("sub_ColumnDan")
	for selector, want := range map[string][]string{
		"customers status.entitled=True":                                 {ada.Name},
		"customers status.entitled=False":                                {dan.Name},
		"customers status.entitled!=True":                                {dan.Name},
		"customers status.entitled=Unknown":                              {},
		"customers status.entitled=":                                     {},
		"customers status.email=ada@kite.example":                        {ada.Name},
		"customers status.plan=" + ada.Status.Plan:                       {ada.Name, dan.Name},
		"subscriptions status.status=canceled":                           {dansSub.Name},
		"subscriptions spec.customerRef.name=" + ada.Name:                {adasSub.Name},
		"subscriptions spec.customerRef.name!=,status.status=active":     {adasSub.Name},
		"billingevents status.outcome=Failed,spec.customerID=" + "cus_X": {},
	} {
		kind, fields, _ := strings.Cut(selector, " ")
		got := strings.Fields(run("get", kind, "--field-selector", fields, "-o", "custom-columns=:metadata.name", "--no-headers"))
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("%s selects %q, want %q", selector, got, want)
		}
	}
	for command, want := range map[string]string{
		"customers":              "NAME ENTITLED REASON PLAN UNTIL AGE",
		"customers -o wide":      "NAME ENTITLED REASON PLAN UNTIL AGE SINCE EMAIL ACCOUNT MESSAGE",
		"subscriptions":          "NAME CUSTOMER STATUS PLAN PERIOD END AGE",
		"subscriptions -o wide":  "NAME CUSTOMER STATUS PLAN PERIOD END AGE ID CANCELS ACCOUNT",
		"billingevents":          "NAME EVENT TYPE CUSTOMER OUTCOME CREATED",
		"billingevents -o wide ": "NAME EVENT TYPE CUSTOMER OUTCOME CREATED ACCOUNT CREATED-AT REASON MESSAGE LINKED DISMISSED",
	} {
		header, _, _ := strings.Cut(run(append([]string{"get"}, strings.Fields(command)...)...), "\n")
		if got := strings.Join(strings.Fields(header), " "); got != want {
			t.Errorf("%s has the columns %s, want %s", command, got, want)
		}
	}
	shows(t, run("get", "customer", dan.Name, "-o", "wide"), "False", "SubscriptionEnded", "dan@kite.example", "The subscription was canceled and ended on ")
	shows(t, run("get", "billingevents", "-o", "wide", "--field-selector", "status.outcome=Failed"), "evt_ColumnBroken", "Failed", "status: want")
	run("wait", "--for=condition=Entitled", "customer/"+ada.Name, "--timeout=10s")
	run("wait", "--for=jsonpath={.status.entitled}=False", "customer/"+dan.Name, "--timeout=10s")
	run("wait", "--for=condition=Entitled=False", "customer/"+dan.Name, "--timeout=10s")
	run("wait", "--for=jsonpath={.status.outcome}=Failed", "billingevent/"+o.event("evt_ColumnBroken").Name, "--timeout=10s")
	shows(t, run("explain", "customers.status.entitled"), "entitled is the status of the condition Entitled")
	for _, kind := range []string{"customers", "subscriptions", "billingevents", "emails", "passwordresets"} {
		for _, part := range []string{"", ".spec", ".status"} {
			if out := run("explain", kind+part); strings.Contains(out, "<no description>") {
				t.Errorf("a field is not explained:\n%s", out)
			}
		}
	}
}

// Each change of the reason is a Kubernetes event, also if the customer keeps access: that of a payment that failed is a warning.
func TestAnEventForEveryReason(t *testing.T) {
	o := start(t)
	served(o, "ReasonAda", "reason.ada@kite.example")
	sub := o.subscription("sub_ReasonAda")
	began := sub.CreationTimestamp.Add(-24 * time.Hour).Truncate(time.Second)
	stripes := Subscription(New, "sub_ReasonAda", "cus_ReasonAda", "past_due", began, began.AddDate(0, 1, 0))
	o.send(Event{ID: "evt_ReasonAda3", Type: "customer.subscription.updated", Created: time.Now(), Shape: New, Object: stripes})
	o.entitled("cus_ReasonAda", "True GracePeriod")
	o.eventually("the decisions are Kubernetes events", func() string {
		var list eventsv1.EventList
		if err := cluster.Client.List(t.Context(), &list, client.InNamespace(o.namespace)); err != nil {
			return err.Error()
		}
		var found []string
		for i := range list.Items {
			if e := &list.Items[i]; e.Action == "Decide" && e.Regarding.Name == o.customer("cus_ReasonAda").Name {
				found = append(found, e.Type+" "+e.Reason)
			}
		}
		for _, want := range []string{"Normal SubscriptionActive", "Warning GracePeriod"} {
			if !slices.Contains(found, want) {
				return fmt.Sprintf("%s is missing: %q", want, found)
			}
		}
		return ""
	})
}

// A status that an earlier version wrote has the condition, but not the field. The next reconciliation writes it, and no tenant
// controller notices: the condition stays as it is.
func TestAStatusOfTheVersionBefore(t *testing.T) {
	o := start(t)
	served(o, "OldAda", "old.ada@kite.example")
	o.settled()
	o.stop()
	old := o.customer("cus_OldAda")
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"status":{"entitled":null}}`))
	if err := cluster.Client.Status().Patch(t.Context(), old, patch); err != nil {
		t.Fatal(err)
	}
	selected := func(value string) int {
		var list v1alpha1.CustomerList
		if err := cluster.Client.List(t.Context(), &list, client.InNamespace(o.namespace), client.MatchingFields{v1alpha1.FieldEntitled: value}); err != nil {
			t.Fatal(err)
		}
		return len(list.Items)
	}
	if old.Status.Entitled != "" || !old.IsEntitled() || selected("True") != 0 || selected("") != 1 {
		t.Errorf("the old status: entitled %q, IsEntitled %t, %d selected as True, %d as not decided", old.Status.Entitled, old.IsEntitled(), selected("True"), selected(""))
	}
	startIn(t, o.namespace)
	o.eventually("the field is written", func() string {
		if n := selected("True"); n != 1 {
			return fmt.Sprintf("%d customers are selected", n)
		}
		return ""
	})
	if now := o.customer("cus_OldAda"); !now.IsEntitled() || !now.EntitledSince().Equal(old.EntitledSince()) {
		t.Errorf("entitled since %s, before since %s", now.EntitledSince(), old.EntitledSince())
	}
}
