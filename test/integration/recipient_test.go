package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

const (
	victimsAddress = "ada@example.com"
	forgedAddress  = "mallory@example.com"
)

// forgedSignUp returns the events with which a client that has the endpoint's secret tries to have the victim's link
// sent to its own address: a change of the victim's address, and a checkout of the session.
func forgedSignUp(session string, now time.Time) []Event {
	return []Event{
		{ID: "evt_Profile", Type: "customer.updated", Created: now, Shape: New, Object: Customer(victim, forgedAddress, "Mallory")},
		{ID: "evt_Checkout", Type: "checkout.session.completed", Created: now, Shape: New,
			Object: Checkout(session, victim, "", forgedAddress, now).With("mode", "payment")},
	}
}

// subscribed puts a completed checkout of the victim into a world, with a subscription in the status.
func subscribed(status string, now time.Time) func(*World) {
	return func(w *World) {
		w.Put(Subscription(Old, "sub_Victim", victim, status, now, now.AddDate(0, 1, 0)))
		w.Put(Checkout("cs_Session", victim, "sub_Victim", victimsAddress, now).With("payment_status", "no_payment_required"))
	}
}

// onlyTo checks that every message went to the victim's own address.
func onlyTo(t *testing.T, messages []mailguntest.Message) {
	t.Helper()
	for _, m := range messages {
		if to := m.Fields["to"]; len(to) != 1 || !strings.Contains(to[0], victimsAddress) || strings.Contains(fmt.Sprint(m.Fields), "allory") {
			t.Errorf("%q went to %q", m.Field("subject"), to)
		}
	}
}

// With a key, a client that has the endpoint's secret cannot have any message sent to its own address. Stripe confirms
// the sign-up, and says what the customer's address is.
func TestAForgedSignUpMailsNothingToTheForger(t *testing.T) {
	t.Parallel()
	now := time.Now()
	session := func(change func(Object)) func(*World) {
		return func(w *World) {
			o := Checkout("cs_Session", victim, "", victimsAddress, now).With("mode", "payment")
			change(o)
			w.Put(o)
		}
	}
	for name, tc := range map[string]struct {
		atStripe     func(*World)
		want         string
		wantMessages int
	}{
		"Stripe does not know the session": {func(*World) {}, "False SignupNotConfirmed", 0},
		"the session is the forger's own":  {session(func(o Object) { o["customer"] = "cus_Mallory" }), "False SignupNotConfirmed", 0},
		"the session is open":              {session(func(o Object) { o["status"], o["payment_status"] = "open", "no_payment_required" }), "False SignupNotConfirmed", 0},
		"the session is not paid":          {session(func(o Object) { o["payment_status"] = "unpaid" }), "False SignupNotConfirmed", 0},
		"the session bought nothing": {
			session(func(o Object) { o["mode"], o["payment_status"] = "setup", "no_payment_required" }), "False SignupNotConfirmed", 0,
		},
		"the session's subscription is incomplete": {subscribed("incomplete", now), "False SignupNotConfirmed", 0},
		"the session's subscription has expired":   {subscribed("incomplete_expired", now), "False SignupNotConfirmed", 0},
		"the session's subscription is unpaid":     {subscribed("unpaid", now), "False SignupNotConfirmed", 0},
		"the session's subscription is a trial":    {subscribed("trialing", now), "True Accepted", 2},
		"Stripe has deleted the customer": {
			func(w *World) {
				session(func(Object) {})(w)
				w.Put(Object{"id": victim, "object": "customer", "deleted": true})
			}, "", 0, // the customer is read before the e-mails are planned
		},
		"the session is the victim's": {session(func(Object) {}), "True Accepted", 2},
	} {
		t.Run(name, func(t *testing.T) {
			world := NewWorld(now.Add(-time.Hour), New, 1)
			world.Put(Customer(victim, victimsAddress, "Ada").With("created", now.Add(-time.Hour).Unix()))
			tc.atStripe(world)
			server, withMailgun := mailgun(t)
			_, withStripe := stripe(t, world)
			o := start(t, withMailgun, withStripe)
			o.send(forgedSignUp("cs_Session", now)...)
			if tc.want == "" {
				o.inSync(victim, "True CustomerDeleted")
				o.settled()
				o.emailsOf(victim, 0)
			} else {
				o.sent(v1alpha1.EmailPasswordReset, tc.want)
				o.sent(v1alpha1.EmailWelcome, tc.want)
			}
			onlyTo(t, server.Messages())
			if got := len(server.Messages()); got != tc.wantMessages {
				t.Errorf("%d messages, want %d", got, tc.wantMessages)
			}
		})
	}
}

