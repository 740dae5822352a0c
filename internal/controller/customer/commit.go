package customer

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// commit writes what a plan changes: the subscriptions first, so that a reader that sees Entitled also sees the
// subscriptions behind it. Then c holds the plan's statuses as the stored ones.
//
// If the API server refuses a status after another subscription was written, that subscription's old status is written
// back. Otherwise the refused change would stay in the subscription, and get into the customer's next status. Once the
// API server has refused a status of the customer, it is asked about the customer's status first, by a dry run: so a
// subscription is not written and written back for as long as a policy refuses its customer.
func (r *Reconciler) commit(ctx context.Context, c *reconciliation, p *plan) error {
	if err := r.createMissing(ctx, c, p); err != nil {
		return err
	}
	if c.customer.UID == "" {
		return nil
	}
	if c.wasRejected && p.changed && len(p.subscriptions) > 0 {
		if err := r.writeStatus(ctx, p.customer.DeepCopy(), "Customer", client.DryRunAll, client.DisableReadYourWritesConsistency); err != nil {
			return err
		}
	}
	replaced := map[string]*v1alpha1.Subscription{}
	for _, s := range p.subscriptions {
		id := s.Spec.SubscriptionID
		before := c.subscriptions[id]
		if err := r.writeStatus(ctx, s, "Subscription"); err != nil {
			return r.writeBack(ctx, c, replaced, err)
		}
		replaced[id], c.subscriptions[id] = before, s
	}
	if p.changed {
		if err := r.writeStatus(ctx, p.customer, "Customer"); err != nil {
			return r.writeBack(ctx, c, replaced, err)
		}
		r.announceOverride(p.customer, c.customer.Status.Conditions)
		r.announce(p.customer, c.customer.Status.Conditions)
		logEntitlement(ctx, p.customer, c.customer.Status.Conditions)
		r.announcePurchases(p.customer, c.customer.Status.Purchases)
		c.customer = p.customer
	}
	c.goneBefore = nil // the stored status says it now
	r.noteCommitted(ctx, c, p)
	return nil
}

// noteCommitted notes the outcomes of the plan's events and when to reconcile next, and reports what a reading
// corrected.
func (r *Reconciler) noteCommitted(ctx context.Context, c *reconciliation, p *plan) {
	for i, e := range p.events {
		e.outcome, e.shownAt = p.outcomes[i], r.Clock.Now()
		if e.outcome == v1alpha1.OutcomeSuperseded {
			e.message = "Newer events have replaced everything that this event reports."
		}
	}
	r.shown.observe(p.events, r.Clock.Now())
	c.reconcileAt = p.next
	for _, d := range p.differences {
		if d.remains {
			ctrl.LoggerFrom(ctx).Info("A difference from Stripe remains", "kind", d.kind, "id", d.id, "field", d.field)
			continue
		}
		metrics.Drift.WithLabelValues(d.kind, d.field).Inc()
		ctrl.LoggerFrom(ctx).Info("Repaired a difference from Stripe", "kind", d.kind, "id", d.id, "field", d.field)
	}
}

// createMissing creates the plan's objects that do not exist yet. If the API server refuses their statuses later, they
// stay with empty ones.
func (r *Reconciler) createMissing(ctx context.Context, c *reconciliation, p *plan) error {
	if p.customer.UID == "" {
		if len(p.events) == 0 && c.batch == nil {
			return nil
		}
		customer := c.customer.DeepCopy()
		if err := r.create(ctx, customer, "Customer"); err != nil {
			return err
		}
		c.customer, p.customer.ObjectMeta = customer, customer.ObjectMeta
	}
	for _, s := range p.subscriptions {
		if s.UID != "" {
			continue
		}
		created := newSubscription(c.customer, s.Spec.SubscriptionID)
		created.OwnerReferences = []metav1.OwnerReference{naming.OwnedBy(c.customer)}
		if err := r.create(ctx, created, "Subscription"); err != nil {
			return err
		}
		c.subscriptions[s.Spec.SubscriptionID], s.ObjectMeta = created.DeepCopy(), created.ObjectMeta
	}
	return nil
}

// writeBack undoes the subscriptions' writes if the API server has refused a later one. It returns the cause, or why the
// writes could not be undone.
func (r *Reconciler) writeBack(ctx context.Context, c *reconciliation, replaced map[string]*v1alpha1.Subscription, cause error) error {
	if !apirejection.Is(cause) {
		return cause // the next reconciliation folds the same events again, and completes the writes
	}
	for id, before := range replaced {
		restored := c.subscriptions[id].DeepCopy()
		restored.Status = before.Status
		if err := r.writeStatus(ctx, restored, "Subscription"); err != nil {
			return fmt.Errorf("write back after a refusal: %w", err)
		}
		c.subscriptions[id] = restored
	}
	return cause
}

// announce reports a change of the customer's entitlement, or of its reason, as a Kubernetes event. The metric counts changes
// of the entitlement only.
func (r *Reconciler) announce(customer *v1alpha1.Customer, conditionsBefore []metav1.Condition) {
	before := meta.FindStatusCondition(conditionsBefore, v1alpha1.ConditionEntitled)
	now := meta.FindStatusCondition(customer.Status.Conditions, v1alpha1.ConditionEntitled)
	isChanged := before == nil || before.Status != now.Status
	if isChanged {
		metrics.EntitlementChanges.WithLabelValues(string(now.Status), now.Reason).Inc()
	}
	if isChanged || before.Reason != now.Reason {
		countLockout(before, now)
		r.Recorder.Eventf(customer, nil, severityOf(before, now), now.Reason, "Decide", "Entitled is %s: %s", now.Status, now.Message)
	}
}

// severityOf is Warning if the customer loses access, or will lose it unless a payment succeeds.
func severityOf(before, now *metav1.Condition) string {
	losesAccess := before != nil && before.Status != metav1.ConditionFalse && now.Status == metav1.ConditionFalse
	if losesAccess || now.Reason == v1alpha1.ReasonGracePeriod {
		return corev1.EventTypeWarning
	}
	return corev1.EventTypeNormal
}
