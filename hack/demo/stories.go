package main

import (
	"fmt"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// story is a part of the life cycle of one customer.
type story struct {
	title string
	steps func(*scene) []step
}

var (
	now   = time.Now().Truncate(time.Second)
	ago   = now.Add(-time.Hour)
	month = now.AddDate(0, 1, 0)
)

var stories = []story{
	{"Sign-up: Ada completes a checkout and pays", signUp},
	{"Trial to paid: Bob ends his trial early and pays", trialToPaid},
	{"Failed payment to recovery: Carol's card is declined, then charged", failureToRecovery},
	{"Cancellation: Dan cancels at the end of the period, then immediately", cancellation},
	{"Refund: Eve gets her money back; the default policy only records it", refund},
	{"Dispute: Frank's bank disputes a charge; the event names no customer", dispute},
	{"Card expiring: Grace's card is about to expire", cardExpiring},
	{"Grace period: Ivan's card is declined; he keeps service while Stripe tries again", graceful},
	{"Failed event: one of Judy's events cannot be read; her other events are applied", failedEvent},
	{"Duplicates: one event arrives a hundred times at once", duplicates},
	{"Forgery: an event is signed with the wrong secret", forgery},
}

func signUp(s *scene) []step {
	const customer, sub = "cus_Ada", "sub_Ada"
	incomplete := Subscription(New, sub, customer, "incomplete", now, month)
	return []step{
		s.send(
			s.event("customer.created", now, New, Customer(customer, "ada@example.com", "Ada Lovelace")),
			s.event("customer.subscription.created", now, New, incomplete),
			s.event("charge.succeeded", now, New, Charge(New, "ch_Ada", customer, "pi_Ada", "succeeded", now)),
			s.event("payment_intent.succeeded", now, New, PaymentIntent(New, "pi_Ada", customer, "ch_Ada", "succeeded", now)),
			s.event("invoice.paid", now, New, Invoice(New, "in_Ada", customer, sub, "paid", Amount, now, month)),
			s.event("customer.subscription.updated", now, New, incomplete.With("status", "active")),
			s.event("checkout.session.completed", now, New, Checkout("cs_Ada", customer, sub, "ada@example.com", now)),
		),
		s.status(sub, "active"),
		s.entitled(customer, "True (SubscriptionActive)"),
		s.expect("E-mails planned", "2", func() string { return s.count(&v1alpha1.EmailList{}, v1alpha1.LabelCustomerID, customer) }),
		s.expect("E-mails that Mailgun accepted", "2", func() string { return fmt.Sprint(len(s.mailgun.Messages())) }),
		s.expect("Entitlements", "map[seats:5]", func() string { return fmt.Sprint(s.customer(customer).Status.Entitlements) }),
		s.tenant(customer, "active, at most 5 pods"),
	}
}

func trialToPaid(s *scene) []step {
	const customer, sub = "cus_Bob", "sub_Bob"
	trialEnd := now.AddDate(0, 0, 3)
	trial := Trial(New, sub, customer, ago, trialEnd)
	return []step{
		s.send(
			s.event("customer.subscription.created", ago, New, trial),
			s.event("invoice.payment_succeeded", ago, New, Invoice(New, "in_Bob0", customer, sub, "paid", 0, ago, trialEnd)),
			s.event("customer.subscription.trial_will_end", ago, New, trial),
		),
		s.status(sub, "trialing"),
		s.entitled(customer, "True (Trialing)"),
		s.send(
			s.event("customer.subscription.updated", now, New, Subscription(New, sub, customer, "active", now, month)),
			s.event("invoice.paid", now, New, Invoice(New, "in_Bob1", customer, sub, "paid", Amount, now, month)),
		),
		s.status(sub, "active"),
		s.entitled(customer, "True (SubscriptionActive)"),
	}
}

func failureToRecovery(s *scene) []step {
	const customer, sub = "cus_Carol", "sub_Carol"
	active := Subscription(Old, sub, customer, "active", ago, month)
	open := Invoice(Old, "in_Carol", customer, sub, "open", Amount, ago, month)
	failed := s.event("customer.subscription.updated", ago, Old, active.With("status", "past_due"))
	failed.Previous = Object{"status": "active"}
	recovered := s.event("customer.subscription.updated", now, Old, active)
	recovered.Previous = Object{"status": "past_due"}
	return []step{
		s.send(
			failed,
			s.event("charge.failed", ago, Old, Declined(Charge(Old, "ch_Carol", customer, "pi_Carol", "", ago))),
			s.event("invoice.payment_failed", ago, Old, FailedAttempt(open, 1, now.AddDate(0, 0, 3))),
		),
		s.status(sub, "past_due"),
		s.entitled(customer, "True (GracePeriod)"),
		s.expect("Last failure", "insufficient_funds", func() string {
			if failure := s.customer(customer).Status.LastFailure; failure != nil {
				return failure.DeclineCode
			}
			return ""
		}),
		s.send(
			s.event("invoice.paid", now, Old, Invoice(Old, "in_Carol", customer, sub, "paid", Amount, ago, month)),
			recovered,
		),
		s.status(sub, "active"),
		s.entitled(customer, "True (SubscriptionActive)"),
	}
}

func cancellation(s *scene) []step {
	const customer, sub = "cus_Dan", "sub_Dan"
	active := Subscription(New, sub, customer, "active", ago, month)
	canceled := active.With("status", "canceled").With("ended_at", now.Unix()).With("canceled_at", now.Unix())
	return []step{
		s.send(
			s.event("customer.subscription.created", ago, New, active),
			s.event("customer.subscription.updated", ago, New, active.With("cancel_at_period_end", true)),
		),
		s.entitled(customer, "True (SubscriptionActive)"),
		s.expect("Access until", month.UTC().Format(time.RFC3339), func() string {
			if until := s.customer(customer).Status.AccessUntil; until != nil {
				return until.UTC().Format(time.RFC3339)
			}
			return ""
		}),
		s.tenant(customer, "active, at most 5 pods"),
		s.deploy(customer, 2),
		s.tenant(customer, "active, at most 5 pods, web has 2 replicas"),
		s.send(s.event("customer.subscription.deleted", now, New, canceled)),
		s.status(sub, "canceled"),
		s.entitled(customer, "False (SubscriptionEnded)"),
		s.tenant(customer, "suspended, at most 0 pods, web has 0 replicas"),
	}
}

func refund(s *scene) []step {
	const customer, sub = "cus_Eve", "sub_Eve"
	charge := Charge(New, "ch_Eve", customer, "pi_Eve", "succeeded", ago)
	return []step{
		s.send(
			s.event("customer.subscription.created", now, New, Subscription(New, sub, customer, "active", now, month)),
			s.event("charge.succeeded", ago, New, charge),
			s.event("charge.refunded", now, New, Refunded(charge, Amount)),
		),
		s.expect("Refunded", "2900 of 2900 usd", func() string {
			refunds := s.customer(customer).Status.Refunds
			if len(refunds) == 0 {
				return ""
			}
			return fmt.Sprintf("%d of %d %s", refunds[0].AmountRefunded, refunds[0].Amount, refunds[0].Currency)
		}),
		s.entitled(customer, "True (SubscriptionActive)"),
	}
}

func dispute(s *scene) []step {
	const customer, sub = "cus_Frank", "sub_Frank"
	return []step{
		s.send(
			s.event("charge.dispute.created", now, New, Dispute("dp_Frank", "ch_Frank", "pi_Frank", now, now.AddDate(0, 0, 9))),
			s.event("customer.subscription.created", now, New, Subscription(New, sub, customer, "active", now, month)),
			s.event("charge.succeeded", now, New, Charge(New, "ch_Frank", customer, "pi_Frank", "succeeded", now)),
		),
		s.expect("Open dispute", "fraudulent, needs_response", func() string {
			disputes := s.customer(customer).Status.OpenDisputes
			if len(disputes) == 0 {
				return ""
			}
			return disputes[0].Reason + ", " + disputes[0].Status
		}),
		s.entitled(customer, "True (SubscriptionActive)"),
	}
}

func cardExpiring(s *scene) []step {
	const customer = "cus_Grace"
	return []step{
		s.send(
			s.event("customer.created", now, New, Customer(customer, "grace@example.com", "Grace Hopper")),
			s.event("customer.source.expiring", now, New, Card("card_Grace", customer, int(now.Month()), now.Year())),
		),
		s.expect("Payment method", "visa 4242, expiring: true", func() string {
			method := s.customer(customer).Status.PaymentMethod
			if method == nil {
				return ""
			}
			return fmt.Sprintf("%s %s, expiring: %t", method.Brand, method.Last4, method.Expiring)
		}),
		s.entitled(customer, "False (NoSubscription)"),
	}
}

func graceful(s *scene) []step {
	const customer, sub = "cus_Ivan", "sub_Ivan"
	active := Subscription(New, sub, customer, "active", ago, month)
	open := Invoice(New, "in_Ivan", customer, sub, "open", Amount, ago, month)
	pastDue := s.event("customer.subscription.updated", now, New, active.With("status", "past_due"))
	pastDue.Previous = Object{"status": "active"}
	return []step{
		s.send(
			s.event("customer.subscription.created", ago, New, active),
			s.event("charge.failed", now, New, Declined(Charge(New, "ch_Ivan", customer, "pi_Ivan", "", now))),
			s.event("invoice.payment_failed", now, New, FailedAttempt(open, 1, now.AddDate(0, 0, 3))),
			pastDue,
		),
		s.status(sub, "past_due"),
		s.entitled(customer, "True (GracePeriod)"),
	}
}

func failedEvent(s *scene) []step {
	const customer, sub = "cus_Judy", "sub_Judy"
	unreadable := s.event("invoice.paid", now, New, Invoice(New, "in_Judy", customer, sub, "paid", Amount, now, month).With("status", 5))
	return []step{
		s.send(
			unreadable,
			s.event("customer.subscription.created", now, New, Subscription(New, sub, customer, "active", now, month)),
		),
		s.entitled(customer, "True (SubscriptionActive)"),
		s.expect("Event "+unreadable.ID, "Failed", func() string {
			var e v1alpha1.BillingEvent
			s.read(unreadable.ID, &e)
			return string(e.Status.Outcome)
		}),
	}
}

func duplicates(s *scene) []step {
	const customer, sub = "cus_Heidi", "sub_Heidi"
	return []step{
		s.sendAtOnce(s.event("customer.subscription.created", now, New, Subscription(New, sub, customer, "active", now, month)), 100),
		s.entitled(customer, "True (SubscriptionActive)"),
		s.expect("BillingEvents", "1", func() string { return s.count(&v1alpha1.BillingEventList{}, v1alpha1.LabelCustomerID, customer) }),
	}
}

func forgery(s *scene) []step {
	const customer = "cus_Mallory"
	return []step{
		s.sendForged(s.event("customer.subscription.created", now, New, Subscription(New, "sub_Mallory", customer, "active", now, month))),
		s.expect("BillingEvents", "0", func() string { return s.count(&v1alpha1.BillingEventList{}, v1alpha1.LabelCustomerID, customer) }),
	}
}
