package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func billingEvent(namespace string) *v1alpha1.BillingEvent {
	return &v1alpha1.BillingEvent{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "evt-"},
		Spec: v1alpha1.BillingEventSpec{
			EventID: "evt_1", Type: "invoice.paid", Created: metav1.Unix(1_700_000_000, 0), CustomerID: "cus_A",
			PayloadSHA256: strings.Repeat("0", 64), Invoice: &v1alpha1.InvoiceRecord{Invoice: v1alpha1.Invoice{ID: "in_1", Status: "paid"}},
		},
	}
}

// recorded creates an event, with the status unless it is nil.
func recorded(t *testing.T, namespace string, status *v1alpha1.BillingEventStatus) *v1alpha1.BillingEvent {
	t.Helper()
	e := billingEvent(namespace)
	if err := cluster.Client.Create(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if status != nil {
		e.Status = *status
		if err := cluster.Client.Status().Update(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

// No field of a BillingEvent's spec can be changed, added or removed.
func TestARecordedEventNeverChanges(t *testing.T) {
	t.Parallel()
	namespace, err := cluster.Namespace(t.Context(), "api-")
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]*v1alpha1.BillingEventStatus{
		"pending": nil,
		"settled": {Outcome: v1alpha1.OutcomeApplied, ProcessedAt: new(metav1.Unix(1_700_000_001, 0)), CustomerID: "cus_A", Attempts: 1},
	}
	for name, change := range map[string]func(*v1alpha1.BillingEvent){
		"a field changes":              func(e *v1alpha1.BillingEvent) { e.Spec.Type = "invoice.updated" },
		"a field of a record changes":  func(e *v1alpha1.BillingEvent) { e.Spec.Invoice.Status = "void" },
		"an optional field is added":   func(e *v1alpha1.BillingEvent) { e.Spec.Account = "acct_1" },
		"an optional field is removed": func(e *v1alpha1.BillingEvent) { e.Spec.CustomerID = "" },
		"the record is removed":        func(e *v1alpha1.BillingEvent) { e.Spec.Invoice = nil },
	} {
		for state, status := range states {
			t.Run(state+", "+name, func(t *testing.T) {
				e := recorded(t, namespace, status)
				change(e)
				err := cluster.Client.Update(t.Context(), e)
				if err == nil || !strings.Contains(err.Error(), "a recorded event never changes") {
					t.Errorf("want a rejection of the update, got: %v", err)
				}
			})
		}
	}
	t.Run("the status has a time that the rule cannot compare", func(t *testing.T) {
		e := &unstructured.Unstructured{} // a BillingEvent cannot hold that time
		e.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("BillingEvent"))
		e.SetNamespace(namespace)
		e.SetName(recorded(t, namespace, nil).Name)
		settle := client.RawPatch("application/merge-patch+json", []byte(`{"status":{"outcome":"Applied","processedAt":"2026-12-01t00:00:00Z"}}`))
		if err := cluster.Client.Status().Patch(t.Context(), e, settle); err != nil {
			t.Fatal(err)
		}
		err := cluster.Client.Patch(t.Context(), e, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"type":"invoice.updated"}}`)))
		if err == nil || !strings.Contains(err.Error(), "a recorded event never changes") {
			t.Errorf("want a rejection of the update, got: %v", err)
		}
	})
	t.Run("the whole spec is removed", func(t *testing.T) {
		e := recorded(t, namespace, nil)
		err := cluster.Client.Patch(t.Context(), e, client.RawPatch("application/merge-patch+json", []byte(`{"spec":null}`)))
		if err == nil || !strings.Contains(err.Error(), "spec") {
			t.Errorf("want a rejection of the patch, got: %v", err)
		}
	})
}

// A write of a BillingEvent takes its status or the rest, never both.
func TestWhatAWriteOfAnEventChanges(t *testing.T) {
	t.Parallel()
	namespace, err := cluster.Namespace(t.Context(), "api-")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("a write of the status changes nothing else", func(t *testing.T) {
		e := recorded(t, namespace, nil)
		before := e.DeepCopy()
		e.Spec.Type, e.Spec.Invoice.Status = "invoice.updated", "void"
		e.Status.Outcome = v1alpha1.OutcomeApplied
		if err := cluster.Client.Status().Update(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before.Spec, e.Spec); diff != "" || e.Status.Outcome != v1alpha1.OutcomeApplied {
			t.Errorf("the outcome is %q, and the spec changed: %s", e.Status.Outcome, diff)
		}
	})
	t.Run("a write of the spec and the status changes neither", func(t *testing.T) {
		e := recorded(t, namespace, nil)
		e.Spec.Type, e.Status.Outcome = "invoice.updated", v1alpha1.OutcomeApplied
		err := cluster.Client.Update(t.Context(), e)
		if err == nil || !strings.Contains(err.Error(), "a recorded event never changes") {
			t.Errorf("want a rejection of the update, got: %v", err)
		}
	})
	t.Run("labels may change", func(t *testing.T) {
		e := recorded(t, namespace, nil)
		e.Labels = map[string]string{"note": "looked-at"}
		if err := cluster.Client.Update(t.Context(), e); err != nil {
			t.Error(err)
		}
	})
}

func TestInvalidObjectsAreRejected(t *testing.T) {
	t.Parallel()
	namespace, err := cluster.Namespace(t.Context(), "api-")
	if err != nil {
		t.Fatal(err)
	}
	customer := func(change func(*v1alpha1.CustomerSpec)) *v1alpha1.Customer {
		c := &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "cus-"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_A"}}
		change(&c.Spec)
		return c
	}
	for name, tc := range map[string]struct {
		object client.Object
		want   string
	}{
		"an over-long string": {func() client.Object {
			e := billingEvent(namespace)
			e.Spec.CustomerID = strings.Repeat("c", 256)
			return e
		}(), "Too long"},
		"an unknown access mode":  {customer(func(s *v1alpha1.CustomerSpec) { s.Access = "Maybe" }), "Unsupported value"},
		"no customer id":          {customer(func(s *v1alpha1.CustomerSpec) { s.CustomerID = "" }), "spec.customerID"},
		"a negative grace period": {customer(func(s *v1alpha1.CustomerSpec) { s.GracePeriod = &metav1.Duration{Duration: -time.Hour} }), "must not be negative"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := cluster.Client.Create(t.Context(), tc.object); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("want a rejection with %q, got %v", tc.want, err)
			}
		})
	}
}

var aToken = fmt.Sprintf(`{"sha256":"%064d","addressSHA256":"%064d","expiresAt":"2026-01-01T00:00:00Z"}`, 1, 2)

// A used PasswordReset stays used.
func TestAUsedPasswordResetStaysUsed(t *testing.T) {
	t.Parallel()
	namespace, err := cluster.Namespace(t.Context(), "api-")
	if err != nil {
		t.Fatal(err)
	}
	reset := &v1alpha1.PasswordReset{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "p"},
		Spec:       v1alpha1.PasswordResetSpec{CustomerRef: v1alpha1.ObjectReference{Name: "c"}, CustomerID: "cus_A"},
	}
	if err := cluster.Client.Create(t.Context(), reset); err != nil {
		t.Fatal(err)
	}
	reset.Status.ConsumedAt = new(metav1.Now())
	if err := cluster.Client.Status().Update(t.Context(), reset); err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]*metav1.Time{"unused": nil, "used later": new(metav1.NewTime(time.Now().Add(time.Hour)))} {
		changed := reset.DeepCopy()
		changed.Status.ConsumedAt = at
		err := cluster.Client.Status().Update(t.Context(), changed)
		if err == nil || !strings.Contains(err.Error(), "a used password reset never changes") {
			t.Errorf("it becomes %s: %v", name, err)
		}
	}
}

func TestIdentitiesAreImmutable(t *testing.T) {
	t.Parallel()
	namespace, err := cluster.Namespace(t.Context(), "api-")
	if err != nil {
		t.Fatal(err)
	}
	c := &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "c"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_A"}}
	s := &v1alpha1.Subscription{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "s"},
		Spec:       v1alpha1.SubscriptionSpec{SubscriptionID: "sub_A", CustomerRef: v1alpha1.ObjectReference{Name: "c"}},
	}
	m := &v1alpha1.Email{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "m"},
		Spec:       v1alpha1.EmailSpec{CustomerRef: v1alpha1.ObjectReference{Name: "c"}, Purpose: v1alpha1.EmailWelcome},
	}
	p := &v1alpha1.PasswordReset{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "p"},
		Spec:       v1alpha1.PasswordResetSpec{CustomerRef: v1alpha1.ObjectReference{Name: "c"}, CustomerID: "cus_A"},
	}
	used := p.DeepCopy()
	used.Name = "used"
	for _, o := range []client.Object{c, s, m, p, used} {
		if err := cluster.Client.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	used.Status.ConsumedAt = new(metav1.Now())
	if err := cluster.Client.Status().Update(t.Context(), used); err != nil {
		t.Fatal(err)
	}
	if c.Spec.Access != v1alpha1.AccessAuto {
		t.Errorf("access defaults to %q, want Auto", c.Spec.Access)
	}
	for name, tc := range map[string]struct {
		object client.Object
		patch  string
		want   string
	}{
		"a customer's id":               {c, `{"spec":{"customerID":"cus_B"}}`, "customerID is immutable"},
		"a customer's account is added": {c, `{"spec":{"account":"acct_1"}}`, "account is immutable"},
		"a subscription's id":           {s, `{"spec":{"subscriptionID":"sub_B"}}`, "subscriptionID is immutable"},
		"a subscription's customer":     {s, `{"spec":{"customerRef":{"name":"d"}}}`, "customerRef is immutable"},
		"an e-mail's purpose":           {m, `{"spec":{"purpose":"PasswordReset"}}`, "an e-mail never changes"},
		"a reset's customer":            {p, `{"spec":{"customerRef":{"name":"d"}}}`, "customerRef is immutable"},
		"a reset's id":                  {p, `{"spec":{"customerID":"cus_B"}}`, "customerID is immutable"},
		"a reset's account is added":    {p, `{"spec":{"account":"acct_1"}}`, "account is immutable"},
		"a reset's hash":                {p, `{"spec":{"tokens":[{"sha256":"x","addressSHA256":"y","expiresAt":"2026-01-01T00:00:00Z"}]}}`, "spec.tokens[0].sha256"},
		"a used reset's links":          {used, `{"spec":{"tokens":[` + aToken + `]}}`, "a used password reset never changes"},
	} {
		t.Run(name, func(t *testing.T) {
			err := cluster.Client.Patch(t.Context(), tc.object.DeepCopyObject().(client.Object), client.RawPatch("application/merge-patch+json", []byte(tc.patch)))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("want a rejection with %q, got %v", tc.want, err)
			}
		})
	}
}

// The API server can select events by type, customer, payment and outcome.
func TestSelectableFields(t *testing.T) {
	t.Parallel()
	namespace, err := cluster.Namespace(t.Context(), "api-")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		e := billingEvent(namespace)
		e.Spec.CustomerID, e.Spec.ChargeID = fmt.Sprintf("cus_%d", i), fmt.Sprintf("ch_%d", i)
		e.Spec.CustomerAccount = fmt.Sprintf("acct_%d", i)
		if err := cluster.Client.Create(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			e.Status.Outcome = v1alpha1.OutcomeApplied
			if err := cluster.Client.Status().Update(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
	}
	for field, tc := range map[string]struct {
		value string
		want  int
	}{
		v1alpha1.FieldEventType:  {"invoice.paid", 3},
		v1alpha1.FieldCustomerID: {"cus_1", 1},
		v1alpha1.FieldChargeID:   {"ch_2", 1},

		v1alpha1.FieldCustomerAccount: {"acct_2", 1},
		v1alpha1.FieldOutcome:         {"", 2},
	} {
		var list v1alpha1.BillingEventList
		if err := cluster.Client.List(context.Background(), &list, client.InNamespace(namespace), client.MatchingFields{field: tc.value}); err != nil {
			t.Fatal(err)
		}
		if len(list.Items) != tc.want {
			t.Errorf("%s=%q selects %d events, want %d", field, tc.value, len(list.Items), tc.want)
		}
	}
}
