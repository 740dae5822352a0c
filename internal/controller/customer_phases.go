package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	corev1 "k8s.io/api/core/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
)

// ensureObjects creates the customer and those of its subscriptions that are not there yet. Where their statuses are refused then, they
// stay, and nothing is told of them.
func (r *CustomerReconciler) ensureObjects(ctx context.Context, a *account) error {
	if a.customer.UID == "" {
		if !a.folded {
			return nil
		}
		customer := a.customer.DeepCopy()
		if err := r.Client.Create(ctx, customer); err != nil {
			return fmt.Errorf("create Customer %s: %w", customer.Name, apirejection.Hide("it", err))
		}
		a.customer = customer
	}
	for _, id := range a.subscriptionIDs() {
		if a.subscriptions[id] != nil {
			continue
		}
		s := newSubscription(a.customer, id)
		if err := r.Client.Create(ctx, s); err != nil {
			return fmt.Errorf("create Subscription %s: %w", s.Name, apirejection.Hide("it", err))
		}
		a.subscriptions[id] = s
	}
	return nil
}

// statusWrite is a status that has changed.
type statusWrite struct {
	object  client.Object
	name    string // with its kind
	first   bool   // nothing was written before
	written func()
}

func (w statusWrite) failed(err error) error {
	return fmt.Errorf("write status of %s: %w", w.name, apirejection.Hide("it", err))
}

// statusWrites are the statuses that have changed, the customer's last: who sees that it is entitled finds the subscriptions that say
// why.
func (r *CustomerReconciler) statusWrites(a *account) []statusWrite {
	if a.customer.UID == "" {
		return nil
	}
	now := r.Clock.Now().UTC()
	var writes []statusWrite
	for _, id := range a.subscriptionIDs() {
		s := a.subscriptions[id].DeepCopy()
		before := s.Status.DeepCopy()
		s.Status = *a.aggregate.Subscriptions[id].DeepCopy()
		describeSubscription(s, now)
		if !equality.Semantic.DeepEqual(before, &s.Status) {
			writes = append(writes, statusWrite{s, "Subscription " + s.Name, !written(a.subscriptions[id]), func() { a.subscriptions[id] = s }})
		}
	}

	customer := a.customer.DeepCopy()
	before := customer.Status.DeepCopy()
	a.next = r.describeCustomer(customer, a.aggregate.DeepCopy(), now)
	if !equality.Semantic.DeepEqual(before, &customer.Status) {
		writes = append(writes, statusWrite{customer, "Customer " + customer.Name, !written(a.customer), func() {
			a.customer = customer
			r.announce(customer, before.Conditions)
		}})
	}
	return writes
}

// writeStatuses writes every status that has changed. Where there are several, the API server is asked first what it would say of the
// last one, the customer's: were it refused after a subscription is written, the customer could not be written any more, whatever
// is left out of it.
func (r *CustomerReconciler) writeStatuses(ctx context.Context, a *account) error {
	writes := r.statusWrites(a)
	if len(writes) > 1 {
		if err := r.ask(ctx, writes[len(writes)-1]); err != nil {
			return err
		}
	}
	for _, write := range writes {
		if err := r.Client.Status().Update(ctx, write.object); err != nil {
			return write.failed(err)
		}
		write.written()
	}
	return nil
}

// ask has the API server say what it would answer to a write.
func (r *CustomerReconciler) ask(ctx context.Context, write statusWrite) error {
	object, _ := write.object.DeepCopyObject().(client.Object)
	if err := r.Client.Status().Update(ctx, object, client.DryRunAll, client.DisableReadYourWritesConsistency); err != nil {
		return write.failed(err)
	}
	return nil
}

// describeCustomer derives what follows from the folded events, and returns when the clock alone will change it.
func (r *CustomerReconciler) describeCustomer(customer *v1alpha1.Customer, aggregate *projection.Aggregate, now time.Time) *time.Time {
	decision := entitlement.Decide(entitlement.Input{
		Spec:          customer.Spec,
		Customer:      &aggregate.Customer,
		Subscriptions: aggregate.Subscriptions,
	}, r.Policy, now)
	expires := projection.Summarise(aggregate, projection.View{
		Deciding:  decision.SubscriptionID,
		Entitling: decision.Entitling,
		Name:      func(id string) string { return naming.Object(customer.Spec.Account, id) },
		Now:       now,
	})
	customer.Status = aggregate.Customer
	customer.Status.AccessUntil = decision.Until.DeepCopy()
	customer.Status.ObservedGeneration = customer.Generation
	setCondition(&customer.Status.Conditions, customer.Generation, now,
		v1alpha1.ConditionEntitled, decision.Entitled, decision.Reason, decision.Message)
	setCondition(&customer.Status.Conditions, customer.Generation, now,
		v1alpha1.ConditionReady, true, v1alpha1.ReasonUpToDate, "Every event that could be used is in the status.")
	setInSync(&customer.Status.Conditions, customer.Generation, now,
		projection.ProfilePosition(&customer.Status), customer.Status.LastComparison)
	return soonest(decision.Next, expires)
}

