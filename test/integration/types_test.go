package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the table
)

// fixture holds the ids and times of one case. Each case has its own customer.
type fixture struct {
	shape                                                       Shape
	customer, sub, invoice, intent, charge, card, session, seti string
	now, later                                                  time.Time
}

func newFixture(shape Shape, n int) fixture {
	id := func(prefix string) string {
		return fmt.Sprintf("%s_%sType%d", prefix, map[Shape]string{Old: "Old", New: "New"}[shape], n)
	}
	now := time.Now().Add(-time.Minute).Truncate(time.Second)
	return fixture{
		shape: shape, customer: id("cus"), sub: id("sub"), invoice: id("in"), intent: id("pi"), charge: id("ch"), card: id("card"),
		session: id("cs"), seti: id("seti"), now: now, later: now.AddDate(0, 1, 0),
	}
}

func (f fixture) subscription(status string) Object {
	return Subscription(f.shape, f.sub, f.customer, status, f.now, f.later)
}

func (f fixture) invoiceObject(status string) Object {
	return Invoice(f.shape, f.invoice, f.customer, f.sub, status, Amount, f.now, f.later)
}

func (f fixture) paymentIntent(status string) Object {
	return PaymentIntent(f.shape, f.intent, f.customer, f.charge, status, f.now)
}

func (f fixture) chargeObject(status string) Object {
	return Charge(f.shape, f.charge, f.customer, f.intent, status, f.now)
}

// observed holds the statuses after the event of a case.
type observed struct {
	c *v1alpha1.CustomerStatus
	s *v1alpha1.SubscriptionStatus
	f fixture
}

// typeCase is the test case of one event type.
type typeCase struct {
	before   func(f fixture) []Event // events to send first; may be nil
	object   func(f fixture) Object  // the object of the event
	previous Object
	// previousOf is previous where it depends on the fixture; may be nil.
	previousOf func(f fixture) Object
	want       string                // what the statuses must show
	got        func(observed) string // what they show
}

func at(t *metav1.Time) int64 {
	if t == nil {
		return 0
	}
	return t.Unix()
}

// failedRefundCase is a refund, which names its charge and no customer.
var failedRefundCase = typeCase{
	before: func(f fixture) []Event {
		return []Event{{Type: "charge.succeeded", Object: f.chargeObject("succeeded")}}
	},
	object: func(f fixture) Object { return Refund("re_"+f.charge, f.charge, f.intent, "failed", Amount, f.now) },
	want:   "failed",
	got: func(v observed) string {
		if len(v.c.FailedRefunds) == 1 && v.c.FailedRefunds[0].ChargeID == v.f.charge {
			return "failed"
		}
		return fmt.Sprintf("%+v", v.c.FailedRefunds)
	},
}

