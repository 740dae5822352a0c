package email

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	testingclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/mail"
)

// The leader dies between the claim and Mailgun's answer, and the next one sends nothing. Once the e-mail is over it ends, in doubt: the
// erasure of its customer waits for that. One that is not over waits for the configuration, with its doubt.
func TestAnEmailInDoubtEndsAlthoughNothingIsSent(t *testing.T) {
	noon := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	configured := mail.Settings{Domain: "mail.example.com", Key: "key", From: "kite@example.com"}
	for name, tc := range map[string]struct {
		off        bool
		account    string
		settings   mail.Settings
		sendBefore time.Duration // from now
		deleted    bool
		want       string
		wait       time.Duration
	}{
		"off, and too old":                     {off: true, settings: configured, want: v1alpha1.ReasonExpired},
		"off, and the customer is deleted":     {off: true, settings: configured, sendBefore: time.Hour, deleted: true, want: v1alpha1.ReasonCustomerDeleted},
		"off":                                  {off: true, settings: configured, sendBefore: time.Hour, want: v1alpha1.ReasonEmailsOff, wait: time.Hour},
		"Mailgun is not set, and too old":      {want: v1alpha1.ReasonExpired},
		"the account is let in no more":        {account: "acct_1", settings: configured, sendBefore: time.Hour, want: v1alpha1.ReasonEmailsOff, wait: time.Hour},
		"that, and the customer is deleted":    {account: "acct_1", settings: configured, sendBefore: time.Hour, deleted: true, want: v1alpha1.ReasonCustomerDeleted},
		"Mailgun is not set":                   {sendBefore: time.Hour, want: v1alpha1.ReasonMailgunNotConfigured, wait: time.Hour},
		"Mailgun is not set, customer deleted": {sendBefore: time.Hour, deleted: true, want: v1alpha1.ReasonCustomerDeleted},
	} {
		t.Run(name, func(t *testing.T) {
			scheme := runtime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			customer := &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: "billing", Name: "cus-a"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_A", Account: tc.account}}
			if tc.deleted {
				customer.Status.DeletedAt = new(metav1.NewTime(noon))
			}
			email := &v1alpha1.Email{ObjectMeta: metav1.ObjectMeta{Namespace: "billing", Name: "cus-a-welcome", CreationTimestamp: metav1.NewTime(noon.AddDate(0, 0, -2))}}
			email.Spec = v1alpha1.EmailSpec{Purpose: v1alpha1.EmailWelcome, SendBefore: new(metav1.NewTime(noon.Add(tc.sendBefore)))}
			email.Spec.CustomerRef.Name = "cus-a"
			email.Status.Attempt = &v1alpha1.EmailAttempt{Number: 1, MessageID: "a@mail.example.com", ClaimedAt: metav1.NewTime(noon.AddDate(0, 0, -1))}
			r := &Reconciler{
				Client: fake.NewClientBuilder().WithScheme(scheme).WithObjects(customer, email).WithStatusSubresource(email).Build(),
				Clock:  testingclock.NewFakePassiveClock(noon), Off: tc.off, MaxAge: 96 * time.Hour,
				Mailgun: mail.NewMailgun(func() mail.Settings { return tc.settings }),
			}
			result, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(email)})
			if err != nil {
				t.Fatal(err)
			}
			var got v1alpha1.Email
			if err := r.Client.Get(t.Context(), client.ObjectKeyFromObject(email), &got); err != nil {
				t.Fatal(err)
			}
			sent := got.Status.Conditions[0]
			if sent.Reason != tc.want || (got.SettledAt() == nil) != (tc.wait > 0) || result.RequeueAfter != tc.wait {
				t.Errorf("%s: %s Settled at %v, looked at again after %s; want %s, %s", sent.Reason, sent.Message, got.SettledAt(), result.RequeueAfter, tc.want, tc.wait)
			}
			if tc.wait == 0 && !strings.HasPrefix(sent.Message, "It is not known whether Mailgun accepted the message") {
				t.Errorf("the message hides the doubt: %s", sent.Message)
			}
		})
	}
}
