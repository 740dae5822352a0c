package main

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
)

// end is how two lives end, one of which signs up.
type end struct {
	state    state
	lives    []*life
	acked    map[string]string
	messages []mailguntest.Message
	customer map[string]string // by token
}

func (e *end) use(token string) (string, error) {
	if customer, known := e.customer[token]; known {
		return customer, nil
	}
	return "", passwordreset.ErrInvalid
}

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }

// soundEnd has nothing wrong.
func soundEnd(t *testing.T) *end {
	t.Helper()
	e := &end{customer: map[string]string{}}
	for _, l := range newLives(20, 1) {
		if len(e.lives) == 0 && l.signsUp || len(e.lives) == 1 && !l.signsUp {
			e.lives = append(e.lives, l)
		}
	}
	if len(e.lives) != 2 {
		t.Fatalf("%d lives, want one that signs up and one that does not", len(e.lives))
	}
	e.acked = sent(e.lives)
	for id, eventType := range e.acked {
		e.state.events.Items = append(e.state.events.Items, v1alpha1.BillingEvent{
			ObjectMeta: named(naming.Object("", id)), Spec: v1alpha1.BillingEventSpec{EventID: id, Type: eventType},
		})
	}
	for _, l := range e.lives {
		e.state.customers.Items = append(e.state.customers.Items, v1alpha1.Customer{
			ObjectMeta: named(l.object()), Spec: v1alpha1.CustomerSpec{CustomerID: l.customer},
		})
		for _, id := range l.subscriptions {
			e.state.subscriptions.Items = append(e.state.subscriptions.Items, v1alpha1.Subscription{
				ObjectMeta: named(naming.Object("", id)), Spec: v1alpha1.SubscriptionSpec{SubscriptionID: id},
			})
		}
	}
	signedUp := e.lives[0]
	token := passwordreset.NewToken(signedUp.object(), []byte("secret"))
	e.customer[token] = signedUp.customer
	e.state.secrets.Items = []corev1.Secret{{ObjectMeta: named(passwordreset.SecretName(signedUp.object())), Type: passwordreset.SecretType}}
	e.mail(v1alpha1.EmailWelcome, "Welcome to Kite", "Hello.")
	e.mail(v1alpha1.EmailPasswordReset, "Choose your password for Kite", "Here:\n\n"+resetURL+"?token="+token+"\n\nOnce.")
	return e
}

// mail adds an Email and its message, to the one who signed up.
func (e *end) mail(purpose v1alpha1.EmailPurpose, subject, text string) {
	l := e.lives[0]
	id := string(purpose) + "@" + mailguntest.Domain
	e.state.emails.Items = append(e.state.emails.Items, v1alpha1.Email{
		ObjectMeta: named(naming.Email(l.object(), purpose)),
		Spec:       v1alpha1.EmailSpec{CustomerRef: v1alpha1.ObjectReference{Name: l.object()}, Purpose: purpose},
		Status:     v1alpha1.EmailStatus{Attempt: &v1alpha1.EmailAttempt{MessageID: id}},
	})
	to := ""
	for address := range l.addresses {
		to = `"Ada" <` + address + `>`
	}
	e.messages = append(e.messages, mailguntest.Message{Fields: map[string][]string{
		"to": {to}, "subject": {subject}, "text": {text}, "h:Message-Id": {"<" + id + ">"},
	}})
}

