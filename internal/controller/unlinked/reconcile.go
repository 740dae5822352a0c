package unlinked

import (
	"context"
	"fmt"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/requeue"
	"github.com/tollkeeper/tollkeeper/internal/events"
)

// Reconcile ends one event, links it, or waits for its customer to be known.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var e v1alpha1.BillingEvent
	if err := r.Client.Get(ctx, req.NamespacedName, &e, client.DisableReadYourWritesConsistency); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	e.TakeContent()
	t, _ := events.Lookup(e.Spec.Type)
	why := events.RecordedOnly(&e.Spec)
	switch {
	case e.Status.Outcome != v1alpha1.OutcomePending || !r.Scope.IsUnlinked(&e):
		return ctrl.Result{}, nil
	case !r.Scope.IncludesAccount(&e):
		return r.keep(ctx, &e, v1alpha1.RecordedOtherAccount, fmt.Sprintf(
			"This is an event of the connected account %s, which is not let in (--accounts). Once it is, the event is applied.", e.Spec.Account))
	case !r.Scope.CoversMode(&e):
		return r.keep(ctx, &e, v1alpha1.RecordedOtherMode, fmt.Sprintf(
			"This is an event of Stripe's %s mode. The operator applies events of %s mode (--livemode).",
			mode(e.Spec.Livemode), mode(!e.Spec.Livemode)))
	case why != "":
		return r.keep(ctx, &e, v1alpha1.RecordedUnhandledType, "The event is kept for the audit trail only: "+why+".")
	case e.Spec.DecodeError != "":
		return r.end(ctx, &e, v1alpha1.OutcomeFailed, e.Spec.DecodeError)
	case e.Spec.CustomerAccount != "":
		return r.linkByAccount(ctx, &e)
	case t.AlwaysHasCustomer():
		return r.linkBySubscription(ctx, &e)
	case !t.ByPayment:
		return r.keep(ctx, &e, v1alpha1.RecordedNoCustomer, "The event names no customer.")
	default:
		return r.link(ctx, &e)
	}
}

func mode(live bool) string {
	if live {
		return "live"
	}
	return "test"
}

// link looks for the customer of the charge or payment intent: in what is cached, from a second on in the recorded events now and
// then, and after StripeDelay at Stripe.
func (r *Reconciler) link(ctx context.Context, e *v1alpha1.BillingEvent) (ctrl.Result, error) {
	age := r.Clock.Since(e.CreationTimestamp.Time)
	customerID, err := r.customerInCache(ctx, e)
	if err == nil && customerID == "" && age >= time.Second && r.searches.isDue(e, age, r.LinkTimeout) {
		customerID, err = r.customerInEvents(ctx, e)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	if customerID == "" && r.Stripe != nil && age >= r.StripeDelay && age < r.LinkTimeout {
		var known bool
		customerID, known, err = r.customerAtStripe(ctx, e)
		switch {
		case err != nil:
			return requeue.OnStripeError(err)
		case known && customerID == "":
			return r.keep(ctx, e, v1alpha1.RecordedNoCustomer, fmt.Sprintf(
				"Stripe has no customer for %s: a guest paid it.", payment(e)))
		}
	}
	if customerID != "" {
		return r.linkTo(ctx, e, customerID)
	}
	if age >= r.LinkTimeout {
		message := fmt.Sprintf("No event that names the customer of %s was found within %s (--link-timeout).", payment(e), r.LinkTimeout)
		if r.DeletesEvents {
			message += " Those of an old payment are no longer in the cluster: bring them back (kubectl tollkeeper archive restore), and " +
				"label this event with " + v1alpha1.LabelRetry + ". With a Stripe key, the payment is read from Stripe instead."
		}
		return r.keep(ctx, e, v1alpha1.RecordedCustomerNotFound, message)
	}
	// The pause doubles with the event's age, from a second to a minute, and ends with the timeout.
	return ctrl.Result{RequeueAfter: min(max(age, time.Second), time.Minute, r.LinkTimeout-age)}, nil
}
