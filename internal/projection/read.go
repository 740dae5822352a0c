package projection

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// EventRead is the event id in the position of a reading: a state that was read from Stripe's API and that no event
// reported.
const EventRead = "read"

// Difference holds the JSON names of the fields in which a status differed from a reading.
type Difference struct {
	// Repaired fields show the reading now.
	Repaired []string
	// Remaining fields still show an event that is not older than the reading.
	Remaining []string
}

// Read folds a reading: an Event with EventRead as its id, and as its created the time from which the object is known
// to be current. It wins over every earlier event.
//
// A reading that confirms what shows changes nothing, so a resync that finds no difference writes nothing.
func Read(a *Aggregate, e *Event) Difference {
	d := readObject(a, e)
	settleDeletion(a)
	return d
}

func readObject(a *Aggregate, e *Event) Difference {
	switch {
	case e.Subscription != nil && e.SubscriptionID != "":
		return readSubscription(a, e)
	case e.Customer != nil && e.Customer.Deleted:
		return readDeletion(a, e)
	case e.Customer != nil:
		return readProfile(a, e)
	case e.Dispute != nil && e.ObjectID != "":
		return readDispute(a, e)
	case e.Features != nil:
		return readFeatures(a, e)
	case e.Product != nil && e.ObjectID != "":
		return readProduct(a, e)
	case e.Refund != nil && e.ChargeID != "":
		return readRefund(a, e)
	case e.Payment != nil && e.ObjectKind == "invoice_payment":
		readInvoicePayment(a, e)
		return Difference{}
	case e.Checkout != nil, e.Payment != nil:
		return readPurchase(a, e)
	case e.Invoice != nil:
		readInvoiceLines(a, e)
		return readInvoicePurchase(a, e)
	default:
		return Difference{}
	}
}

// fold folds a reading that differs in these fields, or that settles a doubt.
func (d Difference) fold(a *Aggregate, e *Event, doubt v1alpha1.Doubt, effect Effect) Difference {
	switch {
	case len(d.Remaining) == 0 && doubt == "":
		return d
	case effect(a, e):
		return Difference{Repaired: d.Remaining}
	default:
		return d
	}
}

// ShownEvents lists the events that the statuses show of objects that can be read, by Stripe's id of the object.
func ShownEvents(a *Aggregate, customerID string) map[string]string {
	shown := map[string]string{
		customerID: ProfilePosition(&a.Customer).EventID, FeaturesID: FeaturesPosition(&a.Customer).EventID,
	}
	for id, s := range a.Subscriptions {
		shown[id] = StatePosition(s).EventID
	}
	for _, prefix := range []string{partDisputePrefix, partRefundPrefix} {
		for _, id := range idsByPosition(a.Customer.Positions, prefix) {
			shown[id] = a.Customer.Positions[prefix+id].EventID
		}
	}
	return shown
}

// Yield dates an object's position before a reading, if the status still shows the event that it showed when Stripe was asked
// (ShownEvents). That event was recorded before the reading, so the reading wins, whatever time the event states and however
// the clocks differ.
func Yield(a *Aggregate, customerID, id, shownEvent string, at metav1.Time) {
	parts, part := &a.Customer.Positions, partProfile
	switch {
	case id == customerID:
	case id == FeaturesID && a.Customer.CutFeatures != nil:
		part = partCutFeatures
	case id == FeaturesID:
		part = partFeatures
	case a.Subscriptions[id] != nil:
		parts, part = &a.Subscriptions[id].Positions, partState
	case a.Customer.Positions[partDisputePrefix+id].EventID != "":
		part = partDisputePrefix + id
	default:
		part = partRefundPrefix + id
	}
	p, before := (*parts)[part], metav1.NewTime(at.Truncate(time.Second).Add(-time.Second))
	if p.EventID == "" || p.EventID != shownEvent || p.Created.Before(&at) {
		return
	}
	p.Created = before
	p.Recent = slices.Clone(p.Recent)
	for i := range p.Recent {
		if !p.Recent[i].Created.Before(&at) {
			p.Recent[i].Created = before
		}
	}
	setPosition(parts, part, p)
	if deletedAt := a.Customer.DeletedAt; part == partProfile && deletedAt != nil && !deletedAt.Before(&at) {
		a.Customer.DeletedAt = &before
	}
}

