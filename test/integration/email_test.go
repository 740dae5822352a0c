package integration

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/passwordreset"
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/testutil/freeport"
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

// soon is how long Mailgun's log is given where a test waits for that: as long as an attempt may take on a slow machine.
const soon = 3 * time.Second

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
		hidden      bool // the log shows nothing
		late        bool // the log shows nothing until the second attempt
		logRefused  int  // what reading the log is answered
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
		"it is answered 500, and the log has it": {
			faults: []mailguntest.Fault{mailguntest.AcceptAndFail}, settle: time.Hour, want: "True Accepted", wantAttempt: 1, wantCopies: 1,
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
		"it is lost, and the key may not read the log": {
			faults: []mailguntest.Fault{mailguntest.Drop}, logRefused: 403, want: "True Accepted", wantAttempt: 2, wantCopies: 1,
		},
		"it is lost, and the log that the key may not read may still have it": {
			faults: []mailguntest.Fault{mailguntest.Drop}, logRefused: 403, settle: time.Hour, want: "False OutcomeUnknown", wantAttempt: 1, wantCopies: 0,
		},
		"it is lost, and the log cannot be read now": {
			faults: []mailguntest.Fault{mailguntest.Drop}, logRefused: 500, want: "False OutcomeUnknown", wantAttempt: 1, wantCopies: 0,
		},
		"the log shows it late, after the next attempt was not taken": {
			faults: []mailguntest.Fault{mailguntest.AcceptAndDrop, mailguntest.Refuse(429)}, late: true, want: "True Accepted", wantAttempt: 2, wantCopies: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, send := mailgun(t)
			server.Fail(tc.faults...)
			server.HideLog(tc.hidden || tc.late)
			server.RefuseLog(tc.logRefused)
			o := start(t, send, func(c *config.Config) {
				c.App.PasswordResetURL = "" // one message is enough
				c.MailSettle = max(tc.settle, soon)
			})
			o.send(signUp().Events()...)
			if tc.late {
				o.eventually("the second attempt", func() string {
					if server.Asked() < 2 {
						return "Mailgun is not asked"
					}
					return ""
				})
				server.HideLog(false)
			}
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

// planned is a namespace with the e-mails of a sign-up, which wait for Mailgun's settings.
func planned(t *testing.T, customize ...func(Object)) (namespace string) {
	t.Helper()
	o := start(t)
	world := signUp()
	for _, change := range customize {
		world.Amend(world.Objects("customer")[0].ID(), change)
	}
	events := world.Events()
	events[0].Object = world.Objects("customer")[0]
	o.send(events...)
	o.settled()
	o.mailed(v1alpha1.EmailWelcome, "False MailgunNotConfigured")
	o.stop()
	return o.namespace
}

// A process that is killed at any step of sending: the next one ends with one message accepted, or, where Mailgun's log hid it for
// longer than it was waited for, with the second one that is documented.
func TestAKillAtEveryStepOfSending(t *testing.T) {
	alone := func(c *config.Config) { c.App.PasswordResetURL = "" } // the welcome message alone
	for name, tc := range map[string]struct {
		fault  mailguntest.Fault
		hidden bool
		want   int
	}{
		"after the claim, before Mailgun has the message":  {mailguntest.Hang, false, 1},
		"after Mailgun has the message, before its answer": {mailguntest.AcceptAndHang, false, 1},
		"the same, and the log hides the message":          {mailguntest.AcceptAndHang, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			server, send := mailgun(t)
			server.Fail(tc.fault)
			server.HideLog(tc.hidden)
			o := &operator{t: t, namespace: planned(t)} // killed before the claim: nothing was begun
			manager := startProcess(t, o.namespace, send, alone)
			o.mailed(v1alpha1.EmailWelcome, "False Sending")
			o.eventually("Mailgun is asked", func() string {
				if server.Asked() == 0 {
					return "it is not"
				}
				return ""
			})
			manager.kill()
			o = startIn(t, o.namespace, send, alone, func(c *config.Config) { c.MailSettle = soon })
			email := o.mailed(v1alpha1.EmailWelcome, "True Accepted")
			if got := len(server.Messages()); got != tc.want {
				t.Errorf("%d messages were accepted after %d attempts, want %d", got, email.Status.Attempt.Number, tc.want)
			}
			if server.Lookups() == 0 {
				t.Error("Mailgun's log was not looked into")
			}
		})
	}
}

// A process that is killed the moment Mailgun has answered, before or while it notes that the message is sent.
func TestAKillAsMailgunAnswers(t *testing.T) {
	server, send := mailgun(t)
	started := make(chan *process, 1)
	server.Fail(mailguntest.AcceptAnswerAnd(func() { (<-started).kill() }))
	o := &operator{t: t, namespace: planned(t)}
	alone := func(c *config.Config) { c.App.PasswordResetURL, c.MailSettle = "", soon }
	manager := startProcess(t, o.namespace, send, alone)
	started <- manager
	o.eventually("Mailgun has the message", func() string {
		if len(server.Messages()) == 0 {
			return "it has not"
		}
		return ""
	})
	manager.kill() // waits until it is dead
	o = startIn(t, o.namespace, send, alone)
	o.mailed(v1alpha1.EmailWelcome, "True Accepted")
	if got := len(server.Messages()); got != 1 {
		t.Errorf("%d messages were accepted, want 1", got)
	}
}

// A process that is told to end while Mailgun has the message and has not answered yet: it waits for the answer, and notes it.
func TestAnEndWhileMailgunAnswers(t *testing.T) {
	server, send := mailgun(t)
	answer := make(chan struct{})
	server.Fail(mailguntest.AcceptAnswerAfter(answer))
	o := &operator{t: t, namespace: planned(t)}
	alone := func(c *config.Config) { c.App.PasswordResetURL = "" }
	manager := startProcess(t, o.namespace, send, alone)
	o.eventually("Mailgun has the message", func() string {
		if len(server.Messages()) == 0 {
			return "it has not"
		}
		return ""
	})
	if err := manager.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- manager.end() }()
	o.eventually("it takes notice", func() string {
		if strings.Contains(manager.log.String(), "Stopping and waiting") {
			return ""
		}
		return "it does not"
	})
	close(answer)
	if err := <-ended; err != nil {
		t.Errorf("it ended with an error: %v", err)
	}
	email := o.mailed(v1alpha1.EmailWelcome, "True Accepted")
	if email.Status.Attempt.Number != 1 || server.Lookups() != 0 || len(server.Messages()) != 1 {
		t.Errorf("%d messages after %d attempts and %d looks into the log, want one after one and none",
			len(server.Messages()), email.Status.Attempt.Number, server.Lookups())
	}
}

