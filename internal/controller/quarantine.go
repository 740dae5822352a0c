package controller

import (
	"context"
	"errors"
	"slices"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/bug"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/refusal"
)

const (
	// firstEventRetry after an event could not be handled; then twice as long each time, up to lastEventRetry.
	firstEventRetry = time.Second
	lastEventRetry  = 10 * time.Minute
)

// blames says whether an error is the fault of what was to be written, so that to try it again unchanged is of no use. An API server
// that is away, or that does not let us write, is no event's fault.
func blames(err error) bool {
	_, failed := errors.AsType[*bug.Error](err)
	return failed || refusal.Is(err)
}

// safely turns a panic into an error, with the stack in the log.
func safely(ctx context.Context, do func() error) error {
	err := bug.Catch(do)
	if found, ok := errors.AsType[*bug.Error](err); ok {
		ctrl.LoggerFrom(ctx).Error(nil, "Panicked", "panic", found.What, "stack", found.Stack)
	}
	return err
}

// quarantine finds the pending events that cannot be handled, and sets them apart: the others go on without them.
//
// It takes the events into what the statuses are now: all of them, then either half, and so on. Whichever alone makes the fold panic, or
// a status that the API server refuses when it is asked, is to blame. If none is, the error stands.
func (r *CustomerReconciler) quarantine(ctx context.Context, a *account, cause error) error {
	ctrl.LoggerFrom(ctx).Error(cause, "Events cannot be handled together, looking for the one to blame", "events", len(a.pending))
	candidates := a.foldable()
	setApart(candidates, errSetApart)
	if err := r.withoutEvents(ctx, a); err != nil {
		return errors.Join(cause, err)
	}
	slices.SortFunc(candidates, func(v, w *verdict) int { return projection.CompareEvents(&v.event.Spec, &w.event.Spec) })
	if err := r.admit(ctx, a, candidates); err != nil {
		return err
	}
	if !slices.ContainsFunc(candidates, func(v *verdict) bool { return v.failure != nil }) {
		return cause
	}
	return nil
}

// admit takes in, beside those that are, as many of the events as can be handled. The others keep the error that each causes alone.
func (r *CustomerReconciler) admit(ctx context.Context, a *account, events []*verdict) error {
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

// withoutEvents makes sure that it is the events' fault. It may be what Stripe had when it was asked, which is then let go, or what is
// there already, or a refusal of whatever is written.
func (r *CustomerReconciler) withoutEvents(ctx context.Context, a *account) error {
	err := r.rehearse(ctx, a)
	if blames(err) && a.comparison != nil {
		r.Comparisons.done(client.ObjectKeyFromObject(a.customer), a.comparison)
		a.comparison = nil
		err = r.rehearse(ctx, a)
	}
	if err != nil {
		return err
	}
	for _, unchanged := range a.statuses() {
		if err := r.ask(ctx, unchanged); err != nil {
			return err
		}
	}
	return nil
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
