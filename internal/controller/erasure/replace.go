package erasure

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/apirejection"
	"github.com/tollkeeper/tollkeeper/internal/controller/erased"
	"github.com/tollkeeper/tollkeeper/internal/crdschema"
	"github.com/tollkeeper/tollkeeper/internal/personal"
)

// errNotYet says that an event cannot be replaced for now, and nothing is wrong: it has changed meanwhile, or was recorded anew
// and has no outcome yet.
var errNotYet = errors.New("not yet")

// Replacer puts copies without personal data in the place of events. The spec of an event never changes, so the event is
// deleted and created again. An intent is stored first, with the copy: whatever stops the process at whatever instant, finish
// brings each event that was begun to its end. For example:
//
//	evt_1 is copied into the ConfigMap, and deleted                    the process is killed
//	Stripe sends evt_1 again: the receiver records it, with an address
//	the next leader finds the intent, and evt_1 with another UID and personal data: once it has an outcome, it is deleted as well
//	the copy is created, and gets its status back                      the intent is removed
type Replacer struct {
	Client client.Client
	// Reader reads from the API server: the cache holds pending events only.
	Reader    client.Reader
	Namespace string
	Schemas   *crdschema.Schemas
	Clock     clock.PassiveClock
}

// Replace replaces events of a customer, which have outcomes. It returns errNotYet if some of them were not replaced, and the errors of
// those that cannot be: the others are.
func (r *Replacer) Replace(ctx context.Context, isOurs owner, events []*v1alpha1.BillingEvent) error {
	var left problems
	begun := make([]intent, 0, len(events))
	for _, e := range events {
		made, err := r.intentOf(ctx, e)
		if left.add(err); err == nil {
			begun = append(begun, *made)
		}
	}
	for len(begun) > 0 {
		stored, err := loadIntents(ctx, r.Reader, r.Client, r.Namespace)
		if err != nil {
			return left.with(err)
		}
		n, err := stored.add(begun)
		if err != nil {
			return left.with(err)
		}
		if n == 0 {
			return left.with(errFull)
		}
		if err := stored.save(ctx); err != nil {
			return left.with(err)
		}
		left.add(r.finish(ctx, stored, isOurs))
		begun = begun[n:]
	}
	return left.with(nil)
}

// owner reports whether an event is about the customer that is being erased; nil is an event that cannot be read.
type owner func(*v1alpha1.BillingEvent) bool

func everyone(*v1alpha1.BillingEvent) bool { return true }

// ownerOf is the owner of the events about the customer.
func ownerOf(c *v1alpha1.Customer) owner {
	return func(e *v1alpha1.BillingEvent) bool {
		return e != nil && e.CustomerID() == c.Spec.CustomerID && e.Spec.Account == c.Spec.Account
	}
}

// Finish brings to an end what another process, or an earlier attempt, has begun.
func (r *Replacer) Finish(ctx context.Context) error { return r.finishBegun(ctx, everyone) }

// finishBegun does so with one customer's events. Those of others are left to their own erasures, and to Finish at the start of a leader,
// which try them with backoff: an erasure that looks every 2 s for what it waits for has nothing to do with them.
func (r *Replacer) finishBegun(ctx context.Context, isOurs owner) error {
	stored, err := loadIntents(ctx, r.Reader, r.Client, r.Namespace)
	if err != nil || len(stored.stored.Data) == 0 {
		return err
	}
	return r.finish(ctx, stored, isOurs)
}

// intentOf copies an event. The copy's status is checked here, because it is written after the event is gone.
func (r *Replacer) intentOf(ctx context.Context, e *v1alpha1.BillingEvent) (*intent, error) {
	made := erased.Copy(e, metav1.NewTime(r.Clock.Now().UTC()))
	if r.Schemas != nil {
		stored := made.DeepCopy() // the event as it is created, with the status that it had
		stored.Status = e.Status
		if err := r.Schemas.ValidateStatus(ctx, stored, made, v1alpha1.GroupVersion.WithKind("BillingEvent")); err != nil {
			return nil, fmt.Errorf("status of BillingEvent %s without its personal data: %w", e.Name, err)
		}
	}
	return &intent{UID: e.UID, ResourceVersion: e.ResourceVersion, Copy: made}, nil
}

// finish works off one customer's intents, and removes those that are done or not needed. One that fails does not hold up the others.
func (r *Replacer) finish(ctx context.Context, stored *intents, isOurs owner) error {
	var left problems
	isChanged := false
	for _, name := range stored.names() {
		var made *v1alpha1.BillingEvent
		found, err := stored.get(name)
		if err == nil {
			made = found.Copy
		}
		if !isOurs(made) {
			continue
		}
		if err == nil {
			err = r.finishOne(ctx, found)
		}
		if err == nil || errors.Is(err, errDropped) || errors.Is(err, errStays) {
			stored.remove(name)
			isChanged = true
		}
		left.add(err)
	}
	if isChanged {
		return left.with(stored.save(ctx))
	}
	return left.with(nil)
}

// errDropped says that the event has changed since it was copied. Nothing was done to it, and it is to be copied again.
var errDropped = fmt.Errorf("the event has changed since it was copied: %w", errNotYet)

// errStays says that the event cannot be deleted, or its copy is not accepted. It is as it was, and does not say that it is erased, so its
// intent is not needed: it would take the place of others for as long as a person has not removed the cause.
var errStays = errors.New("the event stays as it is")

// steps bounds how often finishOne looks again: delete, create and the status are a step each.
const steps = 8

