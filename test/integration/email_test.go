package integration

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// mailgun is a stand-in of Mailgun, and the setting that makes an operator send through it.
func mailgun(t *testing.T) (*mailguntest.Server, func(*config.Config)) {
	t.Helper()
	server := mailguntest.New()
	t.Cleanup(server.Close)
	return server, func(c *config.Config) {
		c.Mailgun = config.Mailgun{
			APIKey: mailguntest.Key, Domain: mailguntest.Domain, SenderEmail: "Example <hello@example.com>", APIBase: server.APIBase(),
		}
		c.App = config.App{Name: "Example", PasswordResetURL: "https://app.example.com/reset?lang=en"}
	}
}

// signUp is a new customer's first minute.
func signUp() *World {
	world := NewWorld(time.Now().Add(-time.Minute), New, 1)
	world.Do(SignUp)
	return world
}

// mailed waits for the Sent condition of one of the customer's e-mails.
func (o *operator) mailed(purpose v1alpha1.EmailPurpose, want string) v1alpha1.Email {
	o.t.Helper()
	var found v1alpha1.Email
	o.eventually(fmt.Sprintf("Sent of the e-mail %s", purpose), func() string {
		for _, email := range o.emails() {
			if email.Spec.Purpose == purpose {
				found = email
			}
		}
		if got := condition(found.Status.Conditions, v1alpha1.ConditionSent); got != want {
			return fmt.Sprintf("is %q, want %q", got, want)
		}
		return ""
	})
	return found
}

func subjects(messages []mailguntest.Message) []string {
	var list []string
	for _, m := range messages {
		list = append(list, m.Field("subject"))
	}
	slices.Sort(list)
	return list
}

var bothSubjects = []string{"Choose your password for Example", "Welcome to Example"}

// A sign-up that is delivered a hundred times, shuffled, to two replicas is two messages.
func TestASignUpIsTwoMessages(t *testing.T) {
	server, send := mailgun(t)
	elect := func(c *config.Config) { c.LeaderElect = true }
	first := start(t, send, elect)
	second := startIn(t, first.namespace, send, elect)
	world := signUp()
	deliveries := slices.Repeat(world.Events(), 100)
	random := rand.New(rand.NewPCG(1, 1))
	random.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
	queue := make(chan Event)
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for e := range queue {
				if code, err := []*operator{first, second}[i%2].endpoint.Post(t.Context(), e); err != nil || code != http.StatusOK {
					t.Errorf("post %s: %d %v", e.Type, code, err)
				}
			}
		})
	}
	for _, e := range deliveries {
		queue <- e
	}
	close(queue)
	all.Wait()
	first.settled()
	first.mailed(v1alpha1.EmailWelcome, "True Accepted")
	first.mailed(v1alpha1.EmailPasswordReset, "True Accepted")
	if diff := cmp.Diff(bothSubjects, subjects(server.Messages())); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	for _, m := range server.Messages() {
		to, err := mail.ParseAddressList(m.Field("to"))
		if err != nil || len(to) != 1 || to[0].Address != "ada@example.com" || len(m.Fields["to"]) != 1 {
			t.Errorf("%s goes to %v", m.Field("subject"), m.Fields["to"])
		}
		if m.Field("o:tracking") != "no" || m.Field("o:tracking-clicks") != "no" || m.Field("o:require-tls") != "true" {
			t.Errorf("%s is sent with %v", m.Field("subject"), m.Fields)
		}
	}
}

// What goes wrong between here and Mailgun, and what comes of it.
func TestFaultsOfMailgun(t *testing.T) {
	for name, tc := range map[string]struct {
		faults      []mailguntest.Fault
		hidden      bool
		settle      time.Duration
		want        string
		wantAttempt int32
		wantCopies  int
	}{
		"nothing": {want: "True Accepted", wantAttempt: 1, wantCopies: 1},
		"it is refused for good": {
			faults: []mailguntest.Fault{mailguntest.Refuse(400)}, want: "False Rejected", wantAttempt: 1, wantCopies: 0,
		},
		"the answer is lost, and the log has it": {
			faults: []mailguntest.Fault{mailguntest.AcceptAndDrop}, settle: time.Hour, want: "True Accepted", wantAttempt: 1, wantCopies: 1,
		},
		"it is lost, and the log has had time to show it": {
			faults: []mailguntest.Fault{mailguntest.Drop}, want: "True Accepted", wantAttempt: 2, wantCopies: 1,
		},
		"it is lost, and the log may still show it": {
			faults: []mailguntest.Fault{mailguntest.Drop}, settle: time.Hour, want: "False OutcomeUnknown", wantAttempt: 1, wantCopies: 0,
		},
		"the answer is lost, and the log hides the message for too long": {
			faults: []mailguntest.Fault{mailguntest.AcceptAndDrop}, hidden: true, want: "True Accepted", wantAttempt: 2, wantCopies: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, send := mailgun(t)
			server.Fail(tc.faults...)
			server.HideLog(tc.hidden)
			o := start(t, send, func(c *config.Config) {
				c.App.PasswordResetURL = "" // one message is enough
				c.MailSettle = tc.settle
			})
			o.send(signUp().Events()...)
			email := o.mailed(v1alpha1.EmailWelcome, tc.want)
			if email.Status.Attempt.Number != tc.wantAttempt || len(server.Messages()) != tc.wantCopies {
				t.Errorf("%d messages after %d attempts, want %d after %d",
					len(server.Messages()), email.Status.Attempt.Number, tc.wantCopies, tc.wantAttempt)
			}
			ids := map[string]bool{}
			for _, m := range server.Messages() {
				ids[m.Field("h:Message-Id")] = true
			}
			if len(ids) > 1 {
				t.Errorf("the copies have several Message-Ids: %v", ids)
			}
			for _, c := range email.Status.Conditions {
				if strings.Contains(c.Message, "ada") || strings.Contains(c.Message, "Ada") {
					t.Errorf("a condition holds the recipient: %s", c.Message)
				}
			}
			o.mailed(v1alpha1.EmailPasswordReset, "False PasswordResetURLNotSet")
		})
	}
}

