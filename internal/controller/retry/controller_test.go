package retry

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	testingclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// failed is the cache of Failed events.
type failed struct {
	cache.Cache
	reader client.Reader
}

func (f failed) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	return f.reader.Get(ctx, key, object, options...)
}

// A key that may not read events does so until a person changes it: the request is answered. A key or an account that Stripe
// refuses altogether may be accepted again: the request waits.
func TestRequestsThatStripeRefuses(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		err     error
		retried string
	}{
		"the permission": {err: stripeapi.ErrRefused, retried: "1"},
		"the account":    {err: &stripeapi.RefusalError{Account: "acct_1"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := event(v1alpha1.OutcomeFailed, "", func(e *v1alpha1.BillingEvent) {
				e.Namespace, e.Name, e.Spec.DecodeError = "billing", "event", "status: want a string, got a number"
				e.Annotations = map[string]string{v1alpha1.AnnotationRetry: "1"}
			})
			c := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(e).WithObjects(e).Build()
			clock := testingclock.NewFakePassiveClock(now)
			r := &Reconciler{Failed: failed{reader: c}, Client: c, Clock: clock, Chance: Chance{
				Stripe: &answers{err: fmt.Errorf("get: %w", tc.err)}, Clock: clock,
			}}
			if _, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(e)}); err != nil {
				t.Fatal("an error in the log:", err)
			}
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(e), e); err != nil {
				t.Fatal(err)
			}
			if e.Status.Outcome != v1alpha1.OutcomeFailed || e.Status.Retried != tc.retried ||
				strings.Contains(e.Status.Message, "give the restricted key the permission") != (tc.retried != "") {
				t.Errorf("outcome %q, answered %q: %s", e.Status.Outcome, e.Status.Retried, e.Status.Message)
			}
		})
	}
}
