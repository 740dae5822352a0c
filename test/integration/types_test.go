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

// world holds the ids of one case, so that no two cases share a customer.
type world struct {
	shape                                                       Shape
	customer, sub, invoice, intent, charge, card, session, seti string
	now, later                                                  time.Time
}

func newWorld(shape Shape, n int) world {
	id := func(prefix string) string {
		return fmt.Sprintf("%s_%sType%d", prefix, map[Shape]string{Old: "Old", New: "New"}[shape], n)
	}
	now := time.Now().Truncate(time.Second)
	return world{
		shape: shape, customer: id("cus"), sub: id("sub"), invoice: id("in"), intent: id("pi"), charge: id("ch"), card: id("card"),
		session: id("cs"), seti: id("seti"), now: now, later: now.AddDate(0, 1, 0),
	}
}

func (w world) subscription(status string) Object {
	return Subscription(w.shape, w.sub, w.customer, status, w.now, w.later)
}

func (w world) bill(status string) Object {
	return Invoice(w.shape, w.invoice, w.customer, w.sub, status, Amount, w.now, w.later)
}

func (w world) paymentIntent(status string) Object {
	return PaymentIntent(w.shape, w.intent, w.customer, w.charge, status, w.now)
}

func (w world) chargeOf(status string) Object {
	return Charge(w.shape, w.charge, w.customer, w.intent, status, w.now)
}

// seen is what a case shows of the cluster after its event.
type seen struct {
	c *v1alpha1.CustomerStatus
	s *v1alpha1.SubscriptionStatus
	w world
}

// typeCase is one event type: the object that it carries, what must have been sent before, and what it changes.
type typeCase struct {
	before   func(w world) []Event
	object   func(w world) Object
	previous Object
	want     string
	got      func(seen) string
}

func at(t *metav1.Time) int64 {
	if t == nil {
		return 0
	}
	return t.Unix()
}