var typeCases = map[string]typeCase{
	"checkout.session.completed": {
		object: func(f fixture) Object { return Checkout(f.session, f.customer, f.sub, "ada@example.com", f.now) },
		want:   "ada@example.com tenant-1 StateNotKnown, Ready AwaitingState",
		got: func(v observed) string {
			_, reason, _ := strings.Cut(condition(v.c.Conditions, v1alpha1.ConditionEntitled), " ")
			_, ready, _ := strings.Cut(condition(v.s.Conditions, v1alpha1.ConditionReady), " ")
			return fmt.Sprintf("%s %s %s, Ready %s", v.c.Email, v.c.Signup.ClientReferenceID, reason, ready)
		},
	},
	"checkout.session.async_payment_failed": {
		object: func(f fixture) Object {
			return Checkout(f.session, f.customer, f.sub, "ada@example.com", f.now).With("payment_status", "unpaid")
		},
		want: "Failed, sign-up: false",
		got: func(v observed) string {
			return fmt.Sprintf("%s, sign-up: %t", v.c.Checkouts[0].State, v.c.Signup != nil)
		},
	},
	"checkout.session.async_payment_succeeded": {
		object: func(f fixture) Object { return Checkout(f.session, f.customer, f.sub, "ada@example.com", f.now) },
		want:   "the sign-up is tenant-1, of 0s ago",
		got: func(v observed) string {
			return fmt.Sprintf("the sign-up is %s, of %ds ago", v.c.Signup.ClientReferenceID, v.f.now.Unix()-v.c.Signup.StartedAt.Unix())
		},
	},
	"checkout.session.expired": {
		object: func(f fixture) Object {
			return Checkout(f.session, f.customer, "", "ada@example.com", f.now).
				With("subscription", nil).With("status", "expired").With("payment_status", "unpaid")
		},
		want: "known since 0s ago, sign-up: false",
		got: func(v observed) string {
			return fmt.Sprintf("known since %ds ago, sign-up: %t", v.f.now.Unix()-at(v.c.CustomerSince), v.c.Signup != nil || len(v.c.Checkouts) > 0)
		},
	},
	"customer.subscription.created": {
		object: func(f fixture) Object { return f.subscription("incomplete") },
		want:   "incomplete pro-monthly 5 seats to 0s after the end",
		got: func(v observed) string {
			return fmt.Sprintf("%s %s %s seats to %ds after the end", v.s.Status, v.s.Plan, v.s.Items[0].Entitlements["seats"],
				at(v.s.CurrentPeriodEnd)-v.f.later.Unix())
		},
	},
	"customer.subscription.updated": {
		object: func(f fixture) Object { return f.subscription("active").With("cancel_at_period_end", true) },
		want:   "active True until the end, True SubscriptionActive",
		got: func(v observed) string {
			until := "never"
			if at(v.c.AccessUntil) == v.f.later.Unix() {
				until = "the end"
			}
			return fmt.Sprintf("%s %s until %s, %s", v.s.Status, title(v.s.CancelAtPeriodEnd), until,
				condition(v.c.Conditions, v1alpha1.ConditionEntitled))
		},
	},
	"customer.subscription.deleted": {
		before: func(f fixture) []Event {
			return []Event{{Type: "customer.subscription.updated", Object: f.subscription("active")}}
		},
		object: func(f fixture) Object {
			return f.subscription("canceled").With("ended_at", f.now.Unix()).With("canceled_at", f.now.Unix())
		},
		want: "canceled ended, False SubscriptionEnded",
		got: func(v observed) string {
			ended := ""
			if at(v.s.EndedAt) == v.f.now.Unix() {
				ended = "ended"
			}
			return fmt.Sprintf("%s %s, %s", v.s.Status, ended, condition(v.c.Conditions, v1alpha1.ConditionEntitled))
		},
	},
	"customer.subscription.trial_will_end": {
		before: func(f fixture) []Event {
			return []Event{{Type: "customer.subscription.updated", Object: f.subscription("active")}}
		},
		object: func(f fixture) Object { return Trial(f.shape, f.sub, f.customer, f.now, f.later) },
		want:   "announced, still active",
		got: func(v observed) string {
			if v.s.TrialEndingAnnounced == nil {
				return "not announced"
			}
			return "announced, still " + v.s.Status
		},
	},
	"payment_intent.created": {
		object: func(f fixture) Object { return f.paymentIntent("requires_payment_method") },
		want:   "requires_payment_method",
		got:    func(v observed) string { return v.c.LatestPaymentIntent.Status },
	},
	"payment_intent.requires_action": {
		object: func(f fixture) Object { return f.paymentIntent("requires_action") },
		want:   "requires_action",
		got:    func(v observed) string { return v.c.LatestPaymentIntent.Status },
	},
	"payment_intent.succeeded": {
		object: func(f fixture) Object { return f.paymentIntent("succeeded") },
		want:   "succeeded 2900 usd by the charge",
		got: func(v observed) string {
			return fmt.Sprintf("%s %d %s by %s", v.c.LatestPaymentIntent.Status, v.c.LastPayment.Amount, v.c.LastPayment.Currency,
				strings.ReplaceAll(v.c.LastPayment.ChargeID, v.f.charge, "the charge"))
		},
	},
	"payment_intent.payment_failed": {
		object: func(f fixture) Object { return Declined(f.paymentIntent("")) },
		want:   "requires_payment_method card_declined insufficient_funds",
		got: func(v observed) string {
			return fmt.Sprintf("%s %s %s", v.c.LatestPaymentIntent.Status, v.c.LastFailure.Code, v.c.LastFailure.DeclineCode)
		},
	},
	"charge.succeeded": {
		object: func(f fixture) Object { return f.chargeObject("succeeded") },
		want:   "2900 usd with visa 4242",
		got: func(v observed) string {
			return fmt.Sprintf("%d %s with %s %s", v.c.LastPayment.Amount, v.c.LastPayment.Currency, v.c.PaymentMethod.Brand, v.c.PaymentMethod.Last4)
		},
	},
	"charge.failed": {
		object: func(f fixture) Object { return Declined(f.chargeObject("")) },
		want:   "card_declined insufficient_funds Your card has insufficient funds.",
		got: func(v observed) string {
			return fmt.Sprintf("%s %s %s", v.c.LastFailure.Code, v.c.LastFailure.DeclineCode, v.c.LastFailure.Message)
		},
	},
	"charge.refunded": {
		object: func(f fixture) Object { return Refunded(f.chargeObject("succeeded"), 900) },
		want:   "900 of 2900, full: false",
		got: func(v observed) string {
			return fmt.Sprintf("%d of %d, full: %t", v.c.Refunds[0].AmountRefunded, v.c.Refunds[0].Amount, v.c.Refunds[0].Full)
		},
	},
	"charge.updated": {
		before: func(f fixture) []Event {
			return []Event{{Type: "charge.refunded", Object: Refunded(f.chargeObject("succeeded"), 900)}}
		},
		object:   func(f fixture) Object { return Refunded(f.chargeObject("succeeded"), 0) },
		previous: Object{"amount_refunded": 900},
		want:     "0 of 2900",
		got: func(v observed) string {
			return fmt.Sprintf("%d of %d", v.c.Refunds[0].AmountRefunded, v.c.Refunds[0].Amount)
		},
	},
	"charge.refund.updated": failedRefundCase,
	"refund.updated":        failedRefundCase,
	"refund.failed":         failedRefundCase,
	"charge.dispute.created": {
		before: func(f fixture) []Event {
			return []Event{{Type: "charge.succeeded", Object: f.chargeObject("succeeded")}}
		},
		object: func(f fixture) Object { return Dispute("dp_"+f.charge, f.charge, f.intent, f.now, f.later) },
		want:   "fraudulent needs_response due in a month",
		got: func(v observed) string {
			due := "at another time"
			if at(v.c.OpenDisputes[0].EvidenceDueBy) == v.f.later.Unix() {
				due = "in a month"
			}
			return fmt.Sprintf("%s %s due %s", v.c.OpenDisputes[0].Reason, v.c.OpenDisputes[0].Status, due)
		},
	},
	"invoice.created":   {object: func(f fixture) Object { return f.invoiceObject("draft") }, want: "draft 2900 usd", got: latestInvoice},
	"invoice.updated":   {object: func(f fixture) Object { return f.invoiceObject("open") }, want: "open 2900 usd", got: latestInvoice},
	"invoice.finalized": {object: func(f fixture) Object { return f.invoiceObject("open") }, want: "open 2900 usd", got: latestInvoice},
	"invoice.paid": {
		object: func(f fixture) Object { return f.invoiceObject("paid") }, want: "paid 2900 usd, paid through the end", got: paidThrough,
	},
	"invoice.payment_succeeded": {
		object: func(f fixture) Object { return f.invoiceObject("paid") }, want: "paid 2900 usd, paid through the end", got: paidThrough,
	},
	"invoice.payment_action_required": {
		before: func(f fixture) []Event {
			return []Event{{Type: "customer.subscription.updated", Object: f.subscription("past_due"), Previous: Object{"status": "active"}}}
		},
		object: func(f fixture) Object { return FailedAttempt(f.invoiceObject("open"), 1, f.later) },
		want:   "attempt 1, True GracePeriod",
		got: func(v observed) string {
			return fmt.Sprintf("attempt %d, %s", v.s.ActionRequired.AttemptCount, condition(v.c.Conditions, v1alpha1.ConditionEntitled))
		},
	},
	"invoice_payment.paid": {
		before: func(f fixture) []Event {
			return []Event{{Type: "payment_intent.succeeded", Object: f.paymentIntent("succeeded")}, {Type: "invoice.created", Object: f.invoiceObject("open")}}
		},
		object: func(f fixture) Object {
			return InvoicePayment("inpay_"+f.charge, "in_"+f.charge, f.intent, Amount, f.now)
		},
		want: "the intent",
		got: func(v observed) string {
			return strings.ReplaceAll(v.c.InvoicePayments[0].PaymentIntentID, v.f.intent, "the intent")
		},
	},
	"invoice.payment_failed": {
		before: func(f fixture) []Event {
			return []Event{{Type: "customer.subscription.updated", Object: f.subscription("past_due"), Previous: Object{"status": "active"}}}
		},
		object: func(f fixture) Object { return FailedAttempt(f.invoiceObject("open"), 2, f.later) },
		want:   "attempt 2, next in a month, True GracePeriod",
		got: func(v observed) string {
			failure, next := v.s.LatestPaymentFailure, "never"
			if at(failure.NextPaymentAttempt) == v.f.later.Unix() {
				next = "in a month"
			}
			return fmt.Sprintf("attempt %d, next %s, %s", failure.AttemptCount, next, condition(v.c.Conditions, v1alpha1.ConditionEntitled))
		},
	},
	"customer.created": {object: profile, want: "ada@example.com Ada, metadata tenant", got: profileSeen},
	"customer.updated": {object: profile, want: "ada@example.com Ada, metadata tenant", got: profileSeen},
	"customer.deleted": {
		before: func(f fixture) []Event {
			return []Event{
				{Type: "customer.subscription.updated", Object: f.subscription("active")},
				{Type: "charge.succeeded", Object: f.chargeObject("succeeded")},
			}
		},
		object: profile,
		want:   "canceled 1s after the start, False SubscriptionEnded, known by CustomerDeleted, without address and payment method",
		got: func(v observed) string {
			person := "with"
			if v.c.Email+v.c.Name == "" && v.c.PaymentMethod == nil && len(v.c.PaymentMethods) == 0 {
				person = "without"
			}
			return fmt.Sprintf("%s %ds after the start, %s, known by %s, %s address and payment method", v.s.Status,
				at(v.s.EndedAt)-v.f.now.Unix(), condition(v.c.Conditions, v1alpha1.ConditionEntitled), v.c.Complete.Source, person)
		},
	},
	"customer.source.expiring": {
		object: func(f fixture) Object { return Card(f.card, f.customer, 12, f.now.Year()+2) },
		want:   "visa 4242 expiring: true", got: card,
	},
	"customer.source.updated": {
		before: func(f fixture) []Event {
			return []Event{{Type: "customer.source.expiring", Created: f.now.Add(-time.Hour), Object: Card(f.card, f.customer, 12, f.now.Year()+2)}}
		},
		object: func(f fixture) Object { return Card(f.card, f.customer, 12, f.now.Year()+4) },
		want:   "visa 4242 expiring: false", got: card,
	},
	"product.updated": {
		before: func(f fixture) []Event {
			return []Event{{Type: "customer.subscription.created", Object: billing(f.subscription("active"), productOfFixture(f))}}
		},
		object: func(f fixture) Object { return ProductWith("7").With("id", productOfFixture(f)) },
		want:   "7 projects, 5 seats", got: func(v observed) string {
			return fmt.Sprintf("%s projects, %s seats", v.c.Entitlements["projects"], v.c.Entitlements["seats"])
		},
	},
	"entitlements.active_entitlement_summary.updated": {
		object: func(f fixture) Object { return FeaturesOf(f.customer, "sso", "api") },
		want:   "api sso", got: func(v observed) string { return strings.Join(v.c.Features, " ") },
	},
	"setup_intent.created": {
		object: func(f fixture) Object { return SetupIntent(f.seti, f.customer, "", "requires_payment_method", f.now) },
		want:   "requires_payment_method", got: func(v observed) string { return v.c.LatestSetup.Status },
	},
	"setup_intent.succeeded": {
		object: func(f fixture) Object { return SetupIntent(f.seti, f.customer, "pm_new", "succeeded", f.now) },
		want:   "succeeded with pm_new", got: func(v observed) string { return v.c.LatestSetup.Status + " with " + v.c.PaymentMethod.ID },
	},
	"setup_intent.setup_failed": {object: setupFailed, want: "setup_intent_authentication_failure", got: setupFailure},
	"setup_intent.failed":       {object: setupFailed, want: "setup_intent_authentication_failure", got: setupFailure},
}

