package stripejson

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const (
	// maxItems is Stripe's limit of items per subscription.
	maxItems = 20
	// maxEntitlements per item keep a whole record far below etcd's limit for one object.
	maxEntitlements = 16
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
		MoreItems:              o.Bool("items.has_more"),
		TestClock:              o.ID("test_clock"),
		PausedBy:               o.Word("status_details.paused.subscription.type"),
		PauseCollection:        pauseCollection(o.Object("pause_collection")),
		CollectionMethod:       o.Word("collection_method", "billing"),
		DefaultPaymentMethodID: o.ID("default_payment_method", "default_source"),
	}
	state.UnreadableFields = o.unreadableFields()
	return state
}

// period is the span of the items' periods, which may differ; for older API versions it is the subscription's own.
func period(o Object, items []Object) (start, end *metav1.Time) {
	for _, item := range items {
		s, e := item.Time("current_period_start"), item.Time("current_period_end")
		if s != nil && (start == nil || s.Before(start)) {
			start = s
		}
		if e != nil && (end == nil || end.Before(e)) {
			end = e
		}
	}
	if start == nil {
		start = o.Time("current_period_start")
	}
	if end == nil {
		end = o.Time("current_period_end")
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
	for _, item := range items {
		read = append(read, subscriptionItem(item, prefix))
	}
	return read
}

// subscriptionItem reads an item with its price, which was called plan before 2020.
func subscriptionItem(o Object, prefix string) v1alpha1.SubscriptionItem {
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
		Entitlements:      price.Metadata(prefix, maxEntitlements, "product.metadata", "metadata"),
	}
}

func pauseCollection(o Object) *v1alpha1.PauseCollection {
	if !o.Present() {
		return nil
	}
	return &v1alpha1.PauseCollection{Behavior: o.Word("behavior"), ResumesAt: o.Time("resumes_at")}
}
