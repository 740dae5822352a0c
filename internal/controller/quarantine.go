package controller

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/refusal"
)

const (
	// firstEventRetry after an event could not be handled; then twice as long each time, up to lastEventRetry.
	firstEventRetry = time.Second
	lastEventRetry  = 10 * time.Minute
)

// panicError is a bug that an event has brought to light.
type panicError struct{ what string }

func (e *panicError) Error() string { return "the operator failed over it, which is a bug: " + e.what }

// blames says whether an error is the fault of what was to be written, so that to try it again unchanged is of no use. An API server
// that is away, or that does not let us write, is no event's fault.
func blames(err error) bool {
	_, panicked := errors.AsType[*panicError](err)
	return panicked || refusal.Is(err)
}

// safely turns a panic into an error, with the stack in the log. What a panic says may be personal; what the runtime says is not.
func safely(ctx context.Context, do func() error) (err error) {
	defer func() {
		reason := recover()
		if reason == nil {
			return
		}
		what := "a panic"
		if known, ok := reason.(runtime.Error); ok {
			what = known.Error()
		}
		ctrl.LoggerFrom(ctx).Error(nil, "Panicked", "panic", what, "stack", string(debug.Stack()))
		err = &panicError{what}
	}()
	return do()
}

// quarantine finds the pending events that cannot be handled, and sets them apart: the others go on without them.
//
// It takes the events one after another into what the statuses are now. Whichever makes the fold panic, or a status that the API server
// refuses when it is asked, is to blame. If none is, the error stands.
func (r *CustomerReconciler) quarantine(ctx context.Context, a *account, cause error) error {
	ctrl.LoggerFrom(ctx).Error(cause, "Events cannot be handled together, trying them one by one", "events", len(a.pending))
	candidates := a.foldable()
	for _, v := range candidates {
		v.failure = errSetApart
	}
	if err := r.withoutEvents(ctx, a); err != nil {
		return errors.Join(cause, err)
	}
	slices.SortFunc(candidates, func(v, w *verdict) int { return projection.CompareEvents(&v.event.Spec, &w.event.Spec) })
	found := false
	for _, v := range candidates {
		v.failure = nil
		err := r.rehearse(ctx, a)
		if err != nil && !blames(err) {
			return err
		}
		v.failure = err
		found = found || err != nil
	}
	if !found {
		return cause
	}
	return nil
}

// errSetApart stands for the failure of an event whose turn has not come.
var errSetApart = errors.New("set apart")

// withoutEvents makes sure that it is the events' fault. It may be what Stripe had when it was asked, which is then let go, or what is
// there already.
func (r *CustomerReconciler) withoutEvents(ctx context.Context, a *account) error {
	err := r.rehearse(ctx, a)
	if blames(err) && a.comparison != nil {
		r.Comparisons.done(client.ObjectKeyFromObject(a.customer), a.comparison)
		a.comparison = nil
		err = r.rehearse(ctx, a)
	}
	return err
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
			if err := r.Client.Status().Update(ctx, write.object, client.DryRunAll, client.DisableReadYourWritesConsistency); err != nil {
				return write.failed(err)
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
