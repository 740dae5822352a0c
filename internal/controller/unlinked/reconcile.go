package unlinked

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
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
		if apierrors.IsNotFound(err) { // it has its outcome, or was deleted
			r.searches.forget(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	e.TakeContent()
	t, _ := events.Lookup(e.Spec.Type)
	why := events.RecordedOnly(&e.Spec)
	switch {
	case e.Status.Outcome != v1alpha1.OutcomePending || !r.Scope.IsUnlinked(&e):
		r.searches.forget(req.NamespacedName)
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
// then, and after StripeDelay at Stripe. After LinkTimeout the event ends without a customer.
func (r *Reconciler) link(ctx context.Context, e *v1alpha1.BillingEvent) (ctrl.Result, error) {
	age := r.Clock.Since(e.CreationTimestamp.Time)
	customerID, err := r.customerInCache(ctx, e)
	if err == nil && customerID == "" && age >= time.Second && r.searches.isDue(e, age, r.LinkTimeout) {
		customerID, err = r.customerInEvents(ctx, e)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	if customerID == "" && r.Stripe != nil && age >= r.StripeDelay {
		var known bool
		customerID, known, err = r.customerAtStripe(ctx, e)
		switch {
		case err != nil && r.awaitsStripe(ctx, e, err):
			return requeue.OnStripeError(err)
		case known && customerID == "":
			return r.keep(ctx, e, v1alpha1.RecordedNoCustomer, fmt.Sprintf(
				"Stripe has no customer for %s: a guest paid it.", payment(e)))
		}
	}
	switch {
	case customerID != "":
		return r.linkTo(ctx, e, customerID)
	case age >= r.LinkTimeout:
		return r.keep(ctx, e, v1alpha1.RecordedCustomerNotFound, r.notFound(e, err))
	default: // The pause doubles with the event's age, from a second to a minute, and ends with the timeout.
		return ctrl.Result{RequeueAfter: min(max(age, time.Second), time.Minute, r.LinkTimeout-age)}, nil
	}
}

// awaitsStripe reports whether the event waits until Stripe answers. It does so for LinkTimeout at least, also after the operator was
// down for longer than that. For example, the controllers are down from 9:00 to 11:00 and the receivers are not: a dispute that came at
// 9:05 waits for Stripe until 12:00.
func (r *Reconciler) awaitsStripe(ctx context.Context, e *v1alpha1.BillingEvent, err error) bool {
	age := r.Clock.Since(e.CreationTimestamp.Time)
	if r.searches.waited(e, age) < r.LinkTimeout {
		return true
	}
	ctrl.LoggerFrom(ctx).Error(err, "Gave up asking Stripe for the customer of an event", "eventID", e.Spec.EventID)
	return false
}

// notFound says why the event ends without a customer, and what to do. atStripe is Stripe's error, or nil.
func (r *Reconciler) notFound(e *v1alpha1.BillingEvent, atStripe error) string {
	message := fmt.Sprintf("No event that names the customer of %s was found within %s (--link-timeout).", payment(e), r.LinkTimeout)
	switch {
	case atStripe != nil:
		message += " Stripe could not be asked: the operator's log says why. Once it answers, label this event with " + v1alpha1.LabelRetry + "."
	case r.Stripe != nil:
		message += " Stripe does not know the payment, either."
	case r.DeletesEvents:
		message += " Those of an old payment are no longer in the cluster: bring them back (kubectl tollkeeper archive restore), and " +
			"label this event with " + v1alpha1.LabelRetry + ". With a Stripe key, the payment is read from Stripe instead."
	}
	return message
}
