package erasure

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/paging"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/personal"
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
	isOurs := ownerOf(c)
	finishErr := r.Replacer.finishBegun(ctx, isOurs)
	isPending, err := r.hasPending(ctx, c)
	if err != nil {
		return false, "", errors.Join(finishErr, err)
	}
	if isPending {
		return false, v1alpha1.WaitsForEvents, finishErr
	}
	made, err := r.replaceEvents(ctx, c, isOurs)
	if err := errors.Join(finishErr, err); err != nil {
		return false, "", err
	}
	if isWaiting, err := r.deleteMessages(ctx, c); err != nil {
		return false, "", err
	} else if isWaiting {
		return false, v1alpha1.WaitsForEmails, nil
	}
	if err := r.eraseArchived(ctx, c); err != nil {
		return false, v1alpha1.WaitsForArchive, err
	}
	if err := r.complete(ctx, c, made); err != nil {
		return false, "", err
	}
	return true, "", nil
}

// eraseArchived takes the customer's personal data out of the archive, in every erasure that was not complete: an event that is gone
// from the cluster by now may have got there with its personal data.
func (r *Reconciler) eraseArchived(ctx context.Context, c *v1alpha1.Customer) error {
	if r.Archive != nil {
		return r.Archive.Erase(ctx, c.Spec.Account, c.Spec.CustomerID)
	}
	if r.Unreached == nil {
		return nil
	}
	archive, err := r.Unreached(ctx)
	if err == nil && archive != "" {
		err = fmt.Errorf("the archive %s has events, and --archive-url is not set: set it, or set it to none if that archive is gone", archive)
	}
	return err
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

// complete has the Customer show that nothing personal is left, since now. If that is noted already, and nothing was erased since, it
// stays as it is: of two late events, the pass for the first may have found both.
func (r *Reconciler) complete(ctx context.Context, c *v1alpha1.Customer, made *pass) error {
	next := c.Status.Erasure.DeepCopy()
	next.WaitsFor, next.Archive = "", r.Archive != nil
	next.Events = int32(min(made.erased, 1<<30)) //nolint:gosec // bounded
	noted, err := r.noted(ctx, c)
	if err != nil {
		return err
	}
	if isSameErasure(noted, next) && noted.CompletedAt != nil && !made.latest.After(noted.CompletedAt.Time) {
		return nil
	}
	next.CompletedAt = new(metav1.NewTime(r.Clock.Now().UTC()))
	ctrl.LoggerFrom(ctx).Info("Erased a customer's personal data", "customerID", c.Spec.CustomerID, "events", made.erased,
		"emails", next.Emails, "passwordResets", next.PasswordResets, "archive", next.Archive)
	r.Erased.Put(ctx, c, next)
	return nil
}

func isSameErasure(a, b *v1alpha1.Erasure) bool {
	return a != nil && a.Request == b.Request && a.LatestEvents == b.LatestEvents && a.Archive == b.Archive
}

// noted is how far the erasure is by the last note. The note is looked for first: once it is written, the Customer shows it.
func (r *Reconciler) noted(ctx context.Context, c *v1alpha1.Customer) (*v1alpha1.Erasure, error) {
	key := client.ObjectKeyFromObject(c)
	if note := r.Erased.Peek(key); note != nil && note.UID == c.UID {
		return note.Erasure, nil
	}
	stored := &v1alpha1.Customer{}
	if err := r.Reader.Get(ctx, key, stored); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return stored.Status.Erasure, nil
}

// hasPending reports whether an event about the customer has no outcome and has personal data.
func (r *Reconciler) hasPending(ctx context.Context, c *v1alpha1.Customer) (bool, error) {
	var events v1alpha1.BillingEventList
	if err := r.Client.List(ctx, &events, client.InNamespace(c.Namespace), client.MatchingFields{routing.ByCustomer: c.Name},
		client.DisableReadYourWritesConsistency, client.UnsafeDisableDeepCopy); err != nil {
		return false, err
	}
	for i := range events.Items {
		if personal.Has(&events.Items[i]) {
			return true, nil
		}
	}
	return false, nil
}

// replaceEvents replaces every ended event about the customer that has personal data, and returns how many were erased in all, and when. It
// returns errNotYet if one has no outcome yet, and the errors of those that cannot be replaced: the others are. What it has found
// counts until other events come, so that an erasure that waits for something else does not read the whole trail again and again.
func (r *Reconciler) replaceEvents(ctx context.Context, c *v1alpha1.Customer, isOurs owner) (*pass, error) {
	key, of := client.ObjectKeyFromObject(c), passOf(c)
	if known := r.open.lastPass(key); known != nil && known.of == of && (known.err == nil || r.Clock.Now().Before(known.nextAt)) {
		return known, known.err
	}
	made := &pass{of: of}
	took := r.passOver(ctx, c, isOurs, made)
	if ctx.Err() != nil { // also in the pause after the last page: then the pass says of itself that it is whole
		return nil, errors.Join(made.err, ctx.Err())
	}
	made.nextAt = r.Clock.Now().Add(passRest * took)
	r.open.passed(key, made)
	return made, made.err
}

// passOver reads all events about the customer, page by page, with pauses: each page costs the API server a look at many events. It
// returns how long the next pass keeps the API server busy: with the lists, and with the pages of which some events failed.
func (r *Reconciler) passOver(ctx context.Context, c *v1alpha1.Customer, isOurs owner, made *pass) (took time.Duration) {
	var left problems
	for _, selected := range naming.EventsOf(c.Spec.CustomerID) {
		for next := ""; ; {
			var page v1alpha1.BillingEventList
			var err error
			if ended := r.pacer().Do(ctx, func() {
				begin := r.Clock.Now()
				err = r.Reader.List(ctx, &page, client.InNamespace(c.Namespace), client.MatchingFields(selected),
					client.Limit(eventsPage), client.Continue(next))
				took += r.Clock.Since(begin)
			}); ended != nil {
				made.err = left.with(ended)
				return took
			}
			if next = paging.ContinueAnew(err); next != "" {
				continue // the Customer's status, or ofErased, shows what comes meanwhile
			}
			if err != nil {
				made.err = left.with(fmt.Errorf("list the events of Customer %s: %w", c.Name, err))
				return took
			}
			begin := r.Clock.Now()
			err = r.replacePage(ctx, &page, isOurs, made)
			if err != nil && isFailure(err) {
				took += r.Clock.Since(begin)
			}
			left.add(err)
			if next = page.Continue; next == "" {
				break
			}
		}
	}
	made.err = left.with(nil)
	return took
}

func (r *Reconciler) pacer() *paging.Pacer {
	return &paging.Pacer{Clock: r.Clock, Share: paging.DefaultShare}
}

// replacePage adds to the pass the events of the page that are erased.
func (r *Reconciler) replacePage(ctx context.Context, page *v1alpha1.BillingEventList, isOurs owner, made *pass) error {
	var left problems
	var toReplace []*v1alpha1.BillingEvent
	for i := range page.Items {
		e := &page.Items[i]
		if !isOurs(e) {
			continue
		}
		has := personal.Has(e)
		switch {
		case has && e.Status.Outcome == v1alpha1.OutcomePending:
			left.add(errNotYet)
		case has:
			toReplace = append(toReplace, e)
		case e.Status.ErasedAt != nil:
			made.add(1, e.Status.ErasedAt.Time)
		}
	}
	left.add(r.Replacer.Replace(ctx, isOurs, toReplace))
	if len(toReplace) > 0 {
		made.add(len(toReplace), r.Clock.Now())
	}
	return left.with(nil)
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
