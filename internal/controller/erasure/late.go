package erasure

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/paging"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/personal"
)

// lookForLate looks once for Recorded events that hold personal data of erased customers, and enqueues these customers. Such an event
// came after the erasure, and is remembered in memory only: nothing in the cluster says that the erasure goes on. Example:
//
//	10:00  the erasure is complete
//	10:05  an event that is recorded only comes, has an outcome at once, and leaves the cache
//	10:06  the leader is killed before it has replaced the event; the next one has the customer's erasure as complete
//
// Of an event with another outcome, the Customer's status shows that it came, before it has the outcome. While no customer is erased,
// no event is read. Once one is, each new leader reads most of the trail, so it pauses between the pages.
func (r *Reconciler) lookForLate(ctx context.Context) error {
	customers, err := r.erasedCustomers(ctx)
	if err != nil || len(customers) == 0 {
		return err
	}
	found := map[types.NamespacedName]bool{}
	pace := r.pacer()
	for next := ""; ; {
		var page v1alpha1.BillingEventList
		if ended := pace.Do(ctx, func() {
			err = r.Reader.List(ctx, &page, client.InNamespace(r.Replacer.Namespace), client.Limit(eventsPage), client.Continue(next),
				client.MatchingFields{v1alpha1.FieldOutcome: string(v1alpha1.OutcomeRecorded)})
		}); ended != nil {
			return ended
		}
		if next = paging.ContinueAnew(err); next != "" {
			continue // ofErased sees what comes meanwhile
		}
		if err != nil {
			return fmt.Errorf("list the Recorded events: %w", err)
		}
		for i := range page.Items {
			e := &page.Items[i]
			key := types.NamespacedName{Namespace: e.Namespace, Name: naming.Object(e.Spec.Account, e.CustomerID())}
			if e.CustomerID() == "" || !customers[key] || found[key] || !personal.Has(e) {
				continue
			}
			found[key] = true
			r.open.late(key)
			if err := r.enqueue(ctx, key); err != nil {
				return err
			}
		}
		if next = page.Continue; next == "" {
			break
		}
	}
	if len(found) > 0 {
		ctrl.LoggerFrom(ctx).Info("Found personal data of erased customers in events that came later", "customers", len(found))
	}
	return nil
}

// erasedCustomers are those whose erasure has begun, complete or not.
func (r *Reconciler) erasedCustomers(ctx context.Context) (map[types.NamespacedName]bool, error) {
	var all v1alpha1.CustomerList
	if err := r.Client.List(ctx, &all, client.InNamespace(r.Replacer.Namespace), client.MatchingFields{routing.ByErasure: routing.Erased}); err != nil {
		return nil, err
	}
	customers := map[types.NamespacedName]bool{}
	for i := range all.Items {
		customers[client.ObjectKeyFromObject(&all.Items[i])] = true
	}
	return customers, nil
}

func (r *Reconciler) enqueue(ctx context.Context, key types.NamespacedName) error {
	select {
	case r.wake <- event.GenericEvent{Object: &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
