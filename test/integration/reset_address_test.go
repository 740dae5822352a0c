package integration

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// consume presents a token as the application does.
func (o *operator) consume(token string) (passwordreset.Reset, error) {
	o.t.Helper()
	return passwordreset.Consume(o.t.Context(), links(o.t, cluster.Config), o.namespace, token, time.Now())
}

// addressed waits until the customer's links are those to the address.
func (o *operator) addressed(customer, address string) {
	o.t.Helper()
	var reset v1alpha1.PasswordReset
	key := client.ObjectKey{Namespace: o.namespace, Name: passwordreset.ObjectName(o.customer(customer).Name)}
	o.eventually("the links are for the address", func() string {
		if err := cluster.Client.Get(o.t.Context(), key, &reset); err != nil {
			return err.Error()
		}
		if reset.Spec.AddressSHA256 != passwordreset.AddressHash(reset.UID, address) {
			return "they are for another one"
		}
		return ""
	})
}

// An attacker signs up with an address of its own, receives the link, and then gives the customer the victim's address.
// The link sets no password of an account that has the victim's address.
func TestALinkDiesWithItsAddress(t *testing.T) {
	t.Parallel()
	now := time.Now().Add(-time.Minute)
	for _, shape := range []Shape{Old, New} {
		t.Run(string(shape), func(t *testing.T) {
			server, withMailgun := mailgun(t)
			o := start(t, withMailgun)
			updated := func(id, address string, after time.Duration) Event {
				return Event{ID: id, Type: "customer.updated", Created: now.Add(after), Shape: shape, Object: Customer("cus_Mallory", address, "Mallory")}
			}
			o.send(
				Event{ID: "evt_C", Type: "customer.created", Created: now, Shape: shape, Object: Customer("cus_Mallory", forgedAddress, "Mallory").With("created", now.Unix())},
				Event{ID: "evt_X", Type: "checkout.session.completed", Created: now, Shape: shape,
					Object: Checkout("cs_Mallory", "cus_Mallory", "", forgedAddress, now).With("mode", "payment").With("subscription", nil)})
			o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
			token := tokenIn(t, server)
			o.addressed("cus_Mallory", forgedAddress)

			o.send(updated("evt_U1", victimsAddress, 10*time.Second))
			o.addressed("cus_Mallory", victimsAddress)
			if _, err := o.consume(token); !errors.Is(err, passwordreset.ErrAddressChanged) {
				t.Errorf("with the victim's address: %v, want ErrAddressChanged", err)
			}
			o.send(updated("evt_U2", "", 20*time.Second))
			o.addressed("cus_Mallory", "")
			if _, err := o.consume(token); !errors.Is(err, passwordreset.ErrAddressChanged) {
				t.Errorf("without an address: %v, want ErrAddressChanged", err)
			}
			o.send(updated("evt_U3", strings.ToUpper(forgedAddress), 30*time.Second))
			o.addressed("cus_Mallory", forgedAddress)
			reset, err := o.consume(token)
			if err != nil || reset.Address != forgedAddress || reset.CustomerID != "cus_Mallory" || reset.Account != "" {
				t.Errorf("with its own address again: %+v, %v", reset, err)
			}
			if o.addressed("cus_Mallory", forgedAddress); len(server.Messages()) != 2 {
				t.Errorf("%d messages", len(server.Messages()))
			}
		})
	}
}

// The customer's address was wrong, and is corrected at Stripe. A message that is sent again has another link, also long
// after the sign-up. The first link is dead.
func TestAResentLinkIsAnotherOne(t *testing.T) {
	t.Parallel()
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Do(SignUp)
	customer := world.Objects("customer")[0].ID()
	server, withMailgun := mailgun(t)
	_, withStripe := stripe(t, world)
	o := start(t, withMailgun, withStripe)
	o.send(world.Events()...)
	email := o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
	o.sent(v1alpha1.EmailWelcome, "True Accepted")
	first := tokenIn(t, server)

	const corrected = "ada.lovelace@example.com"
	world.Amend(customer, func(c Object) { c["email"] = corrected })
	o.send(Event{ID: "evt_Corrected", Type: "customer.updated", Created: time.Now(), Shape: New, Object: world.Object(customer)})
	o.addressed(customer, corrected)
	if err := cluster.Client.Delete(t.Context(), &email); err != nil {
		t.Fatal(err)
	}
	o.annotate(o.customer(customer), "example.com/again", "1") // the customer is reconciled, and plans the e-mail again
	o.eventually("the message is sent again", func() string {
		if got := len(server.Messages()); got != 3 {
			return "it is not"
		}
		return ""
	})
	o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
	second := tokenIn(t, server)
	if to := server.Messages()[2].Field("to"); !strings.Contains(to, corrected) || second == first {
		t.Errorf("it went to %s, with the same token: %t", to, second == first)
	}
	if _, err := o.consume(first); !errors.Is(err, passwordreset.ErrAddressChanged) {
		t.Errorf("the first link: %v, want ErrAddressChanged", err)
	}
	reset, err := o.consume(second)
	if err != nil || reset.Address != corrected || reset.CustomerID != customer || !reset.SentTo(corrected) || reset.SentTo(victimsAddress) {
		t.Errorf("the second link: %+v, %v", reset, err)
	}
	if _, err := o.consume(first); !errors.Is(err, passwordreset.ErrConsumed) {
		t.Errorf("the first link after that: %v, want ErrConsumed", err)
	}
}
