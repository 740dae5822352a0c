package explain

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
)

// command is a command of the plugin about the customer. It names the object if several customers may have the id.
func command(in Input, verb, flags string) string {
	text := "kubectl tollkeeper " + verb + " " + in.Customer.Spec.CustomerID
	if in.Customer.Spec.Account != "" {
		text = "kubectl tollkeeper " + verb + " customer/" + in.Customer.Name
	}
	if flags != "" {
		text += " " + flags
	}
	return text
}

// unlock is what gives the customer access, the way through Stripe first.
func unlock(in Input, reason string) []Advice {
	grant := Advice{
		Text:    "Or give access for a time, whatever Stripe says",
		Command: command(in, "grant", `--for 72h --reason "…"`),
	}
	if in.Customer.Status.DeletedAt != nil {
		return []Advice{{Text: "A customer that was deleted at Stripe does not come back: the person signs up as a new customer"}, grant}
	}
	switch reason {
	case v1alpha1.ReasonOverrideDenied:
		return []Advice{{Text: "Let the subscriptions decide again", Command: command(in, "auto", "")}}
	case v1alpha1.ReasonNoSubscription:
		return []Advice{{Text: "The customer starts a subscription, or buys access"}, grant}
	case v1alpha1.ReasonSubscriptionEnded:
		return []Advice{{Text: "The customer starts a new subscription: an ended one never resumes"}, grant}
	case v1alpha1.ReasonAwaitingPayment:
		return []Advice{{Text: "The customer makes the missing payment" + invoiceToPay(in)}, grant}
	case v1alpha1.ReasonPaymentFailed:
		return []Advice{{Text: "The customer pays what is open" + invoiceToPay(in) + ", or Stripe's Dashboard marks it as paid. " +
			"To void it, or to mark it as uncollectible, gives no access"}, grant}
	case v1alpha1.ReasonPaused:
		return []Advice{{Text: "Resume the subscription in Stripe's Dashboard; if its trial ended without a payment method, the customer adds one first"}, grant}
	case v1alpha1.ReasonDisputed:
		return []Advice{{Text: "The dispute is won or withdrawn; Stripe's Dashboard has it under Payments > Disputes"}, grant}
	case v1alpha1.ReasonStateNotKnown, "":
		return []Advice{
			{Text: "Nothing is taken away meanwhile: who has access keeps it. Ask Stripe now (needs a Stripe key)", Command: command(in, "resync", "")},
			grant,
		}
	default:
		return []Advice{grant}
	}
}

func invoiceToPay(in Input) string {
	if invoice := openInvoice(in.deciding()); invoice != "" {
		return ": invoice " + invoice
	}
	return ""
}

// doubts is why the answer may not be the last word.
func doubts(in Input, e Explanation) []Advice {
	c := in.Customer
	var all []Advice
	if c.Status.ObservedGeneration < c.Generation && e.Entitled != NotDecided {
		all = append(all, Advice{Text: "The spec was changed, and the operator has not looked at it yet. Is it running?", Command: "kubectl tollkeeper doctor"})
	}
	if until := c.Status.AccessUntil; until != nil && e.Entitled == string(metav1.ConditionTrue) && until.Before(&metav1.Time{Time: in.Now}) {
		all = append(all, Advice{
			Text:    "Access was to end on " + say.Moment(until.Time) + ", and the operator has not ended it. Is it running?",
			Command: "kubectl tollkeeper doctor",
		})
	}
	if override := c.Spec.Override; override != nil && entitlement.RunningOverride(&c.Spec, in.Now) == nil {
		all = append(all, Advice{Text: "An override ended on " + say.Moment(override.Until.Time) + ". It has no effect"})
	}
	if ready := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady); ready != nil {
		switch ready.Reason {
		case v1alpha1.ReasonEventsFailed:
			all = append(all, Advice{Text: "Events about this customer failed, and the answer lacks them. Read why", Command: command(in, "events", "--failed")})
		case v1alpha1.ReasonEventsWaiting:
			all = append(all, Advice{Text: "Events about this customer wait, and the answer lacks them. Read why", Command: command(in, "events", "--pending")})
		case v1alpha1.ReasonWrongName:
			all = append(all, Advice{Text: ready.Message})
		}
	}
	if doubt := notInSync(in); doubt != "" {
		all = append(all, Advice{
			Text: strings.TrimSuffix(doubt, ".") + ". With a Stripe key, the operator compares on request", Command: command(in, "resync", "--wait"),
		})
	}
	return all
}

// notInSync says why the customer, or the subscription that decides, may differ from Stripe; empty if neither may.
func notInSync(in Input) string {
	inSync := meta.FindStatusCondition(in.Customer.Status.Conditions, v1alpha1.ConditionInSync)
	if inSync != nil && inSync.Status != metav1.ConditionTrue {
		return inSync.Message
	}
	subscription := in.deciding()
	if subscription == nil {
		return ""
	}
	inSync = meta.FindStatusCondition(subscription.Status.Conditions, v1alpha1.ConditionInSync)
	if inSync != nil && inSync.Status != metav1.ConditionTrue {
		return "The subscription " + subscription.Spec.SubscriptionID + ": " + inSync.Message
	}
	return ""
}
