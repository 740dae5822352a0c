package integration

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripefixtures"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the table
)

// This file has the cases of the types whose objects other types carry, too, and of schedules.

func init() {
	for _, more := range []map[string]typeCase{subscriptionCases(), scheduleCases(), invoiceCases(), disputeCases(), methodCases(), intentCases()} {
		maps.Copy(typeCases, more)
	}
}

func subscriptionStatus(v observed) string {
	return fmt.Sprintf("%s, %s", v.s.Status, condition(v.c.Conditions, v1alpha1.ConditionEntitled))
}

func subscriptionCases() map[string]typeCase {
	status := func(status, want string) typeCase {
		return typeCase{object: func(f fixture) Object { return f.subscription(status) }, want: want, got: subscriptionStatus}
	}
	return map[string]typeCase{
		"customer.subscription.paused":                 status("paused", "paused, False Paused"),
		"customer.subscription.resumed":                status("active", "active, True SubscriptionActive"),
		"customer.subscription.pending_update_applied": status("active", "active, True SubscriptionActive"),
		"customer.subscription.pending_update_expired": status("active", "active, True SubscriptionActive"),
	}
}

func (f fixture) schedule() Object {
	return SubscriptionSchedule("sub_sched_"+f.customer, f.customer, f.sub, "price_Max99", f.now, f.later)
}

func planned(v observed) string {
	next := v.s.Schedule.NextPhase
	if next == nil {
		return v.s.Schedule.Status + ": nothing is planned"
	}
	return fmt.Sprintf("%s: %d of %s at the end: %t", v.s.Schedule.Status, *next.Items[0].Quantity, next.Items[0].Price, at(next.StartsAt) == v.f.later.Unix())
}

func scheduleCases() map[string]typeCase {
	cases := map[string]typeCase{}
	for _, name := range []string{"created", "updated", "expiring"} {
		cases["subscription_schedule."+name] = typeCase{
			object: fixture.schedule, want: "active: 2 of price_Max99 at the end: true", got: planned,
		}
	}
	for name, status := range map[string]string{"completed": "completed", "released": "released", "canceled": "canceled", "aborted": "canceled"} {
		cases["subscription_schedule."+name] = typeCase{
			before: func(f fixture) []Event { return []Event{{Type: "subscription_schedule.created", Object: f.schedule()}} },
			object: func(f fixture) Object {
				ended := f.schedule().With("status", status).With("current_phase", nil)
				if status == "released" {
					ended = ended.With("subscription", nil).With("released_subscription", f.sub)
				}
				return ended
			},
			want: status + ": nothing is planned", got: planned,
		}
	}
	return cases
}

func invoiceCases() map[string]typeCase {
	cases := map[string]typeCase{}
	for name, status := range map[string]string{
		"voided": "void", "marked_uncollectible": "uncollectible", "overdue": "open", "finalization_failed": "draft", "deleted": "draft",
	} {
		want := status
		if name == "deleted" {
			want = "deleted" // Stripe sends it as it was
		}
		cases["invoice."+name] = typeCase{
			object: func(f fixture) Object { return f.invoiceObject(status) }, want: want + " 2900 usd", got: latestInvoice,
		}
	}
	return cases
}

func disputeCases() map[string]typeCase {
	cases := map[string]typeCase{"refund.created": failedRefundCase}
	for name, status := range map[string]string{
		"updated": "under_review", "funds_withdrawn": "needs_response", "closed": "won", "funds_reinstated": "won",
	} {
		want := "1 dispute " + status
		if status == "won" {
			want = "no dispute"
		}
		dispute := func(f fixture) Object { return Dispute("dp_"+f.charge, f.charge, f.intent, f.now, f.later) }
		cases["charge.dispute."+name] = typeCase{
			before: func(f fixture) []Event {
				return []Event{{Type: "charge.succeeded", Object: f.chargeObject("succeeded")}, {Type: "charge.dispute.created", Object: dispute(f)}}
			},
			object: func(f fixture) Object { return dispute(f).With("status", status) },
			want:   want,
			got: func(v observed) string {
				if len(v.c.OpenDisputes) == 0 {
					return "no dispute"
				}
				return fmt.Sprintf("%d dispute %s", len(v.c.OpenDisputes), v.c.OpenDisputes[0].Status)
			},
		}
	}
	return cases
}

func methods(v observed) string {
	if len(v.c.PaymentMethods) == 0 && v.c.PaymentMethod == nil {
		return "none"
	}
	return fmt.Sprintf("%d, %s %s until %d", len(v.c.PaymentMethods), v.c.PaymentMethod.Brand, v.c.PaymentMethod.Last4, v.c.PaymentMethod.ExpYear)
}

func methodCases() map[string]typeCase {
	method := func(f fixture) Object { return PaymentMethod("pm_"+f.card, f.customer, "1881", 8, 2031) }
	saved := func(f fixture) Object { return Card(f.card, f.customer, 8, 2031) }
	cases := map[string]typeCase{
		"customer.source.created": {object: saved, want: "1, visa 4242 until 2031", got: methods},
		"customer.source.deleted": {
			before: func(f fixture) []Event { return []Event{{Type: "customer.source.created", Object: saved(f)}} },
			object: saved, want: "none", got: methods,
		},
	}
	for _, name := range []string{"attached", "updated", "automatically_updated"} {
		cases["payment_method."+name] = typeCase{object: method, want: "1, visa 1881 until 2031", got: methods}
	}
	return cases
}