func TestVerdict(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil         func(e *end)
		lost, doubled int
		want          string // in what is wrong; empty for nothing
	}{
		"sound": {func(*end) {}, 0, 0, ""},
		"an acknowledged event is gone": {
			func(e *end) { e.state.events.Items = e.state.events.Items[1:] }, 1, 0, "was acknowledged and is not there",
		},
		"an event is there twice": {
			func(e *end) { e.state.events.Items = append(e.state.events.Items, e.state.events.Items[0]) }, 0, 1, "has 2 BillingEvents",
		},
		"an event has Failed": {func(e *end) { e.state.events.Items[0].Status.Outcome = v1alpha1.OutcomeFailed }, 0, 0, "has Failed"},
		"an event that nobody sent": {
			func(e *end) {
				e.state.events.Items = append(e.state.events.Items, v1alpha1.BillingEvent{Spec: v1alpha1.BillingEventSpec{EventID: "evt_x"}})
			}, 0, 0, "evt_x, which nobody sent",
		},
		"a customer is missing": {
			func(e *end) { e.state.customers.Items = e.state.customers.Items[1:] }, 1, 0, "there is no Customer of ",
		},
		"a customer too many": {
			func(e *end) {
				e.state.customers.Items = append(e.state.customers.Items, v1alpha1.Customer{Spec: v1alpha1.CustomerSpec{CustomerID: "cus_x"}})
			}, 0, 2, "Customer of cus_x, which should not be",
		},
		"a subscription is missing": {
			func(e *end) { e.state.subscriptions.Items = e.state.subscriptions.Items[1:] }, 1, 0, "there is no Subscription of ",
		},
		"no welcome was planned": {
			func(e *end) { e.state.emails.Items, e.messages = e.state.emails.Items[1:], e.messages[1:] }, 1, 0, "there is no Email ",
		},
		"a welcome to one who did not sign up": {
			func(e *end) { e.lives[0].signsUp = false }, 0, 3, "which should not be",
		},
		"a welcome was not sent":   {func(e *end) { e.messages = e.messages[1:] }, 1, 0, "Mailgun does not have it"},
		"a welcome was sent twice": {func(e *end) { e.messages = append(e.messages, e.messages[0]) }, 0, 1, "was sent 2 times"},
		"a message of no Email": {
			func(e *end) {
				e.messages = append(e.messages, mailguntest.Message{Fields: map[string][]string{"h:Message-Id": {"<x@y>"}}})
			}, 0, 1, "x@y, which no Email knows",
		},
		"to somebody else": {
			func(e *end) {
				for address := range e.lives[1].addresses {
					e.messages[0].Fields["to"] = []string{address}
				}
			}, 0, 0, "which is not the customer's address",
		},
		"for something else": {
			func(e *end) { e.messages[0].Fields["subject"] = e.messages[1].Fields["subject"] }, 0, 0, "want that of Welcome",
		},
		"a welcome that lets in": {
			func(e *end) { e.messages[0].Fields["text"] = e.messages[1].Fields["text"] }, 0, 0, "it has a link to choose a password with",
		},
		"no link":                 {func(e *end) { e.messages[1].Fields["text"] = []string{"Hello."} }, 0, 0, "not each has the same link"},
		"a link that is not kept": {func(e *end) { clear(e.customer) }, 0, 0, "its link does not work"},
		"a link of somebody else": {
			func(e *end) {
				for token := range e.customer {
					e.customer[token] = e.lives[1].customer
				}
			}, 0, 0, "its link is for ",
		},
		"no Secret for the link": {func(e *end) { e.state.secrets.Items = nil }, 1, 0, "there is no Secret "},
	} {
		t.Run(name, func(t *testing.T) {
			e, v := soundEnd(t), &verdict{}
			tc.spoil(e)
			if err := v.judge(&e.state, e.lives, e.acked, e.messages, e.use); err != nil {
				t.Fatal(err)
			}
			if v.lost != tc.lost || v.doubled != tc.doubled {
				t.Errorf("lost=%d doubled=%d, want %d and %d", v.lost, v.doubled, tc.lost, tc.doubled)
			}
			wrong := strings.Join(v.wrong, "\n")
			if (tc.want == "") != (wrong == "") || !strings.Contains(wrong, tc.want) {
				t.Errorf("wrong is %q, want %q in it", wrong, tc.want)
			}
		})
	}
}

// What differs from the undisturbed run counts, but for the time at which a condition was written.
func TestDivergence(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(s *state)
		want  int
	}{
		"nothing":             {func(*state) {}, 0},
		"what an event says":  {func(s *state) { s.events.Items[0].Spec.PayloadSHA256 = "other" }, 1},
		"a customer's status": {func(s *state) { s.customers.Items[0].Status.Plan = "other" }, 1},
		"a subscription less": {func(s *state) { s.subscriptions.Items = s.subscriptions.Items[1:] }, 1},
		"an e-mail's purpose": {func(s *state) { s.emails.Items[0].Spec.Purpose = "other" }, 1},
		"a time of writing": {func(s *state) {
			s.customers.Items[0].Status.Conditions = []metav1.Condition{{LastTransitionTime: metav1.Now()}}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			sound := soundEnd(t)
			sound.state.customers.Items[0].Status.Conditions = []metav1.Condition{{}}
			want := sound.state.results()
			spoilt := *sound.state.customers.DeepCopy()
			s := sound.state
			s.customers = spoilt
			s.events, s.subscriptions, s.emails = *s.events.DeepCopy(), *s.subscriptions.DeepCopy(), *s.emails.DeepCopy()
			tc.spoil(&s)
			v := &verdict{}
			v.divergence(want, s.results())
			if v.diverged != tc.want || len(v.wrong) != tc.want {
				t.Errorf("diverged=%d with %q, want %d", v.diverged, v.wrong, tc.want)
			}
		})
	}
}
