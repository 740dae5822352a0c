package importer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/panics"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// What becomes of a listed object, as a metric label.
const (
	imported = "imported"
	ignored  = "ignored"
	refused  = "refused"
)

// maxLogged bounds how many refused objects are remembered as logged.
const maxLogged = 10_000

// takeSubscriptions puts a page of subscriptions in. A customer of which one cannot be put in stays incomplete.
func (r *run) takeSubscriptions(ctx context.Context, page stripeapi.Page) error {
	var taken []*projection.Event
	for _, item := range page.Items {
		e, customerID, err := r.read(item, "subscription", page)
		if err == nil && (e.CustomerID == "" || e.SubscriptionID == "") {
			err = fmt.Errorf("the subscription %s names no customer", e.SubscriptionID)
		}
		if err != nil {
			r.refuse("subscription", item, err)
			r.c.markIncomplete(customerID)
			continue
		}
		taken = append(taken, e)
	}
	batches := map[string]*readings.Batch{}
	for _, e := range taken {
		r.batchOf(batches, e.CustomerID, page).Objects = append(r.batchOf(batches, e.CustomerID, page).Objects, e)
	}
	if err := r.deliver(ctx, batches); err != nil {
		return err
	}
	for _, e := range taken {
		var s v1alpha1.Subscription
		isStored, err := r.get(ctx, &s, e.SubscriptionID)
		if err != nil {
			return err
		}
		if isStored && s.Status.Status != "" && s.Spec.CustomerRef.Name == naming.Object(r.account, e.CustomerID) {
			r.count("subscription", imported)
			continue
		}
		r.refuseStored("subscription", e.SubscriptionID)
		r.c.markIncomplete(e.CustomerID)
	}
	return nil
}

// takeCustomers puts a page of customers in. It completes those that have all their subscriptions.
func (r *run) takeCustomers(ctx context.Context, page stripeapi.Page) error {
	batches := map[string]*readings.Batch{}
	for _, item := range page.Items {
		e, _, err := r.read(item, "customer", page)
		if err != nil {
			r.refuse("customer", item, err)
			continue
		}
		isThere, err := r.get(ctx, &v1alpha1.Customer{}, e.CustomerID)
		switch {
		case err != nil:
			return err
		case !isThere && !r.Everyone:
			r.count("customer", ignored)
			continue
		}
		batch := r.batchOf(batches, e.CustomerID, page)
		batch.Objects, batch.Whole = append(batch.Objects, e), !r.c.isIncomplete(e.CustomerID)
	}
	if err := r.deliver(ctx, batches); err != nil {
		return err
	}
	for id, batch := range batches {
		var customer v1alpha1.Customer
		isStored, err := r.get(ctx, &customer, id)
		switch {
		case err != nil:
			return err
		case isStored && (customer.Status.Complete != nil || !batch.Whole):
			r.count("customer", imported)
		default:
			r.refuseStored("customer", id)
		}
	}
	return nil
}

// isClosed reports whether a dispute has ended. See https://docs.stripe.com/api/disputes/object#dispute_object-status.
func isClosed(status string) bool {
	return slices.Contains([]string{"won", "lost", "warning_closed", "prevented", "charge_refunded"}, status)
}

// takeDisputes puts the open disputes of a page in, of customers that have a Customer. A dispute names its charge, and
// the charge, which is expanded, its customer.
func (r *run) takeDisputes(ctx context.Context, page stripeapi.Page) error {
	batches := map[string]*readings.Batch{}
	for _, item := range page.Items {
		e, _, err := r.read(item, "dispute", page)
		if err == nil && e.Dispute == nil {
			err = fmt.Errorf("the dispute %s cannot be read", e.ObjectID)
		}
		if err != nil {
			r.refuse("dispute", item, err)
			continue
		}
		isThere := false
		if e.CustomerID = customerOfCharge(item); e.CustomerID != "" && !isClosed(e.Dispute.Status) {
			if isThere, err = r.get(ctx, &v1alpha1.Customer{}, e.CustomerID); err != nil {
				return err
			}
		}
		if !isThere {
			r.count("dispute", ignored)
			continue
		}
		batch := r.batchOf(batches, e.CustomerID, page)
		batch.Objects = append(batch.Objects, e)
	}
	if err := r.deliver(ctx, batches); err != nil {
		return err
	}
	return r.countDisputes(ctx, batches)
}

