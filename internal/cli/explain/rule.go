package explain

import (
	"strings"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
)

// ruleOf names the rule that leads to the reason, in the order of internal/entitlement.
func ruleOf(in Input, reason string) Rule {
	c := in.Customer
	switch {
	case reason == "":
		return Rule{Name: "none", Text: "nothing yet: the operator has not looked at this customer"}
	case reason == v1alpha1.ReasonOverrideGranted || reason == v1alpha1.ReasonOverrideDenied:
		return manualRule(in, reason)
	case c.Status.DeletedAt != nil && reason == v1alpha1.ReasonSubscriptionEnded:
		return Rule{Name: "deletion", Text: "the deletion of the customer at Stripe on " + say.Moment(c.Status.DeletedAt.Time)}
	case reason == v1alpha1.ReasonPurchased:
		return purchaseRule(in)
	case reason == v1alpha1.ReasonNoSubscription:
		return Rule{Name: "subscriptions", Text: "the list of the customer's subscriptions, which is empty"}
	}
	s := in.deciding()
	if s == nil {
		return Rule{Name: "subscriptions", Text: "what is known of the customer's subscriptions and purchases"}
	}
	rule := Rule{Name: "subscriptions", Text: described(s), SubscriptionID: s.Spec.SubscriptionID}
	if others := len(c.Status.Subscriptions) - 1; others > 0 {
		rule.Text += ", which counts before " + say.Count(others, "other")
	}
	return rule
}

// manualRule says which of the two overrides decided, and what would decide without it.
func manualRule(in Input, reason string) Rule {
	does := "grants"
	if reason == v1alpha1.ReasonOverrideDenied {
		does = "denies"
	}
	without := "Without it, the customer has no subscription that decides"
	if s := in.deciding(); s != nil {
		without = "Without it, " + described(s) + " decides"
	}
	override := entitlement.RunningOverride(&in.Customer.Spec, in.Now)
	if override != nil && isByHand(in.Customer.Spec.Access) {
		without = "Without it, spec.access decides, which is " + string(in.Customer.Spec.Access)
	}
	if override == nil {
		return Rule{Name: "access", Text: "spec.access, by which a person " + does + " access until it is Auto. " + without}
	}
	text := []string{"an override that " + does + " access"}
	if override.Author != "" {
		text = append(text, "by "+override.Author)
	}
	if override.Reason != "" {
		text = append(text, "with the reason “"+override.Reason+"”")
	}
	return Rule{Name: "override", Text: strings.Join(text, ", ") + ". " + without}
}

// isByHand reports whether spec.access decides in place of the subscriptions.
func isByHand(access v1alpha1.AccessMode) bool {
	return access == v1alpha1.AccessGranted || access == v1alpha1.AccessDenied
}

// purchaseRule names the purchases whose access runs.
func purchaseRule(in Input) Rule {
	rule := Rule{Name: "purchases"}
	for i := range in.Customer.Status.Purchases {
		p := &in.Customer.Status.Purchases[i]
		runs := p.From != nil && !in.Now.Before(p.From.Time) && (p.Until == nil || in.Now.Before(p.Until.Time))
		if runs && p.RefundedAt == nil { // one that is not paid has no from
			rule.PurchaseIDs = append(rule.PurchaseIDs, p.ID)
		}
	}
	rule.Text = "a one-time purchase"
	if len(rule.PurchaseIDs) > 0 {
		rule.Text = "the one-time purchase " + strings.Join(rule.PurchaseIDs, " and ")
	}
	return rule
}
