package stripejson

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const (
	// maxItems is how many items of a subscription are kept. Stripe's limit was 20 until 2026-08-26, and is higher since for
	// flexible billing: https://docs.stripe.com/changelog/dahlia/2026-08-26/flexible-subscription-item-limits.
	maxItems = 100
	// maxEntitlements per item, and in all items, keep a whole record far below etcd's limit for one object.
	maxEntitlements, maxAllEntitlements = 16, 320
)

// Subscription reads a subscription; prefix selects the metadata to keep. Since 2025-03-31 the items have the periods;
// before, the subscription has one. See https://docs.stripe.com/api/subscriptions/object.
func Subscription(o Object, prefix string) *v1alpha1.SubscriptionState {
	items := o.List("items.data")
	start, end := period(o, items)
	state := &v1alpha1.SubscriptionState{
		Status:                 o.Word("status"),
		Items:                  subscriptionItems(o, items, prefix),
		StartedAt:              o.Time("start_date", "created", "start"), // start moves with every change of plan
		CurrentPeriodStart:     start,
		CurrentPeriodEnd:       end,
		TrialStart:             o.Time("trial_start"),
		TrialEnd:               o.Time("trial_end"),
		CancelAt:               o.Time("cancel_at"),
		CancelAtPeriodEnd:      o.Bool("cancel_at_period_end"),
		CanceledAt:             o.Time("canceled_at"),
		EndedAt:                o.Time("ended_at"),
		CancellationReason:     o.Word("cancellation_details.reason"),
		MoreItems:              o.Bool("items.has_more") || len(items) > maxItems,
		TestClock:              o.ID("test_clock"),
		PausedBy:               o.Word("status_details.paused.subscription.type"),
		PauseCollection:        pauseCollection(o.Object("pause_collection")),
		CollectionMethod:       o.Word("collection_method", "billing"),
		DefaultPaymentMethodID: o.ID("default_payment_method", "default_source"),
	}
	state.UnreadableFields = o.unreadableFields()
	return state
}

// period is the shortest of the items' periods: items with different intervals have different ones. It is the one that older
// API versions give the subscription itself. See https://docs.stripe.com/changelog/basil/2025-07-30/support-mixed-intervals.
//
// For example, an item is billed yearly, from January to January, and another one monthly, from March to April: the period is
// March to April. What was paid for until January is in status.paidThrough.
func period(o Object, items []Object) (start, end *metav1.Time) {
	for _, item := range items {
		s, e := item.Time("current_period_start"), item.Time("current_period_end")
		if s != nil && e != nil && (end == nil || e.Sub(s.Time) < end.Sub(start.Time)) {
			start, end = s, e
		}
	}
	if end == nil {
		start, end = o.Time("current_period_start"), o.Time("current_period_end")
	}
	return start, end
}

func subscriptionItems(o Object, items []Object, prefix string) []v1alpha1.SubscriptionItem {
	if len(items) == 0 && o.Object("plan").Present() {
		items = []Object{o} // before 2018 the subscription itself could hold a plan
	}
	if len(items) > maxItems {
		items = items[:maxItems]
	}
	var read []v1alpha1.SubscriptionItem
	left := maxAllEntitlements
	for _, item := range items {
		read = append(read, subscriptionItem(item, prefix, min(left, maxEntitlements)))
		left -= len(read[len(read)-1].Entitlements)
	}
	return read
}

// subscriptionItem reads an item with its price, which was called plan before 2020, and at most so many entitlements.
func subscriptionItem(o Object, prefix string, entitlements int) v1alpha1.SubscriptionItem {
	price := o.Object("price", "plan")
	decimal := price.Text(32, "unit_amount_decimal", "amount_decimal")
	if !strings.Contains(decimal, ".") {
		decimal = "" // it says the same as the whole number
	}
	return v1alpha1.SubscriptionItem{
		Price:             price.ID("id"),
		Product:           price.ID("product"),
		LookupKey:         price.Text(maxName, "lookup_key"),
		Nickname:          price.Text(maxName, "nickname"),
		Quantity:          o.Int("quantity"),
		UnitAmount:        price.Int("unit_amount", "amount"),
		UnitAmountDecimal: decimal,
		Currency:          price.Text(maxCurrency, "currency"),
		Interval:          price.Text(16, "recurring.interval", "interval"),
		IntervalCount:     price.Count("recurring.interval_count", "interval_count"),
		Entitlements:      price.Metadata(prefix, entitlements, "product.metadata", "metadata"),
	}
}

func pauseCollection(o Object) *v1alpha1.PauseCollection {
	if !o.Present() {
		return nil
	}
	return &v1alpha1.PauseCollection{Behavior: o.Word("behavior"), ResumesAt: o.Time("resumes_at")}
}