// With a key, the address is Stripe's at the moment of sending, and not the one that the Customer shows.
func TestTheAddressIsStripes(t *testing.T) {
	t.Parallel()
	world := signUp()
	customer := world.Objects("customer")[0].ID()
	namespace := namespaceWithEmails(t)
	before := startIn(t, namespace)
	before.send(Event{ID: "evt_Forged", Type: "customer.updated", Created: time.Now(), Shape: New, Object: Customer(customer, forgedAddress, "Mallory")})
	before.eventually("the forged address shows", func() string {
		if got := before.customer(customer).Status.Email; got != forgedAddress {
			return got
		}
		return ""
	})
	before.stop()
	world.Amend(customer, func(o Object) { o["email"] = "ada@new.example.com" })
	server, withMailgun := mailgun(t)
	_, withStripe := stripe(t, world)
	o := startIn(t, namespace, withMailgun, withStripe, func(c *config.Config) { c.RefetchDelay, c.ResyncInterval, c.BackfillInterval = time.Hour, 0, 0 })
	o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
	o.sent(v1alpha1.EmailWelcome, "True Accepted")
	if got := o.customer(customer).Status.Email; got != forgedAddress {
		t.Fatalf("the Customer shows %s", got)
	}
	for _, m := range server.Messages() {
		if to := m.Field("to"); !strings.Contains(to, "ada@new.example.com") || len(m.Fields["to"]) != 1 {
			t.Errorf("%q went to %q", m.Field("subject"), to)
		}
	}
}

// While Stripe does not answer, nothing is sent. Once it does, the message goes out.
func TestASignUpWaitsForStripesConfirmation(t *testing.T) {
	t.Parallel()
	server, withMailgun := mailgun(t)
	namespace := namespaceWithEmails(t)
	o := startIn(t, namespace, withMailgun, func(c *config.Config) { c.Stripe.SecretKey, c.Stripe.APIBase = stripeKey, "http://127.0.0.1:1" })
	email := o.sent(v1alpha1.EmailPasswordReset, "False Retrying")
	want := "Stripe cannot be asked about the sign-up: the operator's log says why. It is asked again in a minute."
	if got := email.Status.Conditions[0].Message; got != want || len(server.Messages()) > 0 {
		t.Errorf("the message is %q, after %d messages", got, len(server.Messages()))
	}
	o.stop()
	_, withStripe := stripe(t, signUp())
	o = startIn(t, namespace, withMailgun, withStripe)
	o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
}

