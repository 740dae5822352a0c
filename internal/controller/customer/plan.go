package customer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/panics"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// plan is what the customer's objects become with some of its pending events. Nothing of it is written yet.
type plan struct {
	events        []*pendingEvent
	outcomes      []v1alpha1.Outcome // of events
	customer      *v1alpha1.Customer
	subscriptions []*v1alpha1.Subscription // in the order of Stripe's ids; only those that are new or whose status changes
	changed       bool                     // whether the customer's status changes
	differences   []difference             // the fields that differed from a reading
	next          *time.Time               // when the clock alone changes something; nil if it does not
}

// plan is an outline that is valid. It returns an error for which isFault is true if the fold panics or a status would be invalid.
func (r *Reconciler) plan(ctx context.Context, c *reconciliation, events []*pendingEvent) (*plan, error) {
	p, err := r.outline(ctx, c, events)
	if err == nil {
		err = r.validate(ctx, c, p)
	}
	return p, err
}

// outline folds events, and what was read from Stripe, into the stored statuses, and decides. It returns an error for which
// isFault is true if the fold panics.
func (r *Reconciler) outline(ctx context.Context, c *reconciliation, events []*pendingEvent) (p *plan, err error) {
	err = panics.Catch(func() error {
		p = &plan{events: events}
		aggregate, err := r.fold(ctx, c, p)
		if err != nil {
			return err
		}
		p.differences = foldReadings(aggregate, c)
		if aggregate, err = r.foldProducts(ctx, c, aggregate); err != nil {
			return err
		}
		showErasure(c, aggregate)
		r.decide(c, p, aggregate)
		return nil
	})
	return p, err
}

// fold folds the plan's events, and the settled events that are folded again, into a copy of the stored statuses. It
// sets the outcomes of the plan's events.
func (r *Reconciler) fold(ctx context.Context, c *reconciliation, p *plan) (*projection.Aggregate, error) {
	changes := make([]projection.Change, 0, len(p.events)+len(c.recorded))
	for _, e := range p.events {
		changes = append(changes, r.Change(projection.EventOf(e.BillingEvent)))
	}
	for _, e := range c.recorded {
		changes = append(changes, r.Change(projection.EventOf(e)))
	}
	aggregate := storedAggregate(c)
	outcomes, missing := projection.Fold(aggregate, changes)
	if len(missing) > 0 {
		earlier, err := r.readAgain(ctx, c.customer, missing)
		if err != nil {
			return nil, err
		}
		aggregate = storedAggregate(c)
		outcomes, _ = projection.Fold(aggregate, append(changes, earlier...))
	}
	p.outcomes = outcomes[:len(p.events)]
	projection.KeepByName(aggregate, c.lost)
	return aggregate, nil
}

// storedAggregate copies the stored statuses. A subscription without a status is left out: it was created for an event
// that is not folded yet, or its status is lost.
func storedAggregate(c *reconciliation) *projection.Aggregate {
	a := &projection.Aggregate{Customer: *c.customer.Status.DeepCopy(), Subscriptions: map[string]*v1alpha1.SubscriptionStatus{}}
	for id, s := range c.subscriptions {
		if hasStatus(s) {
			a.Subscriptions[id] = s.Status.DeepCopy()
			a.Subscriptions[id].TakeEarlier()
		}
	}
	a.Customer.TakeEarlier()
	if c.goneBefore != nil {
		projection.EventsGone(a, *c.goneBefore)
	}
	return a
}

// hasStatus reports whether the subscription's status was written. Then it has conditions, whatever else is known.
func hasStatus(s *v1alpha1.Subscription) bool { return len(s.Status.Conditions) > 0 }

// readAgain reads events that were folded before from the API server. An event that is gone leaves its part of the
// status in doubt.
func (r *Reconciler) readAgain(ctx context.Context, customer *v1alpha1.Customer, eventIDs []string) ([]projection.Change, error) {
	var changes []projection.Change
	for _, id := range eventIDs {
		var e v1alpha1.BillingEvent
		key := client.ObjectKey{Namespace: customer.Namespace, Name: naming.Object(customer.Spec.Account, id)}
		switch err := r.Reader.Get(ctx, key, &e); {
		case err == nil:
			e.TakeContent()
			changes = append(changes, r.Change(projection.EventOf(&e)))
		case !apierrors.IsNotFound(err):
			return nil, fmt.Errorf("read BillingEvent %s again: %w", key.Name, err)
		}
	}
	return changes, nil
}