func readSubscription(a *Aggregate, e *Event) Difference {
	var shown v1alpha1.SubscriptionStatus
	if s := a.Subscriptions[e.SubscriptionID]; s != nil {
		shown = *s
	}
	if read := &e.Subscription.SubscriptionState; read.Status == StatusPaused && shown.Status == StatusPaused && read.PausedBy == "" {
		read.PausedBy = shown.PausedBy // Stripe returns the cause in API versions from 2026-05-27 on only.
	}
	if a.Customer.DeletedAt != nil && !hasEnded(e.Subscription.Status) {
		return Difference{} // it was read before the customer was deleted
	}
	if shown.Status != e.Subscription.Status { // no event reported when it came into the status: it was seen so now
		e.Subscription.PreviousStatus = shown.Status
	}
	d := Difference{Remaining: differingFields(withRestOfItems(&shown, &e.Subscription.SubscriptionState), e.Subscription.SubscriptionState)}
	doubt := StatePosition(&shown).Doubt
	if refutesPayment(&shown, e) || shown.MoreItems && !e.Subscription.MoreItems {
		doubt = v1alpha1.DoubtGap
	}
	d = d.fold(a, e, doubt, SubscriptionState)
	if s := a.Subscriptions[e.SubscriptionID]; s != nil && len(d.Remaining) == 0 {
		s.RestItems = restOf(e.Subscription.Items)
		s.Plan = planName(itemsOf(s))
	}
	if s := a.Subscriptions[e.SubscriptionID]; len(d.Repaired) > 0 && StatePosition(&shown).Authority == v1alpha1.AuthorityFinal &&
		s.LastEvent != nil && !s.LastEvent.Created.Before(&e.Created) {
		p := StatePosition(s)
		p.Doubt = v1alpha1.DoubtRefuted
		setPosition(&s.Positions, partState, p)
	}
	return d
}

// withRestOfItems is the state that shows, with all items that were read if an event has reported the first ones: the rest of a
// list is no difference.
func withRestOfItems(shown *v1alpha1.SubscriptionStatus, read *v1alpha1.SubscriptionState) v1alpha1.SubscriptionState {
	state := shown.SubscriptionState
	n := len(state.Items)
	if state.MoreItems && n <= len(read.Items) && equality.Semantic.DeepEqual(state.Items, read.Items[:n]) {
		state.Items, state.MoreItems = read.Items, read.MoreItems
		state.CurrentPeriodStart, state.CurrentPeriodEnd = read.CurrentPeriodStart, read.CurrentPeriodEnd // the shortest one of all items
	}
	return state
}

// refutesPayment reports whether an invoice seems to be paid since the status was reported, and Stripe still has the status
// after that. The reading is folded then, although it confirms what shows: the status is newer than the payment.
func refutesPayment(shown *v1alpha1.SubscriptionStatus, e *Event) bool {
	reported := StatePosition(shown).Created
	switch shown.Status {
	case StatusActive, StatusCanceled, StatusIncompleteExpired:
		return false
	case StatusTrialing:
		if shown.TrialEnd == nil || e.Created.Before(shown.TrialEnd) {
			return false
		}
	}
	return shown.LastPaidAt != nil && !shown.LastPaidAt.Before(&reported) && shown.LastPaidAt.Before(&e.Created)
}

func readProfile(a *Aggregate, e *Event) Difference {
	c := &a.Customer
	doubt, refuted := ProfilePosition(c).Doubt, refuteDeletion(c, e)
	if refuted {
		doubt = v1alpha1.DoubtRefuted // the reading is folded, even if the customer has no name and no address
		doubtEnds(a)
	}
	if c.DeletedAt != nil {
		return Difference{} // it was read before the customer was deleted
	}
	shown := v1alpha1.CustomerRecord{
		Email: c.Email, Name: c.Name, Delinquent: c.Delinquent, DefaultPaymentMethodID: c.DefaultPaymentMethodID, Metadata: c.Metadata,
		UnreadableFields: c.UnreadableFields,
	}
	read := *e.Customer
	read.Trace = v1alpha1.Trace{}
	d := Difference{Remaining: differingFields(shown, read)}
	d = d.fold(a, e, doubt, Profile)
	if refuted {
		d.Repaired = append(d.Repaired, "deletedAt")
	}
	return d
}

// readDispute updates a dispute that shows, and shows one that does not: an open one, and a lost one that was reported. Any
// other was closed long ago.
func readDispute(a *Aggregate, e *Event) Difference {
	i := slices.IndexFunc(a.Customer.OpenDisputes, func(d v1alpha1.Dispute) bool { return d.ID == e.ObjectID })
	var shown v1alpha1.DisputeRecord
	wasReported := DisputePosition(&a.Customer, e.ObjectID).EventID != ""
	switch {
	case i >= 0:
		shown = a.Customer.OpenDisputes[i].DisputeRecord
	case IsClosedDispute(e.Dispute.Status), e.Dispute.Status == disputeLost && !wasReported:
		return Difference{}
	}
	d := Difference{Remaining: differingFields(shown, *e.Dispute)}
	d = d.fold(a, e, "", DisputeOpened)
	for i := range a.Customer.OpenDisputes {
		if dispute := &a.Customer.OpenDisputes[i]; dispute.ID == e.ObjectID && dispute.Status != disputeLost {
			dispute.LostAt = nil // a report of the loss was wrong
		}
	}
	return d
}

// readRefund updates what is refunded on a charge, if a refund shows. A charge that is refunded in full after a refund on it failed
// was refunded again: the reading says so although the total is the same.
func readRefund(a *Aggregate, e *Event) Difference {
	i := slices.IndexFunc(a.Customer.Refunds, func(r v1alpha1.Refund) bool { return r.ChargeID == e.ChargeID })
	if i < 0 {
		return Difference{}
	}
	shown, read := &a.Customer.Refunds[i].RefundTotal, &e.Refund.RefundTotal
	shown.InvoiceID = cmp.Or(read.InvoiceID, shown.InvoiceID) // charges name their invoice in API versions before 2025-03-31 only
	read.InvoiceID = shown.InvoiceID
	d := Difference{Remaining: differingFields(*shown, *read)}
	if len(d.Remaining) == 0 && read.Full && RefundHasFailed(&a.Customer, &a.Customer.Refunds[i]) {
		d.Remaining = []string{"full"}
	}
	return d.fold(a, e, "", Refunded)
}

