package customer

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/pace"
)

// endings are the customers, by account and id, that are noted as having ended events.
type endings [][2]string

func (e *endings) MayHave(string, string) bool { return true }

func (e *endings) Has(string, string) bool { return true }

func (e *endings) NoteEnding(account, customerID string) {
	*e = append(*e, [2]string{account, customerID})
}

// Before the outcome of an event is written, its customer is noted as one that has ended events: a search for the event then finds
// it pending, or knows that it may have ended.
func TestAnEndingIsNotedBeforeItIsWritten(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		outcome v1alpha1.Outcome
		fault   error
	}{
		"it is applied":                   {outcome: v1alpha1.OutcomeApplied},
		"it cannot be read":               {outcome: v1alpha1.OutcomeFailed},
		"it fails after its last attempt": {fault: errors.New("a bug")},
	} {
		t.Run(name, func(t *testing.T) {
			c := waiting("evt_1")
			c.customer.Spec.Account = "acct_1"
			e := c.pending[0]
			e.Namespace, e.Name, e.outcome, e.fault = "billing", "evt-1", tc.outcome, tc.fault
			noted, atWrite := &endings{}, endings(nil)
			stored := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(e.BillingEvent).WithObjects(e.BillingEvent).Build()
			r := &Reconciler{Clock: testingclock.NewFakePassiveClock(noon), Ended: noted, EventAttempts: 1}
			r.Pace = &pace.Pace{Clock: r.Clock}
			r.Client = interceptor.NewClient(stored, interceptor.Funcs{
				SubResourceUpdate: func(context.Context, client.Client, string, client.Object, ...client.SubResourceUpdateOption) error {
					atWrite = append(endings{}, *noted...)
					return nil
				},
			})
			if err := errors.Join(r.writeAttempts(t.Context(), c), r.writeOutcomes(t.Context(), c, c.toSettle())); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(endings{{"acct_1", "cus_A"}}, atWrite); diff != "" {
				t.Errorf("noted when the outcome is written (-want +got):\n%s", diff)
			}
		})
	}
}
