package integration

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// signedUp returns a namespace with a customer that signed up that long ago, without Emails, and the customer's object.
func signedUp(t *testing.T, ago time.Duration) (namespace string, customer *v1alpha1.Customer) {
	t.Helper()
	o := start(t, func(c *config.Config) { c.MailMaxAge = 0 }) // plans no e-mail
	world := NewWorld(time.Now().Add(-ago), New, 1)
	world.Do(SignUp)
	o.send(world.Events()...)
	o.settled()
	o.stop()
	customer = o.customer(world.Objects("customer")[0].ID())
	if got := len(o.emails()); got != 0 || customer.Status.Signup == nil {
		t.Fatalf("%d Emails, sign-up %v", got, customer.Status.Signup)
	}
	return o.namespace, customer
}

// plan creates an Email of the customer as the operator plans it. Without a deadline it is as earlier versions planned
// it.
func plan(t *testing.T, customer *v1alpha1.Customer, purpose v1alpha1.EmailPurpose, sendBefore *time.Time) *v1alpha1.Email {
	t.Helper()
	email := &v1alpha1.Email{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: customer.Namespace, Name: naming.Email(customer.Name, purpose), OwnerReferences: []metav1.OwnerReference{naming.OwnedBy(customer)},
		},
		Spec: v1alpha1.EmailSpec{CustomerRef: v1alpha1.ObjectReference{Name: customer.Name}, Purpose: purpose},
	}
	if sendBefore != nil {
		email.Spec.SessionID, email.Spec.SendBefore = customer.Status.Signup.SessionID, &metav1.Time{Time: *sendBefore}
	}
	if err := cluster.Client.Create(t.Context(), email); err != nil {
		t.Fatal(err)
	}
	return email
}

// Mailgun is configured months after a sign-up. What was planned then, by this version or an earlier one, is not sent,
// now or later.
func TestMailgunSwitchedOnLaterMailsNothingOld(t *testing.T) {
	t.Parallel()
	namespace, customer := signedUp(t, 60*24*time.Hour)
	plan(t, customer, v1alpha1.EmailWelcome, new(time.Now().AddDate(0, 0, -56)))
	plan(t, customer, v1alpha1.EmailPasswordReset, nil)
	server, withMailgun := mailgun(t)
	o := startIn(t, namespace, withMailgun)
	o.sent(v1alpha1.EmailWelcome, "False Expired")
	o.sent(v1alpha1.EmailPasswordReset, "False Expired")
	o.stop()
	o = startIn(t, namespace, withMailgun, func(c *config.Config) { c.MailMaxAge = 365 * 24 * time.Hour })
	o.settled()
	o.sent(v1alpha1.EmailWelcome, "False Expired")
	o.sent(v1alpha1.EmailPasswordReset, "False Expired")
	if server.Sends() != 0 {
		t.Errorf("Mailgun was asked to send %d messages", server.Sends())
	}
}

// An e-mail that waits ends by the clock, without any event.
func TestAWaitingEmailExpires(t *testing.T) {
	t.Parallel()
	namespace, customer := signedUp(t, time.Minute)
	plan(t, customer, v1alpha1.EmailWelcome, new(time.Now().Add(4*time.Second)))
	o := startIn(t, namespace)
	o.sent(v1alpha1.EmailWelcome, "False MailgunNotConfigured")
	email := o.sent(v1alpha1.EmailWelcome, "False Expired")
	if got := email.Status.Conditions[0].Message; !strings.HasPrefix(got, "The message was not sent by 20") {
		t.Errorf("the message is %q", got)
	}
}

// It is not known whether Mailgun has the message. It is not sent again after its deadline.
func TestNoSecondAttemptAfterTheDeadline(t *testing.T) {
	t.Parallel()
	namespace, customer := signedUp(t, time.Minute)
	server, withMailgun := mailgun(t)
	server.Fail(mailguntest.Drop)
	deadline := time.Now().Add(shortSettle)
	plan(t, customer, v1alpha1.EmailWelcome, &deadline)
	o := startIn(t, namespace, withMailgun, func(c *config.Config) { c.MailSettle, c.App.PasswordResetURL = shortSettle, "" })
	email := o.sent(v1alpha1.EmailWelcome, "False Expired")
	if server.Sends() != 1 || email.Status.Attempt == nil || email.Status.Attempt.Number != 1 || server.LogReads() < 2 {
		t.Errorf("%d sends, %d requests for the log, attempt %+v", server.Sends(), server.LogReads(), email.Status.Attempt)
	}
}