func describeSubscription(s *v1alpha1.Subscription, now time.Time) {
	s.Status.ObservedGeneration = s.Generation
	setInSync(&s.Status.Conditions, s.Generation, now, projection.StatePosition(&s.Status), s.Status.LastComparison)
	if s.Status.Status == "" {
		setCondition(&s.Status.Conditions, s.Generation, now, v1alpha1.ConditionReady, false, v1alpha1.ReasonAwaitingState,
			"No event has told the subscription's state yet.")
		return
	}
	setCondition(&s.Status.Conditions, s.Generation, now, v1alpha1.ConditionReady, true, v1alpha1.ReasonUpToDate,
		"Every event that could be used is in the status.")
}

func setInSync(conditions *[]metav1.Condition, generation int64, now time.Time, p v1alpha1.Position, last *v1alpha1.Comparison) {
	status, reason, message := inSync(p, last)
	meta.SetStatusCondition(conditions, metav1.Condition{
		Type: v1alpha1.ConditionInSync, Status: status, Reason: reason, Message: message,
		ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(now),
	})
}

func setCondition(conditions *[]metav1.Condition, generation int64, now time.Time, kind string, status bool, reason, message string) {
	condition := metav1.Condition{
		Type: kind, Status: metav1.ConditionFalse, Reason: reason, Message: message,
		ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(now),
	}
	if status {
		condition.Status = metav1.ConditionTrue
	}
	meta.SetStatusCondition(conditions, condition)
}

// announce tells people and metrics that the customer's entitlement has turned.
func (r *CustomerReconciler) announce(customer *v1alpha1.Customer, before []metav1.Condition) {
	was := meta.FindStatusCondition(before, v1alpha1.ConditionEntitled)
	is := meta.FindStatusCondition(customer.Status.Conditions, v1alpha1.ConditionEntitled)
	if was != nil && was.Status == is.Status {
		return
	}
	metrics.EntitlementChanges.WithLabelValues(string(is.Status), is.Reason).Inc()
	kind := corev1.EventTypeNormal
	if was != nil && is.Status == metav1.ConditionFalse {
		kind = corev1.EventTypeWarning
	}
	r.Recorder.Eventf(customer, nil, kind, is.Reason, "Decide", "Entitled is %s: %s", is.Status, is.Message)
}

// planEmails creates the two e-mails to a customer who signed up with one of the events. Their names make a second one
// impossible, so that doing it again does nothing. Nobody is welcomed weeks later, when a first look for missed events finds the sign-up.
// Where an Email is refused, which holds nothing of the event, the sign-up waits until it is not.
func (r *CustomerReconciler) planEmails(ctx context.Context, a *account) error {
	for i := range a.pending {
		v := &a.pending[i]
		if v.waits || v.failure != nil || v.outcome != v1alpha1.OutcomeApplied || !projection.IsSignup(&a.aggregate.Customer, &v.event.Spec) {
			continue
		}
		if r.Clock.Since(v.event.Spec.Created.Time) > r.MailMaxAge {
			continue
		}
		for _, purpose := range []v1alpha1.EmailPurpose{v1alpha1.EmailWelcome, v1alpha1.EmailPasswordReset} {
			email := newEmail(a.customer, purpose)
			err := r.Client.Create(ctx, email)
			switch {
			case apirejection.Is(err):
				ctrl.LoggerFrom(ctx).Error(apirejection.Hide("it", err), "Email cannot be planned, the sign-up waits", "email", email.Name)
				r.hold([]*verdict{v}, heldFor)
			case err != nil && !apierrors.IsAlreadyExists(err):
				return fmt.Errorf("create Email %s: %w", email.Name, err)
			}
		}
	}
	return nil
}

func newEmail(customer *v1alpha1.Customer, purpose v1alpha1.EmailPurpose) *v1alpha1.Email {
	return &v1alpha1.Email{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       customer.Namespace,
			Name:            naming.Email(customer.Name, purpose),
			Labels:          naming.Labels("", customer.Spec.CustomerID, ""),
			OwnerReferences: []metav1.OwnerReference{owner(customer)},
		},
		Spec: v1alpha1.EmailSpec{CustomerRef: v1alpha1.ObjectReference{Name: customer.Name}, Purpose: purpose},
	}
}

// writeOutcomes ends the events, last of all. One whose outcome is refused holds up none after it.
func (r *CustomerReconciler) writeOutcomes(ctx context.Context, a *account) error {
	var refused error
	for i := range a.pending {
		v := &a.pending[i]
		var err error
		switch {
		case v.waits:
			a.wakeAt(v.until)
		case v.failure != nil:
			err = r.endAttempt(ctx, a, v)
		case v.event.Spec.DecodeError != "":
			err = settle(ctx, r.Client, r.Clock, v.event, v1alpha1.OutcomeFailed, v.event.Spec.DecodeError)
		default:
			err = settle(ctx, r.Client, r.Clock, v.event, v.outcome, v.message)
		}
		if apirejection.Is(err) {
			refused = errors.Join(refused, err)
		} else if err != nil {
			return err
		}
	}
	return refused
}

func soonest(times ...*metav1.Time) *time.Time {
	var first *time.Time
	for _, t := range times {
		if t != nil && (first == nil || t.Time.Before(*first)) {
			first = &t.Time
		}
	}
	return first
}