// Hostile names and addresses reach no header, no second recipient and no markup.
func TestHostileCustomers(t *testing.T) {
	for name, tc := range map[string]struct {
		email, name string
		want        string // Sent
	}{
		"a script for a name":     {"ada@example.com", "<script>alert(1)</script>", "True Accepted"},
		"a header for a name":     {"ada@example.com", "Ada\r\nBcc: eve@example.com", "True Accepted"},
		"a template for a name":   {"ada@example.com", "{{.ResetURL}}%recipient%", "True Accepted"},
		"a turned name":           {"ada@example.com", "Ada\u202eadA", "True Accepted"},
		"10 KB for a name":        {"ada@example.com", strings.Repeat("Ada ", 2500), "True Accepted"},
		"two addresses":           {"ada@example.com, eve@example.com", "Ada", "False RecipientInvalid"},
		"a header for an address": {"ada@example.com\r\nBcc: eve@example.com", "Ada", "False RecipientInvalid"},
		"what Mailgun replaces":   {"%recipient%@example.com", "Ada", "False RecipientInvalid"},
		"10 KB for an address":    {strings.Repeat("a", 10_000) + "@example.com", "Ada", "False RecipientInvalid"},
		"no address":              {"", "Ada", "False RecipientInvalid"},
	} {
		t.Run(name, func(t *testing.T) {
			server, send := mailgun(t)
			namespace := planned(t, func(o Object) { o["email"], o["name"] = tc.email, tc.name })
			o := startIn(t, namespace, send)
			o.mailed(v1alpha1.EmailWelcome, tc.want)
			o.mailed(v1alpha1.EmailPasswordReset, tc.want)
			for _, m := range server.Messages() {
				to, err := mail.ParseAddressList(m.Field("to"))
				if err != nil || len(to) != 1 || to[0].Address != "ada@example.com" || len(m.Fields["to"]) != 1 || len(to[0].Name) > 100 {
					t.Errorf("it goes to %q, %v", m.Fields["to"], err)
				}
				for field, values := range m.Fields {
					if field == "bcc" || field == "cc" || strings.HasPrefix(field, "h:") && field != "h:Message-Id" {
						t.Errorf("it has %s: %q", field, values)
					}
				}
				if html := m.Field("html"); strings.Contains(html, "<script") || strings.Contains(html, "%recipient%") || strings.Contains(html, "\u202e") {
					t.Errorf("the HTML has it: %s", html)
				}
			}
		})
	}
}