// finishOne looks at what there is of the event, and does what comes next, until its copy is whole.
func (r *Replacer) finishOne(ctx context.Context, i *intent) error {
	for range steps {
		var current v1alpha1.BillingEvent
		err := r.Reader.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: i.Copy.Name}, &current)
		switch {
		case apierrors.IsNotFound(err):
			err = r.create(ctx, i)
		case err != nil:
			return fmt.Errorf("read BillingEvent %s: %w", i.Copy.Name, err)
		default:
			var isDone bool
			if isDone, err = r.advance(ctx, i, &current); err == nil && isDone {
				return nil
			}
		}
		if errors.Is(err, errStays) || err != nil && !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return errNotYet // others keep changing the event
}

// advance does the next step with an event that exists, and reports whether nothing is left to do.
func (r *Replacer) advance(ctx context.Context, i *intent, current *v1alpha1.BillingEvent) (isDone bool, err error) {
	hasPersonal := personal.Has(current)
	switch {
	case current.Spec.EventID != i.Copy.Spec.EventID || current.Spec.Account != i.Copy.Spec.Account:
		return false, fmt.Errorf("the name %s of event %s is taken by event %s", current.Name, i.Copy.Spec.EventID, current.Spec.EventID)
	case current.UID == i.UID && current.ResourceVersion != i.ResourceVersion && !isMarked(current):
		return false, errDropped
	case current.UID == i.UID: // the event itself
		return false, r.deleteOrLeave(ctx, i, current)
	case hasPersonal && current.Status.Outcome == v1alpha1.OutcomePending: // recorded again: what it says is in the copy, too
		return false, fmt.Errorf("BillingEvent %s was recorded again and has no outcome: %w", current.Name, errNotYet)
	case hasPersonal:
		return false, r.deleteOrLeave(ctx, i, current)
	case current.Status.ErasedAt != nil:
		return true, nil
	default: // the copy without its status, or with one that the customer's controller has given it as a pending event
		current.Status = *i.Copy.Status.DeepCopy()
		if err := r.Client.Status().Update(ctx, current, client.DisableReadYourWritesConsistency); err != nil {
			return false, fmt.Errorf("write the status of BillingEvent %s: %w", current.Name, apirejection.Hide("it", err))
		}
		return true, nil
	}
}

// isRefused reports whether the event was certainly not deleted: without an answer of the API server, it may have been.
func isRefused(err error) bool {
	return errors.Is(err, errFinalizers) || apirejection.Is(err) || apierrors.IsForbidden(err)
}

// errFinalizers says that the event has finalizers.
var errFinalizers = errors.New("has finalizers, which block its deletion: remove them")

// isMarked reports whether the failed event is about to be replaced. The policy lets a failed event be deleted for nothing else.
func isMarked(e *v1alpha1.BillingEvent) bool {
	return e.Status.Outcome == v1alpha1.OutcomeFailed && e.Status.ErasedAt != nil
}

// deleteOrLeave deletes the event. If that is refused, the event keeps its personal data, so it must not say that it is erased: the mark
// is taken back, also one of an earlier attempt. Then the event itself stays as it is; one that was recorded again does not have the
// outcome that the intent has.
func (r *Replacer) deleteOrLeave(ctx context.Context, i *intent, current *v1alpha1.BillingEvent) error {
	refusal := r.delete(ctx, i, current)
	if !isRefused(refusal) {
		return refusal
	}
	if current.Status.ErasedAt != nil {
		current.Status.ErasedAt = nil
		if err := r.Client.Status().Update(ctx, current, client.DisableReadYourWritesConsistency); err != nil {
			return fmt.Errorf("take back the mark of BillingEvent %s: %w", current.Name, apirejection.Hide("it", err))
		}
	}
	if current.UID == i.UID {
		return fmt.Errorf("%w: %w", errStays, refusal)
	}
	return refusal
}

// delete deletes an event of which the intent holds the copy, unless the event has changed since it was read. First it asks the
// API server whether it accepts the copy: if a policy refuses it, the event stays. A failed event is marked before.
func (r *Replacer) delete(ctx context.Context, i *intent, current *v1alpha1.BillingEvent) error {
	if len(current.Finalizers) > 0 || current.DeletionTimestamp != nil {
		return fmt.Errorf("BillingEvent %s %w", current.Name, errFinalizers)
	}
	err := r.Client.Create(ctx, i.Copy.DeepCopy(), client.DryRunAll, client.DisableReadYourWritesConsistency)
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("ask whether the copy of BillingEvent %s is accepted: %w", current.Name, apirejection.Hide("it", err))
	}
	if current.Status.Outcome == v1alpha1.OutcomeFailed && !isMarked(current) {
		marked := current.DeepCopy()
		marked.Status.ErasedAt = i.Copy.Status.ErasedAt.DeepCopy()
		if err := r.Client.Status().Update(ctx, marked, client.DisableReadYourWritesConsistency); err != nil {
			return fmt.Errorf("mark BillingEvent %s: %w", current.Name, apirejection.Hide("it", err))
		}
		*current = *marked
	}
	uid, version := current.UID, current.ResourceVersion
	if err := r.Client.Delete(ctx, current, client.Preconditions{UID: &uid, ResourceVersion: &version}, client.DisableReadYourWritesConsistency); err != nil {
		return fmt.Errorf("delete BillingEvent %s: %w", current.Name, apirejection.Hide("it", err))
	}
	return nil
}

func (r *Replacer) create(ctx context.Context, i *intent) error {
	if err := r.Client.Create(ctx, i.Copy.DeepCopy(), client.DisableReadYourWritesConsistency); err != nil {
		return fmt.Errorf("create BillingEvent %s without its personal data: %w", i.Copy.Name, apirejection.Hide("it", err))
	}
	return nil
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