// ReadAbsent folds that Stripe, which knows the customer, did not know one of the customer's objects at that time. Stripe
// forgets no object, so what an event reported of it is not true: a subscription has ended, a dispute is not open, and
// nothing of a charge is refunded or bought.
func ReadAbsent(a *Aggregate, id string, at metav1.Time) Difference {
	e := &Event{EventID: EventRead, Created: metav1.Time{Time: at.Truncate(time.Second)}, ObjectID: id}
	if s := a.Subscriptions[id]; s != nil && !hasEnded(s.Status) {
		state := *s.SubscriptionState.DeepCopy()
		state.Status, state.EndedAt = StatusCanceled, &e.Created
		e.Type, e.SubscriptionID, e.Subscription = "customer.subscription.read", id, &v1alpha1.SubscriptionRecord{SubscriptionState: state}
		return readSubscription(a, e)
	}
	if i := slices.IndexFunc(a.Customer.OpenDisputes, func(d v1alpha1.Dispute) bool { return d.ID == id }); i >= 0 {
		dispute := a.Customer.OpenDisputes[i].DisputeRecord
		dispute.Status = closedDisputes[0]
		e.Type, e.Dispute = "charge.dispute.read", &dispute
		return readDispute(a, e)
	}
	if i := slices.IndexFunc(a.Customer.Refunds, func(r v1alpha1.Refund) bool { return r.ChargeID == id }); i >= 0 {
		total := a.Customer.Refunds[i].RefundTotal
		total.AmountRefunded, total.Full = 0, false
		e.Type, e.ChargeID, e.Refund = "charge.read", id, &v1alpha1.RefundRecord{RefundTotal: total}
		d := readRefund(a, e)
		d.Repaired = append(d.Repaired, readAbsentPurchase(&a.Customer, id).Repaired...) // the charge may have paid one
		return d
	}
	return readAbsentPurchase(&a.Customer, id)
}

// differingFields are the JSON names of the fields in which two states of the same kind differ.
func differingFields[T any](a, b T) []string {
	if equality.Semantic.DeepEqual(a, b) {
		return nil
	}
	fieldsA, fieldsB := jsonFields(a), jsonFields(b)
	names := maps.Clone(fieldsA)
	maps.Copy(names, fieldsB)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(names)), func(name string) bool {
		return string(fieldsA[name]) == string(fieldsB[name])
	})
}

func jsonFields(state any) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	text, err := json.Marshal(state)
	if err == nil {
		err = json.Unmarshal(text, &fields)
	}
	if err != nil {
		return nil // This does not happen: states hold strings, numbers and times.
	}
	return fields
}

// InDoubt returns the positions of the objects whose states are in doubt, by Stripe's id. A position that a comparison
// could not settle has that comparison's time, so each such comparison makes it another doubt. Of a deleted customer only
// the deletion can be in doubt.
func InDoubt(a *Aggregate, customerID string) map[string]v1alpha1.Position {
	doubts := map[string]v1alpha1.Position{}
	if a.Customer.DeletedAt != nil {
		if !IsDeletionConfirmed(&a.Customer) {
			doubts[customerID] = ProfilePosition(&a.Customer)
		}
		return doubts
	}
	if p, inDoubt := doubted(ProfilePosition(&a.Customer), a.Customer.LastComparison); inDoubt || len(a.Customer.UnreadableFields) > 0 {
		doubts[customerID] = p
	}
	if AreFeaturesInDoubt(&a.Customer) {
		doubts[FeaturesID] = FeaturesPosition(&a.Customer)
	}
	for id, s := range a.Subscriptions {
		if p, inDoubt := doubted(StatePosition(s), s.LastComparison); inDoubt || s.MoreItems || len(s.UnreadableFields) > 0 {
			doubts[id] = p
		}
	}
	for _, id := range CutInvoices(a) {
		doubts[id] = v1alpha1.Position{}
	}
	return doubts
}

func doubted(p v1alpha1.Position, last *v1alpha1.Comparison) (v1alpha1.Position, bool) {
	if last == nil || len(last.Remaining) == 0 {
		return p, p.Doubt != ""
	}
	if p.Created.Before(&last.At) {
		p.Created = last.At
	}
	return p, true
}

// IsPartlyKnown reports whether a subscription may exist that is not known, or one is known by name only.
func IsPartlyKnown(a *Aggregate) bool {
	for _, s := range a.Subscriptions {
		if s.Status == "" {
			return true
		}
	}
	return a.Customer.Complete == nil
}

// ProfilePosition is the position of the customer's profile; zero if nothing reported it.
func ProfilePosition(c *v1alpha1.CustomerStatus) v1alpha1.Position { return c.Positions[partProfile] }