// countDisputes counts the disputes that were put in, by whether their Customers have them. One that an event has closed meanwhile
// still has its position.
func (r *run) countDisputes(ctx context.Context, batches map[string]*readings.Batch) error {
	for id, batch := range batches {
		var customer v1alpha1.Customer
		if _, err := r.get(ctx, &customer, id); err != nil {
			return err
		}
		for _, e := range batch.Objects {
			if projection.DisputePosition(&customer.Status, e.ObjectID).EventID != "" {
				r.count("dispute", imported)
			} else {
				r.refuseStored("dispute", e.ObjectID)
			}
		}
	}
	return nil
}

func customerOfCharge(dispute json.RawMessage) string {
	parsed, err := stripejson.Parse(dispute)
	if err != nil {
		return ""
	}
	return parsed.ID("charge.customer")
}

// read reads a listed object of a kind. With an error it returns the Stripe id of the customer, if that can be read.
func (r *run) read(
	item json.RawMessage, kind string, page stripeapi.Page,
) (e *projection.Event, customerID string, err error) {
	err = panics.Catch(func() error {
		object, err := stripejson.Parse(item)
		if err != nil {
			return err
		}
		customerID = stripejson.ReadLinks(object).CustomerID
		if got := object.Word("object"); got != kind {
			return fmt.Errorf("the list of %ss holds a %q", kind, got)
		}
		e, err = r.Decoder.Reading(r.account, object, page.At)
		return err
	})
	return e, customerID, err
}

// batchOf returns the customer's Batch, which it adds if there is none yet.
func (r *run) batchOf(batches map[string]*readings.Batch, customerID string, page stripeapi.Page) *readings.Batch {
	if batches[customerID] == nil {
		batches[customerID] = &readings.Batch{CustomerID: customerID, Account: r.account, At: page.At}
	}
	return batches[customerID]
}

// deliver puts the Batches into the mailbox and waits until all are taken out. It replaces none that still waits there.
// A customer that takes none in time holds up no other: whether it has what was listed is checked afterwards.
func (r *run) deliver(ctx context.Context, batches map[string]*readings.Batch) error {
	patient, cancel := context.WithTimeout(ctx, r.foldPatience)
	defer cancel()
	var group errgroup.Group
	for id, batch := range batches {
		key := types.NamespacedName{Namespace: r.Namespace, Name: naming.Object(r.account, id)}
		group.Go(func() error {
			if err := r.Mailbox.PutWhenEmpty(patient, key, batch); err != nil {
				return err
			}
			return r.Mailbox.Wait(patient, []types.NamespacedName{key})
		})
	}
	if err := group.Wait(); err != nil && ctx.Err() == nil {
		r.log.Info("Customers have not taken in what was listed, going on",
			"waited", r.foldPatience.String(), "phase", r.c.Phase)
	}
	return ctx.Err()
}

// get reads an object by its Stripe id, and reports whether it is there.
func (r *run) get(ctx context.Context, object client.Object, id string) (bool, error) {
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: naming.Object(r.account, id)}, object)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// refuse leaves out an object that cannot be read. It must not hold up the others.
func (r *run) refuse(kind string, item json.RawMessage, err error) {
	id := ""
	if object, parseErr := stripejson.Parse(item); parseErr == nil {
		id = object.ID("id")
	}
	metrics.ReadingsRefused.WithLabelValues("not_readable").Inc()
	r.note(kind, id, "it is not readable: "+err.Error())
}

// refuseStored notes an object that was put in, and is not in the cluster: the API server or the schema refuses it, or
// it is being deleted.
func (r *run) refuseStored(kind, id string) {
	r.note(kind, id, "it was not stored")
}

// note counts a refused object, and logs it once.
func (r *run) note(kind, id, reason string) {
	r.count(kind, refused)
	if key := strings.Join([]string{r.account, kind, id}, "/"); !r.logged.Has(key) && r.logged.Len() < maxLogged {
		r.logged.Insert(key)
		r.log.Info("Refused an object that Stripe listed", "kind", kind, "id", id, "reason", reason)
	}
}

// count counts an object by what became of it.
func (r *run) count(kind, result string) {
	metrics.ImportObjects.WithLabelValues(kind, result).Inc()
	switch result {
	case imported:
		r.c.Imported++
	case ignored:
		r.c.Ignored++
	default:
		r.c.Refused++
	}
}
