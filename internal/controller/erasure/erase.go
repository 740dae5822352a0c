package erasure

import (
	"context"
	"errors"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/erased"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// eventsPage is how many events are read at a time.
const eventsPage = 500

// erase takes one customer's personal data out of everything, as far as it can now. It reads the Customer from the API server
// before it looks for personal data: an event that comes later changes status.erasure.latestEvents, so that the note that nothing
// is left is out of date.
func (r *Reconciler) erase(ctx context.Context, key types.NamespacedName) (isDone bool, waitsFor v1alpha1.ErasureWait, err error) {
	c := &v1alpha1.Customer{}
	if err := r.Reader.Get(ctx, key, c); err != nil {
		return false, "", client.IgnoreNotFound(err)
	}
	request := v1alpha1.ErasureRequest(c)
	if known := c.Status.Erasure; known == nil || request != "" && known.Request != request {
		return false, "", r.begin(ctx, c, request)
	}
	if err := r.Replacer.Finish(ctx); err != nil {
		return false, "", err
	}
	isPending, err := r.hasPending(ctx, c)
	if err != nil {
		return false, "", err
	}
	if isPending {
		return false, v1alpha1.WaitsForEvents, nil
	}
	events, err := r.replaceEvents(ctx, c)
	if err != nil {
		return false, "", err
	}
	if isWaiting, err := r.deleteMessages(ctx, c); err != nil {
		return false, "", err
	} else if isWaiting {
		return false, v1alpha1.WaitsForEmails, nil
	}
	if r.Archive != nil && (events.replaced > 0 || !c.Status.Erasure.Archive) {
		if err := r.Archive.Erase(ctx, c.Spec.Account, c.Spec.CustomerID); err != nil {
			return false, v1alpha1.WaitsForArchive, err
		}
	}
	r.complete(ctx, c, events.erased)
	return true, "", nil
}

// begin has the Customer show that its erasure has begun. What is to be deleted is counted now, while it is there.
func (r *Reconciler) begin(ctx context.Context, c *v1alpha1.Customer, request string) error {
	emails, resets, err := r.messages(ctx, c)
	if err != nil {
		return err
	}
	next := &v1alpha1.Erasure{Request: request, StartedAt: metav1.NewTime(r.Clock.Now().UTC())}
	if known := c.Status.Erasure; known != nil {
		next.LatestEvents, next.Emails, next.PasswordResets = known.LatestEvents, known.Emails, known.PasswordResets
	}
	next.Emails += int32(len(emails))         //nolint:gosec // a customer has two at most
	next.PasswordResets += int32(len(resets)) //nolint:gosec // and a few of these
	ctrl.LoggerFrom(ctx).Info("Begins to erase a customer's personal data", "customerID", c.Spec.CustomerID, "emails", len(emails), "passwordResets", len(resets))
	r.Erased.Put(ctx, c, next)
	return nil
}

// complete has the Customer show that nothing personal is left.
func (r *Reconciler) complete(ctx context.Context, c *v1alpha1.Customer, erasedEvents int) {
	next := c.Status.Erasure.DeepCopy()
	now := metav1.NewTime(r.Clock.Now().UTC())
	next.CompletedAt, next.WaitsFor, next.Archive = &now, "", r.Archive != nil
	next.Events = int32(min(erasedEvents, 1<<30)) //nolint:gosec // bounded
	ctrl.LoggerFrom(ctx).Info("Erased a customer's personal data", "customerID", c.Spec.CustomerID, "events", erasedEvents,
		"emails", next.Emails, "passwordResets", next.PasswordResets, "archive", next.Archive)
	r.Erased.Put(ctx, c, next)
}

// hasPending reports whether an event about the customer has no outcome and has personal data.
func (r *Reconciler) hasPending(ctx context.Context, c *v1alpha1.Customer) (bool, error) {
	var events v1alpha1.BillingEventList
	if err := r.Client.List(ctx, &events, client.InNamespace(c.Namespace), client.MatchingFields{routing.ByCustomer: c.Name},
		client.DisableReadYourWritesConsistency, client.UnsafeDisableDeepCopy); err != nil {
		return false, err
	}
	for i := range events.Items {
		if erased.HasPersonal(&events.Items[i]) {
			return true, nil
		}
	}
	return false, nil
}

// found counts events about a customer.
type found struct {
	replaced int // in this run
	erased   int // in all
}

// replaceEvents replaces every settled event about the customer that has personal data, page by page. It returns errNotYet if one
// has no outcome yet.
func (r *Reconciler) replaceEvents(ctx context.Context, c *v1alpha1.Customer) (found, error) {
	var total found
	var waits error
	for _, selected := range naming.EventsOf(c.Spec.CustomerID) {
		for next := ""; ; {
			var page v1alpha1.BillingEventList
			if err := r.Reader.List(ctx, &page, client.InNamespace(c.Namespace), client.MatchingFields(selected),
				client.Limit(eventsPage), client.Continue(next)); err != nil {
				return total, fmt.Errorf("list the events of Customer %s: %w", c.Name, err)
			}
			if err := r.replacePage(ctx, c, &page, &total); errors.Is(err, errNotYet) && !isFailure(err) {
				waits = err // the others go on
			} else if err != nil {
				return total, err
			}
			if next = page.Continue; next == "" {
				break
			}
		}
	}
	return total, waits
}

func (r *Reconciler) replacePage(ctx context.Context, c *v1alpha1.Customer, page *v1alpha1.BillingEventList, total *found) error {
	var personal []*v1alpha1.BillingEvent
	var waits error
	for i := range page.Items {
		e := &page.Items[i]
		if e.CustomerID() != c.Spec.CustomerID || e.Spec.Account != c.Spec.Account {
			continue
		}
		has := erased.HasPersonal(e)
		switch {
		case has && e.Status.Outcome == v1alpha1.OutcomePending:
			waits = errNotYet
		case has:
			personal = append(personal, e)
		case e.Status.ErasedAt != nil:
			total.erased++
		}
	}
	if len(personal) == 0 {
		return waits
	}
	if err := r.Replacer.Replace(ctx, personal); err != nil {
		return errors.Join(err, waits)
	}
	total.replaced += len(personal)
	total.erased += len(personal)
	return waits
}

// messages are the customer's Emails and PasswordResets.
func (r *Reconciler) messages(ctx context.Context, c *v1alpha1.Customer) ([]v1alpha1.Email, []v1alpha1.PasswordReset, error) {
	var emails v1alpha1.EmailList
	if err := r.Client.List(ctx, &emails, client.InNamespace(c.Namespace), client.MatchingFields{routing.ByCustomer: c.Name}); err != nil {
		return nil, nil, err
	}
	var resets v1alpha1.PasswordResetList
	if err := r.Client.List(ctx, &resets, client.InNamespace(c.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, err
	}
	var own []v1alpha1.PasswordReset
	for i := range resets.Items {
		if resets.Items[i].Spec.CustomerRef.Name == c.Name {
			own = append(own, *resets.Items[i].DeepCopy())
		}
	}
	return emails.Items, own, nil
}

// deleteMessages deletes the customer's settled Emails, and its PasswordResets once no Email is left that may make one. It
// reports whether one is left. No Email is planned again: a deleted customer gets none.
func (r *Reconciler) deleteMessages(ctx context.Context, c *v1alpha1.Customer) (isWaiting bool, err error) {
	emails, resets, err := r.messages(ctx, c)
	if err != nil {
		return false, err
	}
	for i := range emails {
		if emails[i].SettledAt() == nil {
			isWaiting = true
		} else if err := r.deleteObject(ctx, &emails[i]); err != nil {
			return false, err
		}
	}
	if isWaiting {
		return true, nil
	}
	for i := range resets {
		if err := r.deleteObject(ctx, &resets[i]); err != nil {
			return false, err
		}
	}
	return false, nil
}

// deleteObject deletes the object unless it has changed since it was read.
func (r *Reconciler) deleteObject(ctx context.Context, o client.Object) error {
	uid, version := o.GetUID(), o.GetResourceVersion()
	return client.IgnoreNotFound(r.Client.Delete(ctx, o, client.Preconditions{UID: &uid, ResourceVersion: &version}))
}
