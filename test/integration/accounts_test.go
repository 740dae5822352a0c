package integration

import (
	"fmt"
	"slices"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// ofAccount waits until an object of a connected account exists, and reads it.
func (o *operator) ofAccount(account, id string, object client.Object) {
	o.t.Helper()
	key := client.ObjectKey{Namespace: o.namespace, Name: naming.Object(account, id)}
	o.eventually(id+" of "+account, func() string {
		if err := cluster.Client.Get(o.t.Context(), key, object); err != nil {
			return err.Error()
		}
		return ""
	})
}

// Only the connected accounts that are named are let in: their events are applied, they are imported and backfilled.
// Their customers get no e-mail unless that is asked for. Of another account nothing is applied or read. Once it is let
// in, its recorded events are applied, the import brings its state, and its next events are applied.
func TestConnectedAccountsAreLetInByName(t *testing.T) {
	t.Parallel()
	begin := time.Now().Add(-time.Minute)
	signedUp := func(account, name string, seed uint64) *World {
		w := NewWorld(begin, New, seed)
		w.Account, w.Name = account, name
		w.Do(SignUp)
		return w
	}
	own, in, out := signedUp("", "Own", 1), signedUp("acct_In", "In", 2), signedUp("acct_Out", "Out", 3)
	api, withStripe := stripe(t, own)
	api.Connect(in)
	api.Connect(out)
	server, withMailgun := mailgun(t)
	lets := func(accounts ...string) func(*config.Config) {
		return func(c *config.Config) { c.Accounts, c.Import = accounts, config.ImportSubscribers }
	}
	o := start(t, withStripe, withMailgun, lets("acct_In"))
	o.send(slices.Concat(own.Events(), in.Events(), out.Events())...)
	o.settled()
	o.checkpoint("acct_In", newest(in))

	var customer v1alpha1.Customer
	inside, outside := in.Objects("customer")[0].ID(), out.Objects("customer")[0].ID()
	o.ofAccount("acct_In", inside, &customer)
	key := client.ObjectKey{Namespace: o.namespace, Name: naming.Object("acct_Out", outside)}
	if err := cluster.Client.Get(t.Context(), key, &customer); !apierrors.IsNotFound(err) {
		t.Errorf("a Customer of the account that is not let in: %v", err)
	}
	want := "This is an event of the connected account acct_Out, which is not let in (--accounts). " +
		"Once it is, the event is applied."
	for _, e := range out.Events() {
		var event v1alpha1.BillingEvent
		if o.ofAccount("acct_Out", e.ID, &event); event.Status.Outcome != v1alpha1.OutcomeRecorded || event.Status.Message != want {
			t.Errorf("%s is %q: %s", e.ID, event.Status.Outcome, event.Status.Message)
		}
	}
	for _, r := range api.Requests("/") {
		if r.Account == "acct_Out" {
			t.Errorf("%s of acct_Out is read", r.Path)
		}
	}
	o.eventually("the own customer gets both messages", func() string {
		if got := len(server.Messages()); got != 2 {
			return fmt.Sprintf("%d messages", got)
		}
		return ""
	})
	if got := len(o.emails()); got != 2 {
		t.Errorf("%d Emails, want those of the own customer", got)
	}
	o.stop()

	o = startIn(t, o.namespace, withStripe, withMailgun, lets("acct_In", "acct_Out"), func(c *config.Config) { c.ConnectedEmails = true })
	o.ofAccount("acct_Out", outside, &customer)
	o.eventually("its recorded events are applied", func() string {
		for _, e := range o.events() {
			if e.Status.Outcome == v1alpha1.OutcomeRecorded || e.Status.Outcome == v1alpha1.OutcomePending {
				return fmt.Sprintf("%s is %q", e.Spec.EventID, e.Status.Outcome)
			}
		}
		return ""
	})
	o.eventually("the customer of the other account gets its messages", func() string {
		if got := len(server.Messages()); got < 4 {
			return fmt.Sprintf("%d messages", got)
		}
		return ""
	})
	before := len(out.Events())
	out.Advance(time.Minute)
	out.Do(ChangeEmail)
	later := out.Events()[before]
	later.Created = time.Now().Add(time.Minute) // after the import
	o.send(later)
	o.eventually("the next event is applied", func() string {
		var event v1alpha1.BillingEvent
		if o.ofAccount("acct_Out", later.ID, &event); event.Status.Outcome != v1alpha1.OutcomeApplied {
			return fmt.Sprintf("it is %q: %s", event.Status.Outcome, event.Status.Message)
		}
		return ""
	})
}

// Once an account is not let in any more, its customers are not mailed or compared, even if that was planned.
func TestAnAccountIsLetInNoMore(t *testing.T) {
	t.Parallel()
	world := NewWorld(time.Now().Add(-time.Minute), Old, 1)
	world.Account = "acct_In"
	world.Do(SignUp)
	o := start(t, func(c *config.Config) { c.Accounts, c.ConnectedEmails = []string{"*"}, true })
	o.send(world.Events()...)
	o.sent(v1alpha1.EmailWelcome, "False MailgunNotConfigured")
	o.stop()
	server, withMailgun := mailgun(t)
	api, withStripe := stripe(t, NewWorld(time.Now(), New, 2))
	api.Connect(world)
	o = startIn(t, o.namespace, withMailgun, withStripe, func(c *config.Config) { c.ConnectedEmails, c.ResyncInterval = true, time.Second })
	o.sent(v1alpha1.EmailWelcome, "False EmailsOff")
	o.sent(v1alpha1.EmailPasswordReset, "False EmailsOff")
	for _, r := range api.Requests("/") {
		if r.Account == "acct_In" {
			t.Errorf("%s of acct_In is read", r.Path)
		}
	}
	if got := len(server.Messages()); got != 0 {
		t.Errorf("%d messages", got)
	}
}