func intentCases() map[string]typeCase {
	intent := func(status string) typeCase {
		return typeCase{
			object: func(f fixture) Object { return f.paymentIntent(status) }, want: status,
			got: func(v observed) string { return v.c.LatestPaymentIntent.Status },
		}
	}
	setup := func(status string) typeCase {
		return typeCase{
			object: func(f fixture) Object { return SetupIntent(f.seti, f.customer, "", status, f.now) }, want: status,
			got: func(v observed) string { return v.c.LatestSetup.Status },
		}
	}
	captured := typeCases["charge.succeeded"]
	return map[string]typeCase{
		"payment_intent.processing": intent("processing"), "payment_intent.canceled": intent("canceled"),
		"setup_intent.requires_action": setup("requires_action"), "setup_intent.canceled": setup("canceled"),
		"charge.captured": captured,
		"payment_method.detached": {
			before: func(f fixture) []Event {
				return []Event{{Type: "payment_method.attached", Object: PaymentMethod("pm_"+f.card, f.customer, "1881", 8, 2031)}}
			},
			object: func(f fixture) Object {
				return PaymentMethod("pm_"+f.card, "", "1881", 8, 2031).With("customer", nil)
			},
			previousOf: func(f fixture) Object { return Object{"customer": f.customer} }, // the object names no customer
			want:       "none", got: methods,
		},
	}
}

// recordedObjects are the objects of the types that are kept for the audit trail only.
var recordedObjects = map[string]func(f fixture) Object{
	"charge.pending":            func(f fixture) Object { return f.chargeObject("pending") },
	"charge.expired":            func(f fixture) Object { return f.chargeObject("succeeded").With("captured", false) },
	"customer.discount.created": discount, "customer.discount.updated": discount, "customer.discount.deleted": discount,
	"invoice.upcoming": func(f fixture) Object { return f.invoiceObject("draft").With("id", nil) },
	"price.updated":    func(fixture) Object { return Object{"id": Price, "object": "price", "product": Product} },
	"radar.early_fraud_warning.created": func(f fixture) Object {
		return Object{"id": "issfr_" + f.charge, "object": "radar.early_fraud_warning", "charge": f.charge, "payment_intent": f.intent}
	},
}

func discount(f fixture) Object {
	return Object{"id": "di_" + f.customer, "object": "discount", "customer": f.customer, "start": f.now.Unix(), "source": Object{"type": "coupon", "coupon": "KITE"}}
}

// An event of a type that is kept for the audit trail only is recorded with its record and the reason. It makes no customer.
func TestTypesThatAreOnlyRecorded(t *testing.T) {
	t.Parallel()
	o := start(t)
	for i, kind := range events.All() {
		if kind.RecordedOnly == "" {
			continue
		}
		object, ok := recordedObjects[kind.Name]
		if !ok {
			t.Errorf("%s has no test case", kind.Name)
			continue
		}
		f := newFixture(New, i)
		id := "evt_" + f.customer
		o.send(Event{ID: id, Type: kind.Name, Created: f.now, Shape: New, Object: object(f)})
		o.settledEvent(id)
		got := o.event(id)
		if want := "The event is kept for the audit trail only: " + kind.RecordedOnly + "."; got.Status.Outcome != v1alpha1.OutcomeRecorded || got.Status.Message != want {
			t.Errorf("%s: %s %q, want Recorded %q", kind.Name, got.Status.Outcome, got.Status.Message, want)
		}
		if kind.Record == "discount" && (got.Spec.Discount == nil || got.Spec.Discount.CouponID != "KITE") {
			t.Errorf("%s is recorded as %+v", kind.Name, got.Spec.Discount)
		}
	}
	var customers v1alpha1.CustomerList
	if err := cluster.Client.List(t.Context(), &customers, client.InNamespace(o.namespace)); err != nil || len(customers.Items) > 0 {
		t.Errorf("%d customers, %v", len(customers.Items), err)
	}
}

// Objects that nobody here wrote, as events of every type that carries them, in three shapes: each is answered 200, and none
// ends Failed. Their ids stay as Stripe wrote them: some name no customer, and those are recorded.
func TestStripesOwnObjectsAreAccepted(t *testing.T) {
	t.Parallel()
	o := start(t, func(c *config.Config) { c.LinkTimeout = time.Second })
	n := 0
	for _, fixture := range stripefixtures.All() {
		for _, kind := range append(events.All(), events.Families()...) {
			name := strings.Replace(kind.Name, "*", "of_the_future", 1)
			if !stripefixtures.Carries(name, fixture.Kind) {
				continue
			}
			n++
			body := fixture.Event(fmt.Sprintf("evt_%03d", n), name, time.Now().Unix())
			status, err := o.endpoint.PostSigned(t.Context(), body, Sign(body, time.Now(), o.endpoint.Secret))
			if err != nil || status != 200 {
				t.Fatalf("%s with a %s of %s: %d %v", name, fixture.Kind, fixture.Version, status, err)
			}
		}
	}
	o.settled()
	recorded := o.events()
	if len(recorded) != n || n < 200 {
		t.Errorf("%d events are recorded, want %d, and at least 200", len(recorded), n)
	}
	outcomes := map[v1alpha1.Outcome]int{}
	for i := range recorded {
		e := &recorded[i]
		outcomes[e.Status.Outcome]++
		if e.Status.Outcome == v1alpha1.OutcomeFailed || e.Spec.DecodeError != "" {
			t.Errorf("%s of %s: %s %s", e.Spec.Type, e.Spec.APIVersion, e.Status.Outcome, e.Status.Message)
		}
	}
	if outcomes[v1alpha1.OutcomeApplied] < 20 {
		t.Errorf("the outcomes are %v: want those of subscriptions, invoices and customers applied", outcomes)
	}
}