var typeCases = map[string]typeCase{
	"checkout.session.completed": {
		object: func(w world) Object { return Checkout(w.session, w.customer, w.sub, "ada@example.com", w.now) },
		want:   "ada@example.com tenant-1 AwaitingPayment, Ready AwaitingState",
		got: func(v seen) string {
			_, reason, _ := strings.Cut(condition(v.c.Conditions, v1alpha1.ConditionEntitled), " ")
			_, ready, _ := strings.Cut(condition(v.s.Conditions, v1alpha1.ConditionReady), " ")
			return fmt.Sprintf("%s %s %s, Ready %s", v.c.Email, v.c.Signup.ClientReferenceID, reason, ready)
		},
	},
	"customer.subscription.created": {
		object: func(w world) Object { return w.subscription("incomplete") },
		want:   "incomplete pro-monthly 5 seats to 0s after the end",
		got: func(v seen) string {
			return fmt.Sprintf("%s %s %s seats to %ds after the end", v.s.Status, v.s.Plan, v.s.Items[0].Entitlements["seats"],
				at(v.s.CurrentPeriodEnd)-v.w.later.Unix())
		},
	},
	"customer.subscription.updated": {
		object: func(w world) Object { return w.subscription("active").With("cancel_at_period_end", true) },
		want:   "active True until the end, True SubscriptionActive",
		got: func(v seen) string {
			until := "never"
			if at(v.c.AccessUntil) == v.w.later.Unix() {
				until = "the end"
			}
			return fmt.Sprintf("%s %s until %s, %s", v.s.Status, title(v.s.CancelAtPeriodEnd), until,
				condition(v.c.Conditions, v1alpha1.ConditionEntitled))
		},
	},
	"customer.subscription.deleted": {
		before: func(w world) []Event {
			return []Event{{Type: "customer.subscription.updated", Object: w.subscription("active")}}
		},
		object: func(w world) Object {
			return w.subscription("canceled").With("ended_at", w.now.Unix()).With("canceled_at", w.now.Unix())
		},
		want: "canceled ended, False SubscriptionEnded",
		got: func(v seen) string {
			ended := ""
			if at(v.s.EndedAt) == v.w.now.Unix() {
				ended = "ended"
			}
			return fmt.Sprintf("%s %s, %s", v.s.Status, ended, condition(v.c.Conditions, v1alpha1.ConditionEntitled))
		},
	},
	"customer.subscription.trial_will_end": {
		before: func(w world) []Event {
			return []Event{{Type: "customer.subscription.updated", Object: w.subscription("active")}}
		},
		object: func(w world) Object { return Trial(w.shape, w.sub, w.customer, w.now, w.later) },
		want:   "announced, still active",
		got: func(v seen) string {
			if v.s.TrialEndingAnnounced == nil {
				return "not announced"
			}
			return "announced, still " + v.s.Status
		},
	},
	"payment_intent.created": {
		object: func(w world) Object { return w.paymentIntent("requires_payment_method") },
		want:   "requires_payment_method",
		got:    func(v seen) string { return v.c.LatestPaymentIntent.Status },
	},
	"payment_intent.succeeded": {
		object: func(w world) Object { return w.paymentIntent("succeeded") },
		want:   "succeeded 2900 usd by the charge",
		got: func(v seen) string {
			return fmt.Sprintf("%s %d %s by %s", v.c.LatestPaymentIntent.Status, v.c.LastPayment.Amount, v.c.LastPayment.Currency,
				strings.ReplaceAll(v.c.LastPayment.ChargeID, v.w.charge, "the charge"))
		},
	},
	"payment_intent.payment_failed": {
		object: func(w world) Object { return Declined(w.paymentIntent("")) },
		want:   "requires_payment_method card_declined insufficient_funds",
		got: func(v seen) string {
			return fmt.Sprintf("%s %s %s", v.c.LatestPaymentIntent.Status, v.c.LastFailure.Code, v.c.LastFailure.DeclineCode)
		},
	},
	"charge.succeeded": {
		object: func(w world) Object { return w.chargeOf("succeeded") },
		want:   "2900 usd with visa 4242",
		got: func(v seen) string {
			return fmt.Sprintf("%d %s with %s %s", v.c.LastPayment.Amount, v.c.LastPayment.Currency, v.c.PaymentMethod.Brand, v.c.PaymentMethod.Last4)
		},
	},
	"charge.failed": {
		object: func(w world) Object { return Declined(w.chargeOf("")) },
		want:   "card_declined insufficient_funds Your card has insufficient funds.",
		got: func(v seen) string {
			return fmt.Sprintf("%s %s %s", v.c.LastFailure.Code, v.c.LastFailure.DeclineCode, v.c.LastFailure.Message)
		},
	},
	"charge.refunded": {
		object: func(w world) Object { return Refunded(w.chargeOf("succeeded"), 900) },
		want:   "900 of 2900, full: false",
		got: func(v seen) string {
			return fmt.Sprintf("%d of %d, full: %t", v.c.Refunds[0].AmountRefunded, v.c.Refunds[0].Amount, v.c.Refunds[0].Full)
		},
	},
	"charge.dispute.created": {
		before: func(w world) []Event {
			return []Event{{Type: "charge.succeeded", Object: w.chargeOf("succeeded")}}
		},
		object: func(w world) Object { return Dispute("dp_"+w.charge, w.charge, w.intent, w.now, w.later) },
		want:   "fraudulent needs_response due in a month",
		got: func(v seen) string {
			due := "at another time"
			if at(v.c.OpenDisputes[0].EvidenceDueBy) == v.w.later.Unix() {
				due = "in a month"
			}
			return fmt.Sprintf("%s %s due %s", v.c.OpenDisputes[0].Reason, v.c.OpenDisputes[0].Status, due)
		},
	},
	"invoice.created":   {object: func(w world) Object { return w.bill("draft") }, want: "draft 2900 usd", got: latestInvoice},
	"invoice.updated":   {object: func(w world) Object { return w.bill("open") }, want: "open 2900 usd", got: latestInvoice},
	"invoice.finalized": {object: func(w world) Object { return w.bill("open") }, want: "open 2900 usd", got: latestInvoice},
	"invoice.paid": {
		object: func(w world) Object { return w.bill("paid") }, want: "paid 2900 usd, paid through the end", got: paidThrough,
	},
	"invoice.payment_succeeded": {
		object: func(w world) Object { return w.bill("paid") }, want: "paid 2900 usd, paid through the end", got: paidThrough,
	},
	"invoice.payment_failed": {
		before: func(w world) []Event {
			return []Event{{Type: "customer.subscription.updated", Object: w.subscription("past_due"), Previous: Object{"status": "active"}}}
		},
		object: func(w world) Object { return FailedAttempt(w.bill("open"), 2, w.later) },
		want:   "attempt 2, next in a month, True GracePeriod",
		got: func(v seen) string {
			failure, next := v.s.LatestPaymentFailure, "never"
			if at(failure.NextPaymentAttempt) == v.w.later.Unix() {
				next = "in a month"
			}
			return fmt.Sprintf("attempt %d, next %s, %s", failure.AttemptCount, next, condition(v.c.Conditions, v1alpha1.ConditionEntitled))
		},
	},
	"customer.created": {object: profile, want: "ada@example.com Ada, metadata tenant", got: profileSeen},
	"customer.updated": {object: profile, want: "ada@example.com Ada, metadata tenant", got: profileSeen},
	"customer.source.expiring": {
		object: func(w world) Object { return Card(w.card, w.customer, 12, w.now.Year()+2) },
		want:   "visa 4242 expiring: true", got: card,
	},
	"customer.source.updated": {
		before: func(w world) []Event {
			return []Event{{Type: "customer.source.expiring", Created: w.now.Add(-time.Hour), Object: Card(w.card, w.customer, 12, w.now.Year()+2)}}
		},
		object: func(w world) Object { return Card(w.card, w.customer, 12, w.now.Year()+4) },
		want:   "visa 4242 expiring: false", got: card,
	},
	"setup_intent.created": {
		object: func(w world) Object { return SetupIntent(w.seti, w.customer, "", "requires_payment_method", w.now) },
		want:   "requires_payment_method", got: func(v seen) string { return v.c.LatestSetup.Status },
	},
	"setup_intent.succeeded": {
		object: func(w world) Object { return SetupIntent(w.seti, w.customer, "pm_new", "succeeded", w.now) },
		want:   "succeeded with pm_new", got: func(v seen) string { return v.c.LatestSetup.Status + " with " + v.c.PaymentMethod.ID },
	},
	"setup_intent.setup_failed": {object: setupFailed, want: "setup_intent_authentication_failure", got: setupFailure},
	"setup_intent.failed":       {object: setupFailed, want: "setup_intent_authentication_failure", got: setupFailure},
}

