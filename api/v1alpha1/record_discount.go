package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DiscountRecord is what a customer.discount.* event reports, for the auditor. The amounts of invoices include discounts
// already. See https://docs.stripe.com/api/discounts/object.
type DiscountRecord struct {
	// couponID is the id of the coupon, a word that you choose in Stripe or that Stripe makes.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	CouponID string `json:"couponID,omitempty"`
	// promotionCodeID is the promotion code (promo_…) that the customer entered. Absent if there was none.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	PromotionCodeID string `json:"promotionCodeID,omitempty"`
	// percentOff is the discount in percent, such as 12.5. Absent if the coupon takes off an amount, and if the payload names
	// the coupon by its id only, as it does since API version 2025-09-30.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	PercentOff string `json:"percentOff,omitempty"`
	// amountOff is the discount in minor units of the currency (cents). Absent if the coupon takes off a percentage, and if
	// the payload names the coupon by its id only.
	// +optional
	AmountOff *int64 `json:"amountOff,omitempty"`
	// currency of amountOff, as a lower-case ISO 4217 code.
	// +optional
	// +kubebuilder:validation:MaxLength=8
	Currency string `json:"currency,omitempty"`
	// duration is for how long the coupon applies: once, repeating or forever.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Duration string `json:"duration,omitempty"`
	// start is when the discount began.
	// +optional
	Start *metav1.Time `json:"start,omitempty"`
	// end is when the discount ends or ended. Absent if it has no end.
	// +optional
	End *metav1.Time `json:"end,omitempty"`
}
