package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/panics"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
)

const (
	// firstEventRetry after an event could not be handled; then twice as long each time, up to lastEventRetry.
	firstEventRetry = time.Second
	lastEventRetry  = 10 * time.Minute
	// heldFor is how long events wait at least that are held up by no fault of theirs.
	heldFor = 30 * time.Second
	// searchReserve is left of a reconciliation's time for writing what the search for events to blame has found.
	searchReserve = 30 * time.Second
)

// blames says whether an error is the fault of what was to be written, so that to try it again unchanged is of no use. An API server
// that is away, or that does not let us write, is no event's fault.
func blames(err error) bool {
	_, failed := errors.AsType[*panics.Error](err)
	return failed || apirejection.Is(err)
}

// safely turns a panic into an error, with the stack in the log.
func safely(ctx context.Context, do func() error) error {
	err := panics.Catch(do)
	if found, ok := errors.AsType[*panics.Error](err); ok {
		ctrl.LoggerFrom(ctx).Error(nil, "Panicked", "panic", found.What, "stack", found.Stack)
	}
	return err
}

// quarantine finds the pending events that cannot be handled, and sets them apart: the others go on without them.
//
// It takes the events into what the statuses are now: all of them, then either half, and so on. Whichever alone makes the fold panic, or
// a status that the API server refuses when it is asked, is to blame. What is refused whatever the event, is no event's fault: those of a
// subscription then wait, and if it is the customer, the error stands.
func (r *CustomerReconciler) quarantine(ctx context.Context, a *account, cause error) error {
	ctrl.LoggerFrom(ctx).Error(cause, "Events cannot be handled together, looking for the one to blame", "events", len(a.pending))
	setApart(a.foldable(), errSetApart)
	doubts, err := r.withoutEvents(ctx, a)
	if err != nil {
		return errors.Join(cause, err)
	}
	candidates := a.foldable()
	slices.SortFunc(candidates, func(v, w *verdict) int { return projection.CompareEvents(&v.event.Spec, &w.event.Spec) })
	if err := r.admit(ctx, a, candidates); err != nil {
		return err
	}
	if doubts.customer && !slices.ContainsFunc(candidates, admitted) {
		return cause
	}
	for id := range doubts.subscriptions {
		about := ofSubscription(candidates, id)
		if !slices.ContainsFunc(about, admitted) {
			r.hold(about, heldFor)
		}
	}
	if !slices.ContainsFunc(a.pending, func(v verdict) bool { return v.waits || v.failure != nil }) {
		return cause
	}
	return nil
}

// admit takes in, beside those that are, as many of the events as can be handled. The others keep the error that each causes alone. Those
// that it has no time for wait for the next time.
func (r *CustomerReconciler) admit(ctx context.Context, a *account, events []*verdict) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < searchReserve {
		setApart(events, nil)
		r.hold(events, 0)
		return nil
	}
	setApart(events, nil)
	err := r.rehearse(ctx, a)
	if err == nil || !blames(err) || len(events) == 0 {
		return err
	}
	setApart(events, errSetApart)
	if len(events) == 1 {
		events[0].failure = err
		return nil
	}
	half := len(events) / 2
	if err := r.admit(ctx, a, events[:half]); err != nil {
		return err
	}
	return r.admit(ctx, a, events[half:])
}

// errSetApart stands for the failure of an event whose turn has not come.
var errSetApart = errors.New("set apart")

func setApart(events []*verdict, why error) {
	for _, v := range events {
		v.failure = why
	}
}

func admitted(v *verdict) bool { return v.failure == nil && !v.waits }

// hold lets events wait that are not to blame. It counts for nothing. What panicked is to blame all the same.
func (r *CustomerReconciler) hold(events []*verdict, wait time.Duration) {
	for _, v := range events {
		if _, failed := errors.AsType[*panics.Error](v.failure); failed {
			continue
		}
		v.failure, v.waits, v.until = nil, true, &metav1.Time{Time: r.Clock.Now().Add(wait)}
	}
}

func ofSubscription(events []*verdict, id string) []*verdict {
	var about []*verdict
	for _, v := range events {
		if v.event.Spec.SubscriptionID == id {
			about = append(about, v)
		}
	}
	return about
}