func productOfFixture(f fixture) string { return "prod_" + f.customer }

// billing is a subscription whose item bills the product.
func billing(subscription Object, product string) Object {
	item := subscription["items"].(Object)["data"].([]Object)[0]
	item = item.With("price", item["price"].(Object).With("product", product))
	return subscription.With("items", subscription["items"].(Object).With("data", []Object{item}))
}

func title(b bool) string { return map[bool]string{true: "True", false: "False"}[b] }

func latestInvoice(v observed) string {
	return fmt.Sprintf("%s %d %s", v.s.LatestInvoice.Status, v.s.LatestInvoice.AmountDue, v.s.LatestInvoice.Currency)
}

func paidThrough(v observed) string {
	through := "another time"
	if at(v.s.PaidThrough) == v.f.later.Unix() {
		through = "the end"
	}
	return latestInvoice(v) + ", paid through " + through
}

func profile(f fixture) Object { return Customer(f.customer, "ada@example.com", "Ada") }

func profileSeen(v observed) string {
	keys := make([]string, 0, len(v.c.Metadata))
	for key := range v.c.Metadata {
		keys = append(keys, key)
	}
	return fmt.Sprintf("%s %s, metadata %s", v.c.Email, v.c.Name, strings.Join(keys, " "))
}

func card(v observed) string {
	return fmt.Sprintf("%s %s expiring: %t", v.c.PaymentMethod.Brand, v.c.PaymentMethod.Last4, v.c.PaymentMethod.Expiring)
}

