package events

import "strings"

// LeftOut is a group of Stripe's event types that are not handled.
type LeftOut struct {
	// Types are the names of the types. One that ends in ".*" stands for all types that begin like it and are not handled.
	Types []string
	// Why says in half a sentence why they are not handled.
	Why string
}

// LeftOutTypes lists the types of Stripe that are not handled. A test compares it with stripe_types.txt, the types that the newest
// stripe-go knows, so that a new type is a choice.
func LeftOutTypes() []LeftOut {
	return []LeftOut{
		{
			Types: []string{"account.*", "capability.*", "person.*", "balance.*", "balance_settings.*", "payout.*", "topup.*", "transfer.*",
				"application_fee.*", "reserve.*", "treasury.*", "tax.*"},
			Why: "they are about your own account at Stripe, or a connected one, and its money: not about a customer",
		},
		{
			Types: []string{"issuing_authorization.*", "issuing_card.*", "issuing_cardholder.*", "issuing_dispute.*",
				"issuing_personalization_design.*", "issuing_token.*", "issuing_transaction.*"},
			Why: "they are about cards that you issue, and not about cards that pay you",
		},
		{
			Types: []string{"climate.*", "file.*", "financial_connections.*", "identity.*", "reporting.*", "sigma.*", "terminal.*",
				"test_helpers.*", "billing_portal.*"},
			Why: "they are about other products and tools of Stripe, and bear on no access",
		},
		{
			Types: []string{"plan.*", "price.created", "price.deleted", "product.created", "product.deleted"},
			Why:   "a price or product that begins is billed by nobody yet, and one that is billed cannot be deleted",
		},
		{
			Types: []string{"coupon.*", "promotion_code.*", "tax_rate.*", "invoiceitem.*", "credit_note.*"},
			Why:   "they change what an invoice amounts to: the invoice's own events and `charge.refunded` report the result",
		},
		{
			Types: []string{"billing.*"},
			Why:   "usage and prepaid credits: the invoice that bills them reports the result",
		},
		{
			Types: []string{"payment_link.*", "quote.*"},
			Why:   "they are offers: the checkout or subscription that comes of one has events of its own",
		},
		{
			Types: []string{"customer.tax_id.*", "cash_balance.*", "customer_cash_balance_transaction.*"},
			Why:   "tax numbers, and money that waits for an invoice: the paid invoice has events of its own",
		},
		{
			Types: []string{"mandate.*", "source.*"},
			Why:   "they are steps of a payment method of single use or of its permission: the payment has events of its own",
		},
		{
			Types: []string{"payment_intent.amount_capturable_updated", "payment_intent.partially_funded"},
			Why:   "no payment is complete: `payment_intent.succeeded` or `payment_intent.canceled` follows",
		},
		{
			Types: []string{"radar.early_fraud_warning.updated", "review.*"},
			Why:   "they are about suspicions: the refund or dispute that comes of one has events of its own",
		},
	}
}

// covers reports whether the entry of LeftOut.Types stands for the type.
func covers(entry, name string) bool {
	prefix, isGroup := strings.CutSuffix(entry, "*")
	return entry == name || isGroup && strings.HasPrefix(name, prefix)
}
