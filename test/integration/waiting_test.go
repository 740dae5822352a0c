package integration

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/controller/unlinked"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// countingReader counts the lists.
type countingReader struct {
	client.Reader
	lists atomic.Int32
}

func (r *countingReader) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	defer r.lists.Add(1)
	return r.Reader.List(ctx, list, options...)
}

// A dispute has waited for ten minutes, so it is looked at once a minute. As the first event of its payment comes, it is linked at once.
func TestADisputeIsLinkedAsItsPaymentComes(t *testing.T) {
	t.Parallel()
	o := start(t, func(c *config.Config) { c.Components.Controllers = false })
	manager, _ := o.newManager()
	now, reader := time.Now(), &countingReader{Reader: manager.GetAPIReader()}
	if err := routing.AddIndexes(t.Context(), manager.GetFieldIndexer(), routing.Scope{}); err != nil {
		t.Fatal(err)
	}
	if err := (&unlinked.Reconciler{
		Client: manager.GetClient(), Reader: reader, Clock: testingclock.NewFakePassiveClock(now.Add(10 * time.Minute)), LinkTimeout: time.Hour,
	}).SetupWithManager(manager, controller.Options{}); err != nil {
		t.Fatal(err)
	}
	runManager(t, manager)

	o.send(Event{ID: "evt_1", Type: "charge.dispute.created", Created: now, Shape: New, Object: Dispute("dp_1", "ch_1", "pi_1", now, now.AddDate(0, 0, 9))})
	o.eventually("the dispute's customer is searched for", func() string {
		if reader.lists.Load() < 2 { // by the payment intent, and by the charge
			return "it is not"
		}
		return ""
	})
	o.send(Event{ID: "evt_2", Type: "payment_intent.succeeded", Created: now, Shape: New,
		Object: PaymentIntent(New, "pi_1", "cus_A", "ch_other", "succeeded", now)})
	const untilNextLook = time.Minute
	err := wait.PollUntilContextTimeout(t.Context(), interval, untilNextLook/2, true, func(context.Context) (bool, error) {
		return o.event("evt_1").CustomerID() == "cus_A", nil
	})
	if err != nil {
		t.Errorf("the dispute is linked to %q: %v", o.event("evt_1").CustomerID(), err)
	}
}
