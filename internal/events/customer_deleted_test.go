package events

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// Stripe sends the whole customer, and nothing of it is recorded.
func TestCustomerDeleted(t *testing.T) {
	record := &v1alpha1.CustomerRecord{Deleted: true}
	shows := func(e *projection.Event, c *v1alpha1.CustomerStatus, _ *v1alpha1.SubscriptionStatus) {
		c.DeletedAt = &e.Created
		c.Complete = &v1alpha1.Completeness{Source: v1alpha1.CompleteByDeletion, At: e.Created}
	}
	deleted := eventCase{event: projection.Event{CustomerID: customerID, Customer: record}}
	testType(t, "customer.deleted", shows, map[string]eventCase{
		"2017-sources": deleted, "2023-both-defaults": deleted, "2026-address": deleted,
	})
}

// What Stripe's API returns of a deleted customer says the same as the event.
func TestReadingOfADeletedCustomer(t *testing.T) {
	object, err := stripejson.Parse([]byte(`{"id": "cus_TollKite01", "object": "customer", "deleted": true}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := decoder.Reading("", object, at("2026-09-03").Add(300*time.Millisecond))
	want := &projection.Event{
		EventID: "read", Type: "customer.read", Created: *at("2026-09-03"), CustomerID: customerID, ObjectID: customerID,
		ObjectKind: "customer", Customer: &v1alpha1.CustomerRecord{Deleted: true},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(projection.Event{}, "PayloadSHA256")); diff != "" || err != nil {
		t.Errorf("reading (-want +got):\n%s%v", diff, err)
	}
}