// No address, name or token is in the log, the Kubernetes events, the metrics or the conditions of a whole run.
func TestNothingPersonalGetsOut(t *testing.T) {
	server, send := mailgun(t)
	server.Fail(mailguntest.Refuse(500), mailguntest.Refuse(401), mailguntest.Drop)
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	world := NewWorld(time.Now().Add(-time.Minute), New, 1)
	world.Do(SignUp)
	canary := func(o Object) { o["email"], o["name"] = "canary-address@example.com", "Canary-Name" }
	customer := world.Objects("customer")[0].ID()
	world.Amend(customer, canary)
	world.Do(ChangeDefault) // an event that tells address and name
	world.Do(FailRenewal)
	_, ask := stripe(t, world)
	address := freeAddress(t)
	seen := watchEmails(t, namespace)
	manager := startProcess(t, namespace, send, ask, func(c *config.Config) { c.MailSettle, c.MetricsBindAddress = soon, address })
	o := &operator{t: t, namespace: namespace}
	o.recordedAll(world) // by backfill
	o.settled()
	o.annotate(o.customer(customer), v1alpha1.AnnotationResync, "now")
	o.inSync(customer, "True Compared")
	o.mailed(v1alpha1.EmailWelcome, "True Accepted")
	o.mailed(v1alpha1.EmailPasswordReset, "True Accepted")
	token := tokenIn(t, server)

	out := map[string]string{"metrics": get(t, "http://"+address+"/metrics"), "conditions": o.everyCondition(), "conditions on the way": seen()}
	for _, reason := range []string{v1alpha1.ReasonSending, v1alpha1.ReasonRetrying, v1alpha1.ReasonOutcomeUnknown} {
		if !strings.Contains(out["conditions on the way"], reason) {
			t.Errorf("no e-mail was ever %s", reason)
		}
	}
	var notices eventsv1.EventList
	if err := cluster.Client.List(t.Context(), &notices, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	out["Kubernetes events"] = fmt.Sprintf("%+v", notices.Items)
	manager.kill()
	out["log"] = manager.log.String()
	for where, text := range out {
		if len(text) < 100 {
			t.Errorf("the %s say next to nothing: %q", where, text)
		}
		for _, word := range []string{"canary", "Canary", token, mailguntest.Key, stripeKey, secret} {
			if strings.Contains(text, word) {
				t.Errorf("%q is in the %s", word, where)
			}
		}
	}
}

// watchEmails notes every status that an Email ever has.
func watchEmails(t *testing.T, namespace string) (seen func() string) {
	t.Helper()
	watching, err := cluster.Client.Watch(t.Context(), &v1alpha1.EmailList{}, client.InNamespace(namespace))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watching.Stop)
	var mutex sync.Mutex
	var text strings.Builder
	go func() {
		for e := range watching.ResultChan() {
			if email, ok := e.Object.(*v1alpha1.Email); ok {
				mutex.Lock()
				fmt.Fprintf(&text, "%+v\n", email.Status)
				mutex.Unlock()
			}
		}
	}()
	return func() string {
		mutex.Lock()
		defer mutex.Unlock()
		return text.String()
	}
}

