package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// override patches spec.override of the customer cus_A, as a user does.
func (o *operator) override(override string) {
	o.t.Helper()
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"override":`+override+`}}`))
	if err := cluster.Client.Patch(o.t.Context(), o.customer("cus_A"), patch); err != nil {
		o.t.Fatal(err)
	}
}

// overridden waits for status and reason of the condition Overridden of cus_A; "" if it has none.
func (o *operator) overridden(want string) {
	o.t.Helper()
	o.eventually("Overridden of cus_A", func() string {
		if got := condition(o.customer("cus_A").Status.Conditions, v1alpha1.ConditionOverridden); got != want {
			return fmt.Sprintf("is %q, want %q", got, want)
		}
		return ""
	})
}

// An override decides before everything else until it ends by the clock. What a person wrote stays in spec.override.
func TestAnOverrideEnds(t *testing.T) {
	o := start(t)
	o.send(Event{ID: "evt_1", Type: "customer.created", Created: time.Now(), Shape: New, Object: Customer("cus_A", "ada@example.com", "Ada")})
	o.entitled("cus_A", "False NoSubscription")

	end := metav1.NewTime(time.Now().Add(4 * time.Second).Truncate(time.Second))
	o.override(`{"access":"Granted","until":"` + end.UTC().Format(time.RFC3339) + `","reason":"Canary asked","author":"canary@example.com"}`)
	o.entitled("cus_A", "True OverrideGranted")
	o.overridden("True OverrideGranted")
	if got := o.customer("cus_A").Status.AccessUntil; !end.Equal(got) {
		t.Errorf("accessUntil is %v, want %v", got, end)
	}
	o.entitled("cus_A", "False NoSubscription")
	if now := time.Now(); now.Before(end.Time) {
		t.Errorf("the override ended at %s, before %s", now, end)
	}
	o.overridden("False OverrideEnded")
	o.eventually("the metric counts it", func() string { return cmp.Diff(1.0, overridesEnded(t)) })

	o.override(`{"access":"Denied","until":null}`)
	o.entitled("cus_A", "False OverrideDenied")
	o.overridden("True OverrideDenied")
	o.override("null")
	o.entitled("cus_A", "False NoSubscription")
	o.overridden("")
	o.eventually("Kubernetes events report the overrides", func() string {
		return cmp.Diff([]string{"OverrideDenied", "OverrideEnded", "OverrideGranted", "OverrideRemoved"}, o.overrideNotices())
	})
	if text := o.everyCondition(); strings.Contains(strings.ToLower(text), "canary") {
		t.Errorf("a condition says what a person wrote: %s", text)
	}
}

// overridesEnded returns the metric of the overrides that have ended.
func overridesEnded(t *testing.T) float64 {
	t.Helper()
	families, err := ctrlmetrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "tollkeeper_overrides_ended" {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatal("there is no metric of the overrides that have ended")
	return 0
}

// overrideNotices are the reasons of the Kubernetes events about overrides. None holds what a person wrote.
func (o *operator) overrideNotices() []string {
	o.t.Helper()
	var notices eventsv1.EventList
	if err := cluster.Client.List(o.t.Context(), &notices, client.InNamespace(o.namespace)); err != nil {
		o.t.Fatal(err)
	}
	var reasons []string
	for _, notice := range notices.Items {
		if strings.Contains(strings.ToLower(notice.Note), "canary") {
			o.t.Errorf("a Kubernetes event says what a person wrote: %s", notice.Note)
		}
		if notice.Action == "Override" {
			reasons = append(reasons, notice.Reason)
		}
	}
	slices.Sort(reasons)
	return reasons
}

// A time that the API server accepts, and that Go cannot read, would keep the operator from reading any Customer.
func TestInvalidOverridesAreRejected(t *testing.T) {
	t.Parallel()
	namespace, err := cluster.Namespace(t.Context(), "api-")
	if err != nil {
		t.Fatal(err)
	}
	c := &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "c"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_A"}}
	if err := cluster.Client.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	patch := func(override string) error {
		return cluster.Client.Patch(t.Context(), c.DeepCopy(),
			client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"override":`+override+`}}`)))
	}
	for override, want := range map[string]string{
		`{"reason":"no access"}`:                                           "spec.override.access: Required value",
		`{"access":"Auto"}`:                                                "Unsupported value",
		`{"access":""}`:                                                    "Unsupported value",
		`{"access":"Granted","until":"tomorrow"}`:                          "spec.override.until",
		`{"access":"Granted","until":"2026-03-13"}`:                        "spec.override.until",
		`{"access":"Granted","until":"2026-03-13T12:00:00"}`:               "spec.override.until",
		`{"access":"Granted","until":"2026-03-13t12:00:00z"}`:              "spec.override.until",
		`{"access":"Granted","until":"2026-03-13T12:00:00x5Z"}`:            "spec.override.until",
		`{"access":"Granted","until":"2026-03-13T12:00:00+99:00"}`:         "spec.override.until",
		`{"access":"Granted","until":"2026-02-30T12:00:00Z"}`:              "spec.override.until",
		`{"access":"Granted","until":"2026-03-13T24:00:00Z"}`:              "spec.override.until",
		`{"access":"Granted","until":"2026-03-13T12:60:00Z"}`:              "spec.override.until",
		`{"access":"Granted","until":"2026-03-13T12:00:60Z"}`:              "spec.override.until",
		`{"access":"Granted","author":"` + strings.Repeat("a", 129) + `"}`: "Too long",
		`{"access":"Granted","reason":"` + strings.Repeat("a", 513) + `"}`: "Too long",
	} {
		if err := patch(override); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want a rejection with %q, got %v", override, want, err)
		}
	}
	for _, until := range []string{"0000-01-01T00:00:00Z", "2026-03-13T12:00:00Z", "2026-03-13T12:00:00.123456789+23:59", "9999-12-31T23:59:59-23:59"} {
		if err := patch(`{"access":"Granted","until":"` + until + `"}`); err != nil {
			t.Errorf("%s: %v", until, err)
		}
		if err := cluster.Client.Get(t.Context(), client.ObjectKeyFromObject(c), &v1alpha1.Customer{}); err != nil {
			t.Errorf("%s cannot be read: %v", until, err)
		}
	}
}