// Without a key, the welcome goes to the address that was entered in the checkout, whatever address another event has set
// since. The link waits until the customer has the address of the checkout again.
func TestWithoutAKeyMessagesGoToTheCheckoutsAddress(t *testing.T) {
	t.Parallel()
	o := start(t)
	now := time.Now()
	created := Event{ID: "evt_Created", Type: "customer.created", Created: now.Add(-time.Minute), Shape: New,
		Object: Customer(victim, victimsAddress, "Ada").With("created", now.Add(-time.Minute).Unix())}
	checkout := Event{ID: "evt_True", Type: "checkout.session.completed", Created: now.Add(-time.Minute), Shape: New,
		Object: Checkout("cs_True", victim, "", victimsAddress, now.Add(-time.Minute)).With("mode", "payment")}
	o.send(created, checkout)
	o.send(forgedSignUp("cs_Later", now)...)
	o.settled()
	if got := o.customer(victim).Status.Email; got != forgedAddress {
		t.Fatalf("the address that shows is %s", got)
	}
	o.stop()
	server, withMailgun := mailgun(t)
	o = startIn(t, o.namespace, withMailgun)
	o.sent(v1alpha1.EmailWelcome, "True Accepted")
	email := o.sent(v1alpha1.EmailPasswordReset, "False RecipientInvalid")
	want := "The customer's e-mail address is another one than the checkout's. Without a Stripe key it is not known which one is right, " +
		"and no link goes to either."
	if got := email.Status.Conditions[0].Message; got != want || len(server.Messages()) != 1 {
		t.Errorf("%d messages, and of the link it says %q", len(server.Messages()), got)
	}
	o.send(Event{ID: "evt_Repaired", Type: "customer.updated", Created: now.Add(time.Second), Shape: New, Object: Customer(victim, victimsAddress, "Ada")})
	o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
	if to := server.Messages()[0].Field("to"); !strings.Contains(to, victimsAddress) || len(server.Messages()) != 2 {
		t.Errorf("%d messages, the first one to %s", len(server.Messages()), to)
	}
	for _, m := range server.Messages() {
		if strings.Contains(m.Field("to"), forgedAddress) {
			t.Errorf("%q went to %q", m.Field("subject"), m.Field("to"))
		}
	}
}

// Without a key, a second event about the sign-up's session that names another address keeps everything back: either
// may be forged.
func TestWithoutAKeyEventsThatDisagreeSendNothing(t *testing.T) {
	t.Parallel()
	namespace := namespaceWithEmails(t)
	before := startIn(t, namespace)
	events := before.events()
	for i := range events {
		if c := events[i].Spec; c.Checkout != nil {
			before.send(Event{ID: "evt_Forged", Type: c.Type, Created: time.Now(), Shape: New,
				Object: Checkout(c.ObjectID, c.CustomerID, "", forgedAddress, time.Now())})
		}
	}
	before.settled()
	before.stop()
	server, withMailgun := mailgun(t)
	o := startIn(t, namespace, withMailgun)
	o.sent(v1alpha1.EmailPasswordReset, "False RecipientInvalid")
	email := o.sent(v1alpha1.EmailWelcome, "False RecipientInvalid")
	if got := email.Status.Conditions[0].Message; got != "The events of the sign-up's checkout session name different addresses." {
		t.Errorf("the message is %q", got)
	}
	onlyTo(t, server.Messages())
}

// Without a key, a checkout of an old API version that names no address sends a welcome to the customer's address, and
// no link.
func TestWithoutAKeyNoLinkGoesToAnotherAddressThanTheCheckouts(t *testing.T) {
	t.Parallel()
	server, withMailgun := mailgun(t)
	o := start(t, withMailgun)
	events := signUp().Events()
	events[len(events)-1].Object["customer_details"] = nil
	o.send(events...)
	o.sent(v1alpha1.EmailWelcome, "True Accepted")
	o.sent(v1alpha1.EmailPasswordReset, "False RecipientInvalid")
	if got := len(server.Messages()); got != 1 {
		t.Errorf("%d messages, want the welcome", got)
	}
}

// An Email that was made by hand under another name than the rule's sends nothing.
func TestAnEmailOfAnotherNameIsNotSent(t *testing.T) {
	t.Parallel()
	server, withMailgun := mailgun(t)
	o := startIn(t, namespaceWithEmails(t), withMailgun)
	email := o.sent(v1alpha1.EmailWelcome, "True Accepted")
	o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
	second := &v1alpha1.Email{Spec: email.Spec}
	second.Namespace, second.Name = o.namespace, "a-second-one"
	if err := cluster.Client.Create(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	o.eventually("it is refused", func() string {
		if err := cluster.Client.Get(t.Context(), client.ObjectKeyFromObject(second), second); err != nil {
			return err.Error()
		}
		if got := condition(second.Status.Conditions, v1alpha1.ConditionSent); got != "False WrongName" {
			return fmt.Sprintf("it is %q", got)
		}
		return ""
	})
	if got := len(server.Messages()); got != 2 {
		t.Errorf("%d messages, want 2", got)
	}
}