// everyCondition is the text of all conditions in the namespace, and of the events' messages.
func (o *operator) everyCondition() string {
	o.t.Helper()
	var customers v1alpha1.CustomerList
	var subscriptions v1alpha1.SubscriptionList
	for _, list := range []client.ObjectList{&customers, &subscriptions} {
		if err := cluster.Client.List(o.t.Context(), list, client.InNamespace(o.namespace)); err != nil {
			o.t.Fatal(err)
		}
	}
	text := ""
	for i := range customers.Items {
		text += fmt.Sprintf("%+v\n", customers.Items[i].Status.Conditions)
	}
	for i := range subscriptions.Items {
		text += fmt.Sprintf("%+v\n", subscriptions.Items[i].Status.Conditions)
	}
	for _, e := range o.emails() {
		text += fmt.Sprintf("%+v\n", e.Status)
	}
	for _, e := range o.events() {
		text += fmt.Sprintf("%+v\n", e.Status)
	}
	return text
}

func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("get %s: %d %v", url, response.StatusCode, err)
	}
	return string(body)
}

// freeAddress is one that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	addresses, err := freeport.Addresses(1)
	if err != nil {
		t.Fatal(err)
	}
	return addresses[0]
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

// A message that cannot be made says why, and is sent once it can.
func TestAMessageThatCannotBeMade(t *testing.T) {
	_, send := mailgun(t)
	namespace := planned(t)
	broken := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "tollkeeper-reset-key"}}
	if err := cluster.Client.Create(t.Context(), broken); err != nil {
		t.Fatal(err)
	}
	o := startIn(t, namespace, send)
	email := o.mailed(v1alpha1.EmailPasswordReset, "False Retrying")
	want := `The message cannot be made: the Secret tollkeeper-reset-key holds no key of 32 bytes under "key": delete it, and a new one is made.`
	if got := email.Status.Conditions[0].Message; got != want {
		t.Errorf("the message is %q, want %q", got, want)
	}
	if err := cluster.Client.Delete(t.Context(), broken); err != nil {
		t.Fatal(err)
	}
	o.mailed(v1alpha1.EmailPasswordReset, "True Accepted")
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
	o := start(t, send, func(c *config.Config) { c.MailSettle = soon })
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

	// The same message is sent again: it carries the same link, which stays consumed.
	server.HideLog(true)
	email := o.mailed(v1alpha1.EmailPasswordReset, "True Accepted")
	email.Status.SentAt, email.Status.Attempt.Outcome = nil, v1alpha1.AttemptUnknown
	if err := cluster.Client.Status().Update(t.Context(), &email); err != nil {
		t.Fatal(err)
	}
	o.eventually("it is sent again", func() string {
		if got := len(server.Messages()); got != 3 {
			return fmt.Sprintf("%d messages, want 3", got)
		}
		return ""
	})
	if again := tokenIn(t, server); again != token {
		t.Errorf("the second message has another token")
	}
	if _, err := consume(token, time.Now()); err != passwordreset.ErrConsumed { //nolint:errorlint // it is returned as it is
		t.Errorf("once it is consumed: %v, want ErrConsumed", err)
	}
}

// tokenIn finds the token in the reset message: in the text and in the HTML alike.
func tokenIn(t *testing.T, server *mailguntest.Server) string {
	t.Helper()
	for _, m := range slices.Backward(server.Messages()) {
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