// decide derives the statuses from the aggregate. The subscriptions are compared with what is stored last, as Summarise shows
// on them what was paid.
func (r *Reconciler) decide(c *reconciliation, p *plan, aggregate *projection.Aggregate) {
	now, refusal := r.Clock.Now().UTC(), r.Readings.Refusal(client.ObjectKeyFromObject(c.customer))
	decision := entitlement.Decide(entitlement.Input{
		Spec:          c.customer.Spec,
		Customer:      &aggregate.Customer,
		Subscriptions: aggregate.Subscriptions,
		HasStripe:     r.HasStripe,
	}, r.Policy, now)
	expiry := projection.Summarise(aggregate, projection.View{
		Deciding:  decision.SubscriptionID,
		Entitling: decision.Entitling,
		Purchases: decision.Purchases,
		Name:      func(id string) string { return naming.Object(c.customer.Spec.Account, id) },
		Now:       now,
	})
	for _, id := range slices.Sorted(maps.Keys(aggregate.Subscriptions)) {
		s := newSubscription(c.customer, id)
		before := v1alpha1.SubscriptionStatus{}
		if stored := c.subscriptions[id]; stored != nil {
			s, before = stored.DeepCopy(), stored.Status
		}
		s.Status = *aggregate.Subscriptions[id]
		setSubscriptionConditions(s, aggregate.Customer.DeletedAt, refusal, now)
		if s.UID == "" || !equality.Semantic.DeepEqual(before, s.Status) {
			p.subscriptions = append(p.subscriptions, s)
		}
	}
	p.customer = c.customer.DeepCopy()
	p.customer.Status = aggregate.Customer
	p.customer.Status.AccessUntil = decision.Until.DeepCopy()
	events := unused{waiting: c.waiting(p.events), failed: c.failed, dismissed: c.dismissed}
	setCustomerConditions(p.customer, decision, events, r.doubtedProducts(aggregate), refusal, now)
	setErased(p.customer, r.HasStripe, now)
	r.showNotified(c, p, now)
	p.changed = !equality.Semantic.DeepEqual(c.customer.Status, p.customer.Status)
	for _, at := range []*metav1.Time{decision.Next, expiry} {
		if at != nil && (p.next == nil || at.Time.Before(*p.next)) {
			p.next = &at.Time
		}
	}
}

// validate checks every status that the plan changes against its CRD's schema. It returns an error for which isFault is true if one is
// invalid, or if the check panics.
func (r *Reconciler) validate(ctx context.Context, c *reconciliation, p *plan) error {
	return panics.Catch(func() error { return r.validateAll(ctx, c, p) })
}

func (r *Reconciler) validateAll(ctx context.Context, c *reconciliation, p *plan) error {
	for _, s := range p.subscriptions {
		stored := c.subscriptions[s.Spec.SubscriptionID]
		if stored == nil {
			stored = newSubscription(c.customer, s.Spec.SubscriptionID)
		}
		if err := r.Schemas.ValidateStatus(ctx, stored, s, v1alpha1.GroupVersion.WithKind("Subscription")); err != nil {
			return fmt.Errorf("status of Subscription %s: %w", s.Name, err)
		}
	}
	if !p.changed {
		return nil
	}
	if err := r.Schemas.ValidateStatus(ctx, c.customer, p.customer, v1alpha1.GroupVersion.WithKind("Customer")); err != nil {
		return fmt.Errorf("status of Customer %s: %w", p.customer.Name, err)
	}
	return nil
}

// decidesAccess reports whether the plan gives or takes access, or changes for how long or to what it is given.
func (p *plan) decidesAccess(stored *v1alpha1.Customer) bool {
	before, after := &stored.Status, &p.customer.Status
	isEntitled := meta.IsStatusConditionTrue(after.Conditions, v1alpha1.ConditionEntitled)
	if meta.IsStatusConditionTrue(before.Conditions, v1alpha1.ConditionEntitled) != isEntitled {
		return true
	}
	grantsTheSame := before.AccessUntil.Equal(after.AccessUntil) && before.Plan == after.Plan && slices.Equal(before.Plans, after.Plans) &&
		slices.Equal(before.Features, after.Features) && maps.Equal(before.Entitlements, after.Entitlements)
	return isEntitled && !grantsTheSame
}
