package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestChargeDisputeUpdated(t *testing.T) {
	testType(t, "charge.dispute.updated", showsDispute, map[string]eventCase{
		"2017-under-review": disputed("2017", "under_review"),
		"2026-under-review": disputed("2026", "under_review"),
	})
}

// disputed is the dispute of the payloads in a status.
func disputed(year, status string) eventCase {
	e := projection.Event{ChargeID: chargeID, Dispute: &v1alpha1.DisputeRecord{
		Reason: "fraudulent", Status: status, Amount: 1900, Currency: "eur", EvidenceDueBy: at(year + "-10-16"), Created: at(year + "-10-02"),
	}}
	if year == "2017" {
		e.Dispute.EvidenceDueBy = at("2017-10-16T09:59:59Z")
	} else {
		e.PaymentIntentID = intentID
	}
	return eventCase{event: e}
}

// showsDispute shows the dispute unless it ended with the money kept.
func showsDispute(e *projection.Event, c *v1alpha1.CustomerStatus, _ *v1alpha1.SubscriptionStatus) {
	c.OpenDisputes = []v1alpha1.Dispute{{ID: e.ObjectID, ChargeID: chargeID, PaymentIntentID: e.PaymentIntentID, DisputeRecord: *e.Dispute}}
	if e.Dispute.Status == "lost" {
		c.OpenDisputes[0].LostAt = &e.Created
	}
	if e.Dispute.Status == "won" {
		c.OpenDisputes = nil
	}
}

// Of one second, a closed dispute comes after an open one, whatever the ids.
func TestAClosedDisputeOfOneSecondStaysClosed(t *testing.T) {
	open, closed := disputed("2026", "under_review").event, disputed("2026", "won").event
	open.EventID, open.Type, closed.EventID, closed.Type = "evt_9", "charge.dispute.updated", "evt_1", "charge.dispute.closed"
	open.ObjectID, closed.ObjectID = "du_1", "du_1"
	var a projection.Aggregate
	projection.Fold(&a, []projection.Change{Change(&closed), Change(&open)})
	if len(a.Customer.OpenDisputes) != 0 {
		t.Errorf("still open: %+v", a.Customer.OpenDisputes)
	}
}