// An operator that stops while Mailgun has not answered, at whatever step: the next one finds out.
func TestAnOperatorThatStopsWhileItSends(t *testing.T) {
	for name, tc := range map[string]struct {
		fault mailguntest.Fault
		want  int
	}{
		"after Mailgun accepted it":  {mailguntest.AcceptAndHang, 1},
		"before Mailgun accepted it": {mailguntest.Hang, 1},
	} {
		t.Run(name, func(t *testing.T) {
			server, send := mailgun(t)
			server.Fail(tc.fault)
			soon := func(c *config.Config) { c.App.PasswordResetURL, c.MailSettle = "", 0 }
			namespace, err := cluster.Namespace(t.Context(), "it-")
			if err != nil {
				t.Fatal(err)
			}
			o := startIn(t, namespace, send, soon)
			o.send(signUp().Events()...)
			o.mailed(v1alpha1.EmailWelcome, "False Sending")
			o.stop()
			o = startIn(t, namespace, send, soon)
			o.mailed(v1alpha1.EmailWelcome, "True Accepted")
			if got := len(server.Messages()); got != tc.want {
				t.Errorf("%d messages were accepted, want %d", got, tc.want)
			}
		})
	}
}

// Emails wait for the configuration, and are sent when it comes.
func TestEmailsWaitForTheirConfiguration(t *testing.T) {
	o := start(t)
	world := signUp()
	o.send(world.Events()...)
	o.mailed(v1alpha1.EmailWelcome, "False MailgunNotConfigured")
	o.stop()
	server, send := mailgun(t)
	o = startIn(t, o.namespace, send, func(c *config.Config) { c.Emails = false })
	o.mailed(v1alpha1.EmailWelcome, "False EmailsOff")
	o.stop()
	o = startIn(t, o.namespace, send)
	o.mailed(v1alpha1.EmailWelcome, "True Accepted")
	o.mailed(v1alpha1.EmailPasswordReset, "True Accepted")
	if diff := cmp.Diff(bothSubjects, subjects(server.Messages())); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// Nobody is welcomed for a sign-up of long ago, nor one who was a customer before.
func TestWhoIsNotWelcomed(t *testing.T) {
	server, send := mailgun(t)
	old := NewWorld(time.Now().AddDate(0, 0, -20), New, 1)
	old.Do(SignUp)
	_, ask := stripe(t, old)
	o := start(t, send, ask)
	o.recordedAll(old)
	o.settled()
	if got := len(o.emails()) + len(server.Messages()); got != 0 {
		t.Errorf("%d e-mails for a sign-up that a first backfill has found", got)
	}
}

// The link of the reset message works once.
func TestTheResetLinkWorksOnce(t *testing.T) {
	server, send := mailgun(t)
	o := start(t, send)
	world := signUp()
	o.send(world.Events()...)
	o.mailed(v1alpha1.EmailPasswordReset, "True Accepted")
	token := tokenIn(t, server)
	customer := world.Objects("customer")[0].ID()

	var secret corev1.Secret
	key := client.ObjectKey{Namespace: o.namespace, Name: passwordreset.SecretName(o.customer(customer).Name)}
	if err := cluster.Client.Get(t.Context(), key, &secret); err != nil {
		t.Fatal(err)
	}
	for name, value := range secret.Data {
		if strings.Contains(string(value), token) {
			t.Errorf("the Secret holds the token itself under %s", name)
		}
	}
	consume := func(token string, now time.Time) (string, error) {
		return passwordreset.Consume(t.Context(), cluster.Client, o.namespace, token, now)
	}
	if _, err := consume(token, time.Now().Add(25*time.Hour)); err != passwordreset.ErrExpired { //nolint:errorlint // it is returned as it is
		t.Errorf("a day later: %v, want ErrExpired", err)
	}
	for _, forged := range []string{"", "x", token + "x", token[:len(token)-2], "Li4.x", passwordreset.NewToken("../x", []byte("x"))} {
		if _, err := consume(forged, time.Now()); err != passwordreset.ErrInvalid { //nolint:errorlint // it is returned as it is
			t.Errorf("token %q: %v, want ErrInvalid", forged, err)
		}
	}
	var worked sync.Map
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if id, err := consume(token, time.Now()); err == nil {
				worked.Store(i, id)
			}
		})
	}
	all.Wait()
	n := 0
	worked.Range(func(_, id any) bool {
		n++
		if id != customer {
			t.Errorf("it is the token of %v, want %s", id, customer)
		}
		return true
	})
	if n != 1 {
		t.Errorf("of eight who present it at once it works for %d", n)
	}
}

// tokenIn finds the token in the reset message: in the text and in the HTML alike.
func tokenIn(t *testing.T, server *mailguntest.Server) string {
	t.Helper()
	for _, m := range server.Messages() {
		if m.Field("subject") != bothSubjects[0] {
			continue
		}
		for line := range strings.Lines(m.Field("text")) {
			link, err := url.Parse(strings.TrimSpace(line))
			if err != nil || link.Host != "app.example.com" {
				continue
			}
			token := link.Query().Get(passwordreset.QueryParameter)
			if link.Query().Get("lang") != "en" || !strings.Contains(m.Field("html"), url.QueryEscape(token)) {
				t.Errorf("the link is %s", link)
			}
			return token
		}
	}
	t.Fatal("no message holds the link")
	return ""
}
