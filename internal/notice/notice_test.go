package notice

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) *metav1.MicroTime { return new(metav1.NewMicroTime(noon.Add(d))) }

// customer is entitled since noon, with a change.
func customer(change func(*v1alpha1.Customer)) *v1alpha1.Customer {
	c := &v1alpha1.Customer{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "cus-ada-12345678", UID: "uid"},
		Spec:       v1alpha1.CustomerSpec{CustomerID: "cus_Ada"},
		Status: v1alpha1.CustomerStatus{
			Email: "canary@example.com", Name: "Canary", Plan: "pro", Entitlements: map[string]v1alpha1.Value{"seats": "5"},
			Conditions: []metav1.Condition{
				{Type: "Entitled", Status: "True", Reason: "SubscriptionActive", Message: "Canary", LastTransitionTime: metav1.NewTime(noon)},
			},
		},
	}
	change(c)
	return c
}

func same(*v1alpha1.Customer) {}

// A change of what tenants act on has a later time than every state before it. Another change has none.
func TestStamp(t *testing.T) {
	stamped := func(d time.Duration) func(*v1alpha1.Customer) {
		return func(c *v1alpha1.Customer) { c.Status.ChangedAt = at(d) }
	}
	now := noon.Add(time.Hour + 123*time.Nanosecond)
	for name, tc := range map[string]struct {
		stored  *v1alpha1.Customer
		changes func(*v1alpha1.CustomerStatus)
		want    *metav1.MicroTime
	}{
		"the first decision": {
			customer(func(c *v1alpha1.Customer) { c.Status = v1alpha1.CustomerStatus{} }),
			func(s *v1alpha1.CustomerStatus) { *s = customer(same).Status }, at(time.Hour),
		},
		"no decision":             {customer(func(c *v1alpha1.Customer) { c.Status.Conditions = nil }), func(s *v1alpha1.CustomerStatus) { s.Plan = "x" }, nil},
		"nothing changes":         {customer(stamped(time.Second)), func(*v1alpha1.CustomerStatus) {}, at(time.Second)},
		"nil and empty are equal": {customer(stamped(time.Second)), func(s *v1alpha1.CustomerStatus) { s.Features = []string{} }, at(time.Second)},
		"the address changes":     {customer(stamped(time.Second)), func(s *v1alpha1.CustomerStatus) { s.Email = "x@example.com" }, at(time.Second)},
		"it was notified":         {customer(stamped(time.Second)), func(s *v1alpha1.CustomerStatus) { s.Notified = &v1alpha1.Notified{} }, at(time.Second)},
		"the message changes":     {customer(stamped(time.Second)), func(s *v1alpha1.CustomerStatus) { s.Conditions[0].Message = "x" }, at(time.Second)},
		"the status changes":      {customer(same), func(s *v1alpha1.CustomerStatus) { s.Conditions[0].Status = "False" }, at(time.Hour)},
		"the reason changes":      {customer(same), func(s *v1alpha1.CustomerStatus) { s.Conditions[0].Reason = "GracePeriod" }, at(time.Hour)},
		"the plan changes":        {customer(same), func(s *v1alpha1.CustomerStatus) { s.Plan = "basic" }, at(time.Hour)},
		"the plans change":        {customer(same), func(s *v1alpha1.CustomerStatus) { s.Plans = []string{"basic"} }, at(time.Hour)},
		"what was bought changes": {customer(same), func(s *v1alpha1.CustomerStatus) { s.Entitlements = nil }, at(time.Hour)},
		"the features change":     {customer(same), func(s *v1alpha1.CustomerStatus) { s.Features = []string{"sso"} }, at(time.Hour)},
		"the end changes":         {customer(same), func(s *v1alpha1.CustomerStatus) { s.AccessUntil = new(metav1.NewTime(noon)) }, at(time.Hour)},
		"the trial's end changes": {customer(same), func(s *v1alpha1.CustomerStatus) { s.TrialEnd = new(metav1.NewTime(noon)) }, at(time.Hour)},
		"the tenant's id changes": {customer(same), func(s *v1alpha1.CustomerStatus) { s.Metadata = map[string]v1alpha1.Value{"tenant": "1"} }, at(time.Hour)},
		"the clock was set back":  {customer(stamped(3 * time.Hour)), func(s *v1alpha1.CustomerStatus) { s.Plan = "basic" }, at(3*time.Hour + time.Microsecond)},
		"two changes at once":     {customer(stamped(time.Hour)), func(s *v1alpha1.CustomerStatus) { s.Plan = "basic" }, at(time.Hour + time.Microsecond)},
	} {
		t.Run(name, func(t *testing.T) {
			planned := tc.stored.DeepCopy()
			tc.changes(&planned.Status)
			Stamp(tc.stored, planned, now)
			if diff := cmp.Diff(tc.want, planned.Status.ChangedAt); diff != "" {
				t.Errorf("changedAt (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIsPending(t *testing.T) {
	accepted := func(d time.Duration, sink string) func(*v1alpha1.Customer) {
		return func(c *v1alpha1.Customer) {
			c.Status.ChangedAt, c.Status.Notified = at(time.Second), &v1alpha1.Notified{ChangedAt: *at(d), Sink: sink}
		}
	}
	for name, tc := range map[string]struct {
		customer *v1alpha1.Customer
		want     bool
	}{
		"never notified, from before the field": {customer(same), true},
		"never notified":                        {customer(func(c *v1alpha1.Customer) { c.Status.ChangedAt = at(0) }), true},
		"nothing decided":                       {customer(func(c *v1alpha1.Customer) { c.Status.Conditions = nil }), false},
		"accepted":                              {customer(accepted(time.Second, "s")), false},
		"an older state was accepted":           {customer(accepted(time.Second-time.Microsecond, "s")), true},
		"a newer state was accepted":            {customer(accepted(time.Minute, "s")), false},
		"another sink has accepted it":          {customer(accepted(time.Second, "other")), true},
		"accepted, from before the field": {customer(func(c *v1alpha1.Customer) {
			c.Status.Conditions[0].LastTransitionTime = metav1.NewTime(noon.Add(time.Millisecond)) // stored with seconds
			c.Status.Notified = Accepted(c, "s", noon)
		}), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := IsPending(tc.customer, "s"); got != tc.want {
				t.Errorf("pending is %t, want %t", got, tc.want)
			}
		})
	}
}

// What is sent is a CloudEvent for the SDK of CloudEvents, the same each time, without name and address of the customer.
func TestEncode(t *testing.T) {
	c := customer(func(c *v1alpha1.Customer) {
		c.Status.ChangedAt, c.Status.AccessUntil = at(1500*time.Microsecond), new(metav1.NewTime(noon.Add(time.Hour)))
		c.Status.Signup = &v1alpha1.Signup{ClientReferenceID: "tenant-7"}
	})
	body, err := Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := Encode(c.DeepCopy()); string(again) != string(body) {
		t.Errorf("encoded as %s, and again as %s", body, again)
	}
	if strings.Contains(strings.ToLower(string(body)), "canary") {
		t.Errorf("it holds personal data: %s", body)
	}
	var e cloudevents.Event
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatal(err)
	}
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
	got := []any{e.SpecVersion(), e.ID(), e.Source(), e.Type(), e.Subject(), e.Time(), e.DataContentType(), e.Extensions()}
	want := []any{
		"1.0", "uid-1773144000001500", "/apis/billing.tollkeeper.dev/v1alpha1/namespaces/ns/customers", Type, "cus_Ada",
		noon.Add(1500 * time.Microsecond), "application/json", map[string]any{"sequence": "1773144000001500"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(`{"customerID":"cus_Ada","name":"cus-ada-12345678","entitled":"True","reason":"SubscriptionActive",`+
		`"since":"2026-03-10T12:00:00Z","changedAt":"2026-03-10T12:00:00.001500Z","accessUntil":"2026-03-10T13:00:00Z","plan":"pro",`+
		`"entitlements":{"seats":"5"},"clientReferenceID":"tenant-7"}`, string(e.Data())); diff != "" {
		t.Errorf("data (-want +got):\n%s", diff)
	}
	if _, err := Encode(&v1alpha1.Customer{}); err == nil {
		t.Error("a customer without a decision is encoded")
	}
}

// The documented schema has every field, and requires those that are always there.
func TestTheSchemaHasEveryField(t *testing.T) {
	content, err := os.ReadFile("data.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Required   []string
		Properties map[string]struct{ Description string }
	}
	if err := json.Unmarshal(content, &schema); err != nil {
		t.Fatal(err)
	}
	var required []string
	fields := map[string]bool{}
	for field := range reflect.TypeFor[State]().Fields() {
		name, isOptional := strings.CutSuffix(field.Tag.Get("json"), ",omitempty")
		fields[name] = true
		if !isOptional {
			required = append(required, name)
		}
	}
	documented := map[string]bool{}
	for name, property := range schema.Properties {
		documented[name] = property.Description != ""
	}
	if diff := cmp.Diff(fields, documented); diff != "" {
		t.Errorf("properties (-State +schema):\n%s", diff)
	}
	if diff := cmp.Diff(required, schema.Required); diff != "" {
		t.Errorf("required (-State +schema):\n%s", diff)
	}
}
