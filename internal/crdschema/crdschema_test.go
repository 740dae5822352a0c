package crdschema

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func customer(change func(*v1alpha1.CustomerStatus)) *v1alpha1.Customer {
	c := &v1alpha1.Customer{
		ObjectMeta: metav1.ObjectMeta{Namespace: "billing", Name: "cus-a"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_A"},
		Status: v1alpha1.CustomerStatus{Email: "ada@example.com", Name: "Ada", OpenDisputes: []v1alpha1.Dispute{{ID: "dp_1"}}},
	}
	change(&c.Status)
	return c
}

func load(t testing.TB) *Schemas {
	t.Helper()
	schemas, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return schemas
}

// What a write of a Customer's status over another one is answered, by the API server's rules.
func TestValidateStatus(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	none := func(*v1alpha1.CustomerStatus) {}
	for name, tc := range map[string]struct {
		stored, updated func(*v1alpha1.CustomerStatus)
		want            string
	}{
		"the same status": {none, none, ""},
		"a valid change":  {none, func(s *v1alpha1.CustomerStatus) { s.Email = "new@example.com" }, ""},
		"a string over its bound": {none, func(s *v1alpha1.CustomerStatus) { s.Name = long },
			"the schema of its CRD refuses it because these fields are invalid: status.name"},
		"an invalid field that was stored and is not changed": {
			func(s *v1alpha1.CustomerStatus) { s.Name = long },
			func(s *v1alpha1.CustomerStatus) { s.Name = long; s.Email = "new@example.com" }, "",
		},
		"an invalid field that was stored and is changed to another invalid one": {
			func(s *v1alpha1.CustomerStatus) { s.Name = long },
			func(s *v1alpha1.CustomerStatus) { s.Name = long + "y" },
			"the schema of its CRD refuses it because these fields are invalid: status.name",
		},
		"a list with more entries than its bound": {none, func(s *v1alpha1.CustomerStatus) {
			for n := range 1000 {
				s.OpenDisputes = append(s.OpenDisputes, v1alpha1.Dispute{ID: fmt.Sprintf("du_%d", n)})
			}
		}, "the schema of its CRD refuses it because these fields are invalid: status.openDisputes"},
		"two conditions of one type": {none, func(s *v1alpha1.CustomerStatus) {
			c := metav1.Condition{Type: "Ready", Status: "True", Reason: "Yes", LastTransitionTime: metav1.Now()}
			s.Conditions = []metav1.Condition{c, c}
		}, "the schema of its CRD refuses it because these fields are invalid: status.conditions[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			err := load(t).ValidateStatus(t.Context(), customer(tc.stored), customer(tc.updated), v1alpha1.GroupVersion.WithKind("Customer"))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tc.want || IsInvalid(err) != (tc.want != "") {
				t.Errorf("got %q (invalid: %t), want %q", got, IsInvalid(err), tc.want)
			}
		})
	}
}

// Every kind of the API group has a schema.
func TestEveryKindIsEmbedded(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	schemas := load(t)
	objects := map[string]runtime.Object{
		"BillingEvent": &v1alpha1.BillingEvent{}, "Customer": &v1alpha1.Customer{},
		"Email": &v1alpha1.Email{}, "PasswordReset": &v1alpha1.PasswordReset{}, "Subscription": &v1alpha1.Subscription{},
	}
	for kind, object := range objects {
		if !scheme.Recognizes(v1alpha1.GroupVersion.WithKind(kind)) {
			t.Errorf("the scheme has no %s", kind)
		}
		if err := schemas.ValidateStatus(t.Context(), object, object, v1alpha1.GroupVersion.WithKind(kind)); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if len(schemas.byKind) != len(objects) {
		t.Errorf("%d schemas are embedded, and %d are tried", len(schemas.byKind), len(objects))
	}
	if err := schemas.ValidateStatus(t.Context(), &v1alpha1.Customer{}, &v1alpha1.Customer{}, v1alpha1.GroupVersion.WithKind("Invoice")); err == nil {
		t.Error("a kind without a CRD is valid")
	}
}

func BenchmarkValidateStatus(b *testing.B) {
	schemas := load(b)
	stored := customer(func(*v1alpha1.CustomerStatus) {})
	updated := customer(func(s *v1alpha1.CustomerStatus) { s.Email = "new@example.com" })
	for b.Loop() {
		if err := schemas.ValidateStatus(b.Context(), stored, updated, v1alpha1.GroupVersion.WithKind("Customer")); err != nil {
			b.Fatal(err)
		}
	}
}
