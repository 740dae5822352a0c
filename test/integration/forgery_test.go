package integration

import (
	"testing"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

// Events that Stripe never sent, with a valid signature, win until Stripe is read, and not a moment longer, whatever
// they say and whenever they are dated.
func TestForgedEventsDoNotOutlastAComparison(t *testing.T) {
	t.Parallel()
	tomorrow, year9999 := time.Now().Add(24*time.Hour), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		status string // what Stripe has
		forge  func(customer string, sub Object) Event
		forged string // what the forged event brings about; empty if Stripe is read at once
		want   string
	}{
		"active again, dated tomorrow": {"unpaid",
			func(_ string, sub Object) Event {
				return Event{Type: "customer.subscription.updated", Created: tomorrow, Object: sub.With("status", "active")}
			},
			"True SubscriptionActive", "False PaymentFailed",
		},
		"deleted, dated within the difference of clocks": {"active",
			func(_ string, sub Object) Event {
				return Event{Type: "customer.subscription.deleted", Created: time.Now().Add(4 * time.Minute), Object: sub.With("status", "canceled")}
			},
			"False SubscriptionEnded", "True SubscriptionActive",
		},
		"deleted, dated now": {"active",
			func(_ string, sub Object) Event {
				return Event{Type: "customer.subscription.deleted", Created: time.Now(), Object: sub.With("status", "canceled")}
			},
			"False SubscriptionEnded", "True SubscriptionActive",
		},
		"the customer deleted, dated a minute ago": {"active",
			func(customer string, _ Object) Event {
				return Event{Type: "customer.deleted", Created: time.Now().Add(-time.Minute), Object: Customer(customer, "", "")}
			},
			"", "True SubscriptionActive",
		},
		"active in the year 9999, although it has ended": {"canceled",
			func(_ string, sub Object) Event {
				return Event{Type: "customer.subscription.updated", Created: year9999, Object: sub.With("status", "active").With("id", "sub_other")}
			},
			"True SubscriptionActive", "False SubscriptionEnded",
		},
	} {
		t.Run(name, func(t *testing.T) {
			world := NewWorld(time.Now().Add(-time.Hour), New, 1)
			world.Do(SignUp)
			sub := world.Objects("subscription")[0]
			world.Amend(sub.ID(), func(s Object) { s["status"] = tc.status })
			customer := world.Objects("customer")[0].ID()
			_, withStripe := stripe(t, world)
			o := start(t, withStripe, func(c *config.Config) { c.BackfillInterval = 0 })
			o.send(world.Events()...)
			o.settled()
			o.annotate(o.customer(customer), v1alpha1.AnnotationResync, "honest")
			o.entitled(customer, tc.want)

			forged := tc.forge(customer, world.Objects("subscription")[0])
			forged.ID, forged.Shape = "evt_forged", New
			profile := Event{ID: "evt_profile", Type: "customer.updated", Created: year9999, Shape: New,
				Object: Customer(customer, "mallory@example.com", "Mallory")}
			o.send(forged, profile)
			if tc.forged != "" {
				o.entitled(customer, tc.forged)
			}
			o.annotate(o.customer(customer), v1alpha1.AnnotationResync, "after the forgery")
			o.entitled(customer, tc.want)
			o.inSync(customer, "True Repaired")
			if got, want := o.customer(customer).Status.Email, world.Objects("customer")[0]["email"]; got != want {
				t.Errorf("the e-mail address is %q, want Stripe's %q", got, want)
			}
		})
	}
}