// doubts are objects that are refused with nothing in their status yet: whatever is written may be refused, or only that there is nothing.
type doubts struct {
	customer      bool
	subscriptions map[string]bool // by Stripe's id
}

// withoutEvents makes sure that it is the events' fault. It may be what Stripe had when it was asked, which is then let go, or what is
// there already, or a refusal of whatever is written. Where that is a subscription, the events about it wait.
func (r *CustomerReconciler) withoutEvents(ctx context.Context, a *account) (doubts, error) {
	d := doubts{subscriptions: map[string]bool{}}
	err := r.unchanged(ctx, a)
	if blames(err) && a.comparison != nil {
		r.Comparisons.done(client.ObjectKeyFromObject(a.customer), a.comparison)
		a.comparison = nil
		err = r.unchanged(ctx, a)
	}
	if err != nil {
		return d, err
	}
	empty, err := r.askFor(ctx, a.customer, "Customer")
	if blames(err) && empty {
		d.customer = true
	} else if err != nil {
		return d, err
	}
	asked := map[string]bool{"": true}
	for _, v := range a.foldable() {
		id := v.event.Spec.SubscriptionID
		if asked[id] {
			continue
		}
		asked[id] = true
		s := a.subscriptions[id]
		if s == nil {
			s = newSubscription(a.customer, id)
		}
		switch empty, err := r.askFor(ctx, s, "Subscription"); {
		case blames(err) && empty:
			d.subscriptions[id] = true
		case blames(err):
			r.hold(ofSubscription(a.foldable(), id), heldFor)
		case err != nil:
			return d, err
		}
	}
	return d, nil
}

// unchanged asks what the clock, or what Stripe had, alone would have written over what is there.
func (r *CustomerReconciler) unchanged(ctx context.Context, a *account) error {
	return safely(ctx, func() error {
		if err := r.fold(ctx, a); err != nil {
			return err
		}
		for _, write := range r.statusWrites(a) {
			if !write.first {
				if err := r.ask(ctx, write); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// askFor has the API server say what it would answer to the object being made as it is to be made, or else its status being written as
// it is. empty says that there is nothing in that status yet.
func (r *CustomerReconciler) askFor(ctx context.Context, object client.Object, kind string) (empty bool, err error) {
	name := kind + " " + object.GetName()
	if object.GetUID() != "" {
		return !written(object), r.ask(ctx, statusWrite{object: object, name: name})
	}
	object, _ = object.DeepCopyObject().(client.Object)
	object.SetOwnerReferences(nil) // the customer may not be there yet
	if err := r.Client.Create(ctx, object, client.DryRunAll, client.DisableReadYourWritesConsistency); err != nil {
		return false, fmt.Errorf("create %s: %w", name, apirejection.Hide("it", err))
	}
	return false, nil
}

// written says whether an object's status was ever written.
func written(object client.Object) bool {
	switch o := object.(type) {
	case *v1alpha1.Customer:
		return len(o.Status.Conditions) > 0
	case *v1alpha1.Subscription:
		return len(o.Status.Conditions) > 0
	default:
		return false
	}
}

// rehearse folds the events that are not set apart, and asks the API server what it would say of the statuses. Objects that are not
// there yet are made: without them it cannot be asked.
func (r *CustomerReconciler) rehearse(ctx context.Context, a *account) error {
	return safely(ctx, func() error {
		if err := r.fold(ctx, a); err != nil {
			return err
		}
		if err := r.ensureObjects(ctx, a); err != nil {
			return err
		}
		for _, write := range r.statusWrites(a) {
			if err := r.ask(ctx, write); err != nil {
				return err
			}
		}
		return nil
	})
}

// endAttempt writes what becomes of an event that could not be handled: another try, or the end.
func (r *CustomerReconciler) endAttempt(ctx context.Context, a *account, v *verdict) error {
	attempts := int(v.event.Status.Attempts) + 1
	if attempts >= r.EventAttempts {
		return settle(ctx, r.Client, r.Clock, v.event, v1alpha1.OutcomeFailed, sentence(v.failure))
	}
	until, err := postpone(ctx, r.Client, r.Clock, v.event, min(firstEventRetry<<min(attempts-1, 16), lastEventRetry), sentence(v.failure))
	a.wakeAt(until)
	return err
}
