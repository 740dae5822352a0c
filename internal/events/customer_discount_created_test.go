package events

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestCustomerDiscountCreated(t *testing.T) {
	testRecorded(t, "customer.discount.created", map[string]projection.Event{
		"2019-coupon": discounted("2019", percentOff),
		"2023-amount": discounted("2023", func(d *v1alpha1.DiscountRecord) {
			d.AmountOff, d.Currency, d.Duration, d.End = new(int64(500)), "eur", "once", nil
		}),
		"2026-source": discounted("2026", byCode),
	})
}

// discounted is the discount of the payloads.
func discounted(year string, change func(*v1alpha1.DiscountRecord)) projection.Event {
	start := at(year + "-09-01")
	record := &v1alpha1.DiscountRecord{CouponID: "KITE25", Start: start, End: &metav1.Time{Time: start.AddDate(0, 0, 92)}}
	change(record)
	return projection.Event{CustomerID: customerID, SubscriptionID: subscriptionID, Discount: record}
}

func percentOff(d *v1alpha1.DiscountRecord) { d.PercentOff, d.Duration = "25.5", "repeating" }

// byCode is a discount of a promotion code, whose payload names the coupon by its id only.
func byCode(d *v1alpha1.DiscountRecord) { d.PromotionCodeID = "promo_1TollKite" }
