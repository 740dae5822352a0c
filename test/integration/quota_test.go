package integration

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// strangersSignUp returns the events of a paid sign-up by a new customer that names the address, in the shape.
func strangersSignUp(n int, address string, shape Shape) []Event {
	now := time.Now().Add(-time.Minute)
	customer, session := fmt.Sprintf("cus_Stranger%d", n), fmt.Sprintf("cs_Stranger%d", n)
	return []Event{
		{ID: "evt_C" + customer, Type: "customer.created", Created: now, Shape: shape, Object: Customer(customer, address, "Call 555 0100!").With("created", now.Unix())},
		{ID: "evt_S" + customer, Type: "checkout.session.completed", Created: now, Shape: shape,
			Object: Checkout(session, customer, "", address, now).With("mode", "payment").With("subscription", nil)},
	}
}

// However many sign-ups name one address, in whatever way they write it, it gets four messages in 24 hours, also after a
// restart. Other addresses get theirs.
func TestManySignUpsSendFourMessagesToOneAddress(t *testing.T) {
	t.Parallel()
	const signUps, most = 12, 4
	server, withMailgun := mailgun(t)
	o := start(t)
	var all sync.WaitGroup
	for i := range signUps {
		all.Go(func() {
			for _, e := range strangersSignUp(i, []string{"ada@example.com", fmt.Sprintf("Ada+%d@example.com", i)}[i%2], []Shape{Old, New}[i/2%2]) {
				if code, err := o.endpoint.Post(t.Context(), e); err != nil || code != http.StatusOK {
					t.Errorf("post %s: %d %v", e.ID, code, err)
				}
			}
		})
	}
	all.Wait()
	o.eventually("every e-mail is planned", func() string {
		if got := len(o.emails()); got != 2*signUps {
			return fmt.Sprintf("%d are", got)
		}
		return ""
	})
	o.stop()
	o = startIn(t, o.namespace, withMailgun) // all of them at once
	limited := func(o *operator) {
		t.Helper()
		o.eventually("every e-mail is sent or limited", func() string {
			sent, kept := 0, 0
			for _, email := range o.emails() {
				switch condition(email.Status.Conditions, v1alpha1.ConditionSent) {
				case "True Accepted":
					sent++
				case "False RecipientLimited":
					kept++
				}
			}
			if sent < most || sent+kept != 2*signUps {
				return fmt.Sprintf("%d are sent, %d are limited", sent, kept)
			}
			return ""
		})
		if got := server.Sends(); got != most {
			t.Errorf("%d messages, want %d", got, most)
		}
	}
	limited(o)
	for _, email := range o.emails() {
		c := email.Status.Conditions[0]
		if c.Reason == v1alpha1.ReasonRecipientLimited && !strings.HasPrefix(c.Message, "The address has had 4 messages in 24 hours, and gets no more") {
			t.Errorf("the message is %q", c.Message)
		}
		if text := fmt.Sprintf("%+v", email); strings.Contains(strings.ToLower(text), "@example.com") {
			t.Errorf("the Email holds the address: %s", text)
		}
	}
	o.stop()
	o = startIn(t, o.namespace, withMailgun)
	o.send(strangersSignUp(signUps, "grace@example.com", New)...)
	o.eventually("another address gets its messages", func() string {
		if got := len(server.Messages()); got != most+2 {
			return fmt.Sprintf("%d messages", got)
		}
		return ""
	})
	for _, m := range server.Messages()[most:] {
		if !strings.Contains(m.Field("to"), "grace@example.com") || strings.Contains(fmt.Sprint(m.Fields), "555") {
			t.Errorf("after the restart, %v", m.Fields)
		}
	}
}

// An e-mail that was kept back goes once the messages of before are a day old.
func TestAKeptBackEmailGoesADayLater(t *testing.T) {
	t.Parallel()
	server, withMailgun := mailgun(t)
	o := start(t, withMailgun)
	for i := range 3 {
		o.send(strangersSignUp(i, "ada@example.com", New)...)
	}
	o.eventually("four messages", func() string {
		if got := len(server.Messages()); got != 4 || len(o.emails()) != 6 {
			return fmt.Sprintf("%d messages, %d Emails", got, len(o.emails()))
		}
		return ""
	})
	o.stop()
	for _, email := range o.emails() {
		if email.Status.SentAt == nil {
			continue
		}
		email.Status.Attempt.ClaimedAt.Time = email.Status.Attempt.ClaimedAt.Add(-24 * time.Hour)
		if err := cluster.Client.Status().Update(t.Context(), &email); err != nil {
			t.Fatal(err)
		}
	}
	o = startIn(t, o.namespace, withMailgun)
	o.eventually("the others go", func() string {
		if got := len(server.Messages()); got != 6 {
			return fmt.Sprintf("%d messages", got)
		}
		return ""
	})
}