func setupFailed(f fixture) Object {
	return SetupIntent(f.seti, f.customer, "", "requires_payment_method", f.now).With("last_setup_error", Object{
		"type": "invalid_request_error", "code": "setup_intent_authentication_failure", "message": "The customer gave up.",
	})
}

func setupFailure(v observed) string { return v.c.LatestSetup.Failure.Code }

// An event of each handled type, in the old and the new shape, changes the statuses as expected.
func TestEveryTypeChangesTheCluster(t *testing.T) {
	t.Parallel()
	o := start(t)
	for i, handled := range events.All() {
		if handled.RecordedOnly != "" {
			continue // see TestTypesThatAreOnlyRecorded
		}
		tc, ok := typeCases[handled.Name]
		if !ok {
			t.Errorf("%s is handled but has no test case", handled.Name)
			continue
		}
		for _, shape := range []Shape{Old, New} {
			t.Run(handled.Name+"/"+string(shape), func(t *testing.T) {
				o := &operator{t: t, namespace: o.namespace, endpoint: o.endpoint}
				f := newFixture(shape, i)
				if tc.before != nil {
					for n, e := range tc.before(f) {
						e.ID, e.Shape = fmt.Sprintf("evt_before%d_%s", n, f.customer), shape
						if e.Created.IsZero() {
							e.Created = f.now
						}
						o.send(e)
					}
				}
				id, previous := "evt_"+f.customer, tc.previous
				if tc.previousOf != nil {
					previous = tc.previousOf(f)
				}
				o.send(Event{ID: id, Type: handled.Name, Created: f.now.Add(time.Second), Shape: shape, Object: tc.object(f), Previous: previous})
				o.eventually("the event is applied", func() string {
					if got := o.event(id).Status; got.Outcome != v1alpha1.OutcomeApplied {
						return fmt.Sprintf("its outcome is %q %s", got.Outcome, got.Message)
					}
					return ""
				})
				got := tc.got(observed{&o.customer(f.customer).Status, &o.subscription(f.sub).Status, f})
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("after %s (-want +got):\n%s", handled.Name, diff)
				}
			})
		}
	}
}