// The objects are restored from a backup without their statuses, as Velero does by default. Mailgun's log shows that
// the messages were sent. A link that was used does not work again.
func TestARestoredEmailIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		hidden bool
		want   int
	}{
		"the log has the messages": {false, 2},
		"the log has lost them":    {true, 4},
	} {
		t.Run(name, func(t *testing.T) {
			namespace, customer := signedUp(t, time.Hour)
			deadline := time.Now().Add(time.Hour)
			server, withMailgun := mailgun(t)
			plan(t, customer, v1alpha1.EmailWelcome, &deadline)
			plan(t, customer, v1alpha1.EmailPasswordReset, &deadline)
			o := startIn(t, namespace, withMailgun)
			o.sent(v1alpha1.EmailWelcome, "True Accepted")
			o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
			token := tokenIn(t, server)
			if _, err := passwordreset.Consume(t.Context(), links(t, cluster.Config), namespace, token, time.Now()); err != nil {
				t.Fatal(err)
			}
			o.stop()
			server.HideLog(tc.hidden)

			restore(t, namespace, &v1alpha1.EmailList{}, &v1alpha1.PasswordResetList{})
			o = startIn(t, namespace, withMailgun)
			email := o.sent(v1alpha1.EmailWelcome, "True Accepted")
			o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
			if got := len(server.Messages()); got != tc.want {
				t.Errorf("%d messages, want %d: %s", got, tc.want, email.Status.Conditions[0].Message)
			}
			if _, err := passwordreset.Consume(t.Context(), links(t, cluster.Config), namespace, token, time.Now()); !errors.Is(err, passwordreset.ErrInvalid) {
				t.Errorf("the used link after the restore: %v, want ErrInvalid", err)
			}
		})
	}
}

// restore deletes the objects of each list, and creates them again without status and with new UIDs.
func restore(t *testing.T, namespace string, lists ...client.ObjectList) {
	t.Helper()
	for _, list := range lists {
		if err := cluster.Client.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
			t.Fatal(err)
		}
		for _, object := range objectsIn(t, list) {
			if err := cluster.Client.Delete(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			object.SetResourceVersion("")
			object.SetUID("")
			if err := cluster.Client.Create(t.Context(), object); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Mailgun's log cannot be read, and might show a message from before a restore: the first attempt waits for it. A key
// that may never read the log keeps no message back.
func TestTheFirstAttemptForAnOlderSignUpReadsTheLog(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{500: "False Retrying", 403: "True Accepted"} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			namespace, customer := signedUp(t, time.Hour)
			server, withMailgun := mailgun(t)
			server.RefuseLog(status)
			plan(t, customer, v1alpha1.EmailWelcome, new(time.Now().Add(time.Hour)))
			o := startIn(t, namespace, withMailgun)
			o.sent(v1alpha1.EmailWelcome, want)
			if server.LogReads() == 0 {
				t.Error("Mailgun's log was not read")
			}
		})
	}
}

// A settled Email goes away, and is not planned again: not because its customer changes, and not when every event comes
// anew into a cluster that has lost its objects.
func TestADeletedEmailIsNotPlannedAgain(t *testing.T) {
	t.Parallel()
	world := NewWorld(time.Now().Add(-10*time.Second), New, 1)
	world.Do(SignUp)
	server, withMailgun := mailgun(t)
	short := func(c *config.Config) { c.EmailRetention, c.MailMaxAge = time.Second, 22*time.Second }
	o := start(t, withMailgun, short)
	o.send(world.Events()...)
	o.sent(v1alpha1.EmailWelcome, "True Accepted")
	o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
	o.eventually("both Emails are gone", func() string {
		if got := len(o.emails()); got != 0 {
			return fmt.Sprintf("there are %d", got)
		}
		return ""
	})
	customer := world.Objects("customer")[0].ID()
	world.Advance(time.Minute)
	world.Do(ChangeEmail)
	events := world.Events()
	o.send(events[len(events)-1])
	o.eventually("the customer has the new address", func() string {
		if got := o.customer(customer).Status.Email; got == "ada@example.com" {
			return got
		}
		return ""
	})
	o.stop()

	restored := start(t, withMailgun, short)
	restored.send(events...)
	restored.settled()
	restored.entitled(customer, "True SubscriptionActive")
	if got := len(o.emails()) + len(restored.emails()); got != 0 || len(server.Messages()) != 2 {
		t.Errorf("%d Emails, %d messages, want 0 and 2", got, len(server.Messages()))
	}
}