// A sign-up that is not paid and no trial mails nobody, with an old and a new version of Stripe's API, and without a key.
func TestAnUnpaidSignUpMailsNobody(t *testing.T) {
	t.Parallel()
	now := time.Now().Add(-time.Minute)
	for _, shape := range []Shape{Old, New} {
		for name, tc := range map[string]struct {
			subscription string // its status; empty for none
			session      Object
			want         string // Sent; empty if no e-mail is planned
		}{
			"a setup":                    {"", Object{"mode": "setup", "payment_status": "no_payment_required"}, ""},
			"an unpaid session":          {"active", Object{"payment_status": "unpaid"}, ""},
			"an incomplete subscription": {"incomplete", Object{"payment_status": "no_payment_required"}, "False SignupNotConfirmed"},
			"an expired subscription":    {"incomplete_expired", Object{"payment_status": "paid"}, "False SignupNotConfirmed"},
			"an unpaid subscription":     {"unpaid", Object{"payment_status": "paid"}, "False SignupNotConfirmed"},
			"a trial":                    {"trialing", Object{"payment_status": "no_payment_required"}, "True Accepted"},
			"a paid subscription":        {"active", Object{"payment_status": "paid"}, "True Accepted"},
		} {
			t.Run(fmt.Sprint(shape, " ", name), func(t *testing.T) {
				server, withMailgun := mailgun(t)
				o := start(t, withMailgun)
				id := ""
				events := []Event{{ID: "evt_C", Type: "customer.created", Created: now, Shape: shape, Object: Customer(victim, victimsAddress, "Ada").With("created", now.Unix())}}
				if tc.subscription != "" {
					id = "sub_Victim"
					events = append(events, Event{ID: "evt_S", Type: "customer.subscription.created", Created: now, Shape: shape,
						Object: Subscription(shape, id, victim, tc.subscription, now, now.AddDate(0, 1, 0))})
				}
				session := Checkout("cs_Victim", victim, id, victimsAddress, now)
				maps.Copy(session, tc.session)
				if id == "" {
					session["subscription"] = nil
				}
				o.send(append(events, Event{ID: "evt_X", Type: "checkout.session.completed", Created: now, Shape: shape, Object: session})...)
				o.settled()
				if tc.want == "" {
					if got := len(o.emails()); got != 0 {
						t.Errorf("%d e-mails are planned", got)
					}
					return
				}
				o.sent(v1alpha1.EmailWelcome, tc.want)
				o.sent(v1alpha1.EmailPasswordReset, tc.want)
				if sent := len(server.Messages()) == 2; sent != (tc.want == "True Accepted") {
					t.Errorf("%d messages", len(server.Messages()))
				}
			})
		}
	}
}

// The limit holds for messages that are sent at the same time, too.
func TestTheLimitHoldsForMessagesAtOnce(t *testing.T) {
	t.Parallel()
	const signUps = 4
	o := start(t)
	for i := range signUps {
		o.send(strangersSignUp(i, "ada@example.com", New)...)
	}
	o.settled()
	o.stop()
	server, withMailgun := mailgun(t)
	o = startIn(t, o.namespace, withMailgun, func(c *config.Config) { c.MailsPerAddress = 1 })
	o.eventually("one is sent, and the others are limited", func() string {
		limited := 0
		for _, email := range o.emails() {
			if condition(email.Status.Conditions, v1alpha1.ConditionSent) == "False RecipientLimited" {
				limited++
			}
		}
		if limited != 2*signUps-1 {
			return fmt.Sprintf("%d are limited, %d messages", limited, len(server.Messages()))
		}
		return ""
	})
	if got := server.Sends(); got != 1 {
		t.Errorf("%d messages, want 1", got)
	}
}
