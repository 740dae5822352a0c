package stripejson

import "github.com/tollkeeper/tollkeeper/api/v1alpha1"

// Discount reads a discount. Since 2025-09-30 it names its coupon by source.coupon, by default with the id only. See
// https://docs.stripe.com/api/discounts/object.
func Discount(o Object) *v1alpha1.DiscountRecord {
	coupon := o.Object("source.coupon", "coupon")
	return &v1alpha1.DiscountRecord{
		CouponID:        o.ID("source.coupon", "coupon"),
		PromotionCodeID: o.ID("promotion_code"),
		PercentOff:      coupon.Decimal("percent_off"),
		AmountOff:       coupon.Int("amount_off"),
		Currency:        coupon.Text(maxCurrency, "currency"),
		Duration:        coupon.Word("duration"),
		Start:           o.Time("start"),
		End:             o.Time("end"),
	}
}