func title(b bool) string { return map[bool]string{true: "True", false: "False"}[b] }

func latestInvoice(v seen) string {
	return fmt.Sprintf("%s %d %s", v.s.LatestInvoice.Status, v.s.LatestInvoice.AmountDue, v.s.LatestInvoice.Currency)
}

func paidThrough(v seen) string {
	through := "another time"
	if at(v.s.PaidThrough) == v.w.later.Unix() {
		through = "the end"
	}
	return latestInvoice(v) + ", paid through " + through
}

func profile(w world) Object { return Customer(w.customer, "ada@example.com", "Ada") }

func profileSeen(v seen) string {
	keys := make([]string, 0, len(v.c.Metadata))
	for key := range v.c.Metadata {
		keys = append(keys, key)
	}
	return fmt.Sprintf("%s %s, metadata %s", v.c.Email, v.c.Name, strings.Join(keys, " "))
}

func card(v seen) string {
	return fmt.Sprintf("%s %s expiring: %t", v.c.PaymentMethod.Brand, v.c.PaymentMethod.Last4, v.c.PaymentMethod.Expiring)
}

func setupFailed(w world) Object {
	return SetupIntent(w.seti, w.customer, "", "requires_payment_method", w.now).With("last_setup_error", Object{
		"type": "invalid_request_error", "code": "setup_intent_authentication_failure", "message": "The customer gave up.",
	})
}

func setupFailure(v seen) string { return v.c.LatestSetup.Failure.Code }

// Every handled type, in an old and a new shape, posted over HTTP, changes in the cluster what it should.
func TestEveryTypeChangesTheCluster(t *testing.T) {
	o := start(t)
	for i, handled := range events.All() {
		tc, ok := typeCases[handled.Name]
		if !ok {
			t.Errorf("%s is handled, but has no case here", handled.Name)
			continue
		}
		for _, shape := range []Shape{Old, New} {
			t.Run(handled.Name+"/"+string(shape), func(t *testing.T) {
				o := &operator{t: t, namespace: o.namespace, endpoint: o.endpoint}
				w := newWorld(shape, i)
				if tc.before != nil {
					for n, e := range tc.before(w) {
						e.ID, e.Shape = fmt.Sprintf("evt_before%d_%s", n, w.customer), shape
						if e.Created.IsZero() {
							e.Created = w.now
						}
						o.send(e)
					}
				}
				id := "evt_" + w.customer
				o.send(Event{ID: id, Type: handled.Name, Created: w.now.Add(time.Second), Shape: shape, Object: tc.object(w), Previous: tc.previous})
				o.eventually("the event is applied", func() string {
					if got := o.event(id).Status; got.Outcome != v1alpha1.OutcomeApplied {
						return fmt.Sprintf("its outcome is %q %s", got.Outcome, got.Message)
					}
					return ""
				})
				got := tc.got(seen{&o.customer(w.customer).Status, &o.subscription(w.sub).Status, w})
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("after %s (-want +got):\n%s", handled.Name, diff)
				}
			})
		}
	}
}
