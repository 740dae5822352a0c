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

// mailgun starts a stand-in for Mailgun. The second result configures an operator to use it.
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

// shortSettle is the value of --mail-settle where a test waits for it. It is as long as an attempt may take on a slow
// machine.
const shortSettle = 3 * time.Second

// signUp returns a world in which a new customer signed up a minute ago.
func signUp() *World {
	world := NewWorld(time.Now().Add(-time.Minute), New, 1)
	world.Do(SignUp)
	return world
}

// sent waits for status and reason of the condition Sent of the e-mail with the purpose.
func (o *operator) sent(purpose v1alpha1.EmailPurpose, want string) v1alpha1.Email {
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

// A sign-up whose events are delivered a hundred times, shuffled, to two replicas sends two messages.
func TestASignUpIsTwoMessages(t *testing.T) {
	t.Parallel()
	server, withMailgun := mailgun(t)
	elect := func(c *config.Config) { c.LeaderElect = true }
	first := start(t, withMailgun, elect)
	second := startIn(t, first.namespace, withMailgun, elect)
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
	first.sent(v1alpha1.EmailWelcome, "True Accepted")
	first.sent(v1alpha1.EmailPasswordReset, "True Accepted")
	if diff := cmp.Diff(bothSubjects, subjects(server.Messages())); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	for _, m := range server.Messages() {
		to, err := mail.ParseAddressList(m.Field("to"))
		if err != nil || len(to) != 1 || to[0].Address != "ada@example.com" || len(m.Fields["to"]) != 1 {
			t.Errorf("%s was sent to %v", m.Field("subject"), m.Fields["to"])
		}
		if m.Field("o:tracking") != "no" || m.Field("o:tracking-clicks") != "no" || m.Field("o:require-tls") != "true" {
			t.Errorf("%s was sent with the fields %v", m.Field("subject"), m.Fields)
		}
	}
}

// Each fault between the operator and Mailgun leads to the right condition, number of attempts and number of messages.
func TestMailgunFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		faults      []mailguntest.Fault
		hidden      bool // the log stays empty
		late        bool // the log stays empty until the second attempt
		logRefused  int  // answer to requests for the log; 0 for the log itself
		settle      time.Duration
		want        string
		wantAttempt int32
		wantCopies  int
	}{
		"no fault": {want: "True Accepted", wantAttempt: 1, wantCopies: 1},
		"the message is rejected for good": {
			faults: []mailguntest.Fault{mailguntest.Refuse(400)}, want: "False Rejected", wantAttempt: 1, wantCopies: 0,
		},
		"the answer is lost, and the log has the message": {
			faults: []mailguntest.Fault{mailguntest.AcceptAndDrop}, settle: time.Hour, want: "True Accepted", wantAttempt: 1, wantCopies: 1,
		},
		"the answer is 500, and the log has the message": {
			faults: []mailguntest.Fault{mailguntest.AcceptAndFail}, settle: time.Hour, want: "True Accepted", wantAttempt: 1, wantCopies: 1,
		},
		"the request is lost, and the log has had its settle time": {
			faults: []mailguntest.Fault{mailguntest.Drop}, want: "True Accepted", wantAttempt: 2, wantCopies: 1,
		},
		"the request is lost, and the log may still change": {
			faults: []mailguntest.Fault{mailguntest.Drop}, settle: time.Hour, want: "False OutcomeUnknown", wantAttempt: 1, wantCopies: 0,
		},
		"the answer is lost, and the log hides the message longer than the settle time": {
			faults: []mailguntest.Fault{mailguntest.AcceptAndDrop}, hidden: true, want: "True Accepted", wantAttempt: 2, wantCopies: 2,
		},
		"the request is lost, and the key may not read the log": {
			faults: []mailguntest.Fault{mailguntest.Drop}, logRefused: 403, want: "True Accepted", wantAttempt: 2, wantCopies: 1,
		},
		"the request is lost, the key may not read the log, and the settle time is not over": {
			faults: []mailguntest.Fault{mailguntest.Drop}, logRefused: 403, settle: time.Hour, want: "False OutcomeUnknown", wantAttempt: 1, wantCopies: 0,
		},
		"the request is lost, and the log is temporarily unreadable": {
			faults: []mailguntest.Fault{mailguntest.Drop}, logRefused: 500, want: "False OutcomeUnknown", wantAttempt: 1, wantCopies: 0,
		},
		"the log shows the message late, after the next attempt was refused": {
			faults: []mailguntest.Fault{mailguntest.AcceptAndDrop, mailguntest.Refuse(429)}, late: true, want: "True Accepted", wantAttempt: 2, wantCopies: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, withMailgun := mailgun(t)
			server.Fail(tc.faults...)
			server.HideLog(tc.hidden || tc.late)
			server.RefuseLog(tc.logRefused)
			o := start(t, withMailgun, func(c *config.Config) {
				c.App.PasswordResetURL = "" // one message is enough
				c.MailSettle = max(tc.settle, shortSettle)
			})
			o.send(signUp().Events()...)
			if tc.late {
				o.eventually("the second attempt", func() string {
					if server.Sends() < 2 {
						return "there was none"
					}
					return ""
				})
				server.HideLog(false)
			}
			email := o.sent(v1alpha1.EmailWelcome, tc.want)
			if email.Status.Attempt.Number != tc.wantAttempt || len(server.Messages()) != tc.wantCopies {
				t.Errorf("%d messages after %d attempts, want %d after %d",
					len(server.Messages()), email.Status.Attempt.Number, tc.wantCopies, tc.wantAttempt)
			}
			ids := map[string]bool{}
			for _, m := range server.Messages() {
				ids[m.Field("h:Message-Id")] = true
			}
			if len(ids) > 1 {
				t.Errorf("the copies have different Message-Ids: %v", ids)
			}
			for _, c := range email.Status.Conditions {
				if strings.Contains(c.Message, "ada") || strings.Contains(c.Message, "Ada") {
					t.Errorf("a condition contains the recipient: %s", c.Message)
				}
			}
			o.sent(v1alpha1.EmailPasswordReset, "False PasswordResetURLNotSet")
		})
	}
}

// namespaceWithEmails returns a namespace with the Emails of a sign-up, which wait for Mailgun's settings. Each customize changes the
// customer, and the details that the customer entered in the checkout.
func namespaceWithEmails(t *testing.T, customize ...func(Object)) (namespace string) {
	t.Helper()
	o := start(t)
	world := signUp()
	events := world.Events()
	for _, change := range customize {
		change(events[0].Object)
		change(events[len(events)-1].Object["customer_details"].(map[string]any))
	}
	o.send(events...)
	o.settled()
	o.sent(v1alpha1.EmailWelcome, "False MailgunNotConfigured")
	o.stop()
	return o.namespace
}

// A process is killed at each step of sending. The next process sends the message if Mailgun does not have it. The
// message is sent twice only if Mailgun's log hides the first one longer than the settle time, as documented.
func TestAKillAtEveryStepOfSending(t *testing.T) {
	t.Parallel()
	welcomeOnly := func(c *config.Config) { c.App.PasswordResetURL = "" }
	for name, tc := range map[string]struct {
		fault  mailguntest.Fault
		hidden bool
		want   int
	}{
		"after the claim, before Mailgun has the message":     {mailguntest.Hang, false, 1},
		"after Mailgun has the message, before its answer":    {mailguntest.AcceptAndHang, false, 1},
		"after Mailgun has the message, and its log hides it": {mailguntest.AcceptAndHang, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			server, withMailgun := mailgun(t)
			server.Fail(tc.fault)
			server.HideLog(tc.hidden)
			o := &operator{t: t, namespace: namespaceWithEmails(t)} // stopped before the claim
			manager := startProcess(t, o.namespace, withMailgun, welcomeOnly)
			o.sent(v1alpha1.EmailWelcome, "False Sending")
			o.eventually("Mailgun receives a request", func() string {
				if server.Sends() == 0 {
					return "it has not"
				}
				return ""
			})
			manager.kill()
			o = startIn(t, o.namespace, withMailgun, welcomeOnly, func(c *config.Config) { c.MailSettle = shortSettle })
			email := o.sent(v1alpha1.EmailWelcome, "True Accepted")
			if got := len(server.Messages()); got != tc.want {
				t.Errorf("%d messages were accepted after %d attempts, want %d", got, email.Status.Attempt.Number, tc.want)
			}
			if server.LogReads() == 0 {
				t.Error("Mailgun's log was not read")
			}
		})
	}
}

// A process is killed just after Mailgun has answered, before or while it records that the message is sent.
func TestAKillJustAfterMailgunAnswers(t *testing.T) {
	t.Parallel()
	server, withMailgun := mailgun(t)
	started := make(chan *process, 1)
	server.Fail(mailguntest.AcceptAndAnswerThen(func() { (<-started).kill() }))
	o := &operator{t: t, namespace: namespaceWithEmails(t)}
	welcomeOnly := func(c *config.Config) { c.App.PasswordResetURL, c.MailSettle = "", shortSettle }
	manager := startProcess(t, o.namespace, withMailgun, welcomeOnly)
	started <- manager
	o.eventually("Mailgun has the message", func() string {
		if len(server.Messages()) == 0 {
			return "it has not"
		}
		return ""
	})
	manager.kill() // waits until the process has exited
	o = startIn(t, o.namespace, withMailgun, welcomeOnly)
	o.sent(v1alpha1.EmailWelcome, "True Accepted")
	if got := len(server.Messages()); got != 1 {
		t.Errorf("%d messages were accepted, want 1", got)
	}
}

// A process receives SIGTERM when Mailgun has the message but has not answered yet. It waits for the answer and records
// it.
func TestShutdownWaitsForMailgunsAnswer(t *testing.T) {
	t.Parallel()
	server, withMailgun := mailgun(t)
	answer := make(chan struct{})
	server.Fail(mailguntest.AcceptAndAnswerAfter(answer))
	o := &operator{t: t, namespace: namespaceWithEmails(t)}
	welcomeOnly := func(c *config.Config) { c.App.PasswordResetURL = "" }
	manager := startProcess(t, o.namespace, withMailgun, welcomeOnly)
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
	o.eventually("it starts to shut down", func() string {
		if strings.Contains(manager.log.String(), "Stopping and waiting") {
			return ""
		}
		return "it does not"
	})
	close(answer)
	if err := <-ended; err != nil {
		t.Errorf("it exited with an error: %v", err)
	}
	email := o.sent(v1alpha1.EmailWelcome, "True Accepted")
	if email.Status.Attempt.Number != 1 || server.LogReads() != 0 || len(server.Messages()) != 1 {
		t.Errorf("%d messages after %d attempts and %d requests for the log, want 1, 1 and 0",
			len(server.Messages()), email.Status.Attempt.Number, server.LogReads())
	}
}

// Hostile names and addresses add no header, no second recipient and no markup.
func TestHostileCustomers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		email, name string
		want        string // Sent
	}{
		"a script as the name":              {"ada@example.com", "<script>alert(1)</script>", "True Accepted"},
		"a header in the name":              {"ada@example.com", "Ada\r\nBcc: eve@example.com", "True Accepted"},
		"a template as the name":            {"ada@example.com", "{{.ResetURL}}%recipient%", "True Accepted"},
		"a name with a direction override":  {"ada@example.com", "Ada\u202eadA", "True Accepted"},
		"a name of 10 KB":                   {"ada@example.com", strings.Repeat("Ada ", 2500), "True Accepted"},
		"a message as the name":             {"ada@example.com", "Your invoice is overdue! Pay at https://evil.example or call 555 0100", "True Accepted"},
		"two addresses":                     {"ada@example.com, eve@example.com", "Ada", "False RecipientInvalid"},
		"a header in the address":           {"ada@example.com\r\nBcc: eve@example.com", "Ada", "False RecipientInvalid"},
		"a Mailgun variable in the address": {"%recipient%@example.com", "Ada", "False RecipientInvalid"},
		"an address of 10 KB":               {strings.Repeat("a", 10_000) + "@example.com", "Ada", "False RecipientInvalid"},
		"no address":                        {"", "Ada", "False RecipientInvalid"},
	} {
		t.Run(name, func(t *testing.T) {
			server, withMailgun := mailgun(t)
			namespace := namespaceWithEmails(t, func(o Object) { o["email"], o["name"] = tc.email, tc.name })
			o := startIn(t, namespace, withMailgun)
			o.sent(v1alpha1.EmailWelcome, tc.want)
			o.sent(v1alpha1.EmailPasswordReset, tc.want)
			for _, m := range server.Messages() {
				to, err := mail.ParseAddressList(m.Field("to"))
				if err != nil || len(to) != 1 || to[0].Address != "ada@example.com" || len(m.Fields["to"]) != 1 || len(to[0].Name) > 100 {
					t.Errorf("it was sent to %q, %v", m.Fields["to"], err)
				}
				if all := fmt.Sprint(m.Fields); strings.Contains(all, "invoice") || strings.Contains(all, "evil.example") {
					t.Errorf("it has the name that is a message: %v", m.Fields)
				}
				for field, values := range m.Fields {
					if field == "bcc" || field == "cc" || strings.HasPrefix(field, "h:") && field != "h:Message-Id" {
						t.Errorf("it has %s: %q", field, values)
					}
				}
				if html := m.Field("html"); strings.Contains(html, "<script") || strings.Contains(html, "%recipient%") || strings.Contains(html, "\u202e") {
					t.Errorf("the HTML contains it: %s", html)
				}
			}
		})
	}
}

// No address, name, token or key appears in the log, the Kubernetes events, the metrics or the conditions of a whole
// run.
func TestNothingPersonalGetsOut(t *testing.T) {
	t.Parallel()
	server, withMailgun := mailgun(t)
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
	world.Do(ChangeDefault) // its event contains address and name
	world.Do(FailRenewal)
	_, withStripe := stripe(t, world)
	application, withSink := applicationFor(t)
	application.answers(http.StatusGone)
	address := freeAddress(t)
	statuses := watchEmails(t, namespace)
	manager := startProcess(t, namespace, withMailgun, withStripe, withSink, func(c *config.Config) { c.MailSettle, c.MetricsBindAddress = shortSettle, address })
	o := &operator{t: t, namespace: namespace}
	o.recordedAll(world) // by backfill
	o.settled()
	o.annotate(o.customer(customer), v1alpha1.AnnotationResync, "now")
	o.inSync(customer, "True Compared")
	o.sent(v1alpha1.EmailWelcome, "True Accepted")
	o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
	token := tokenIn(t, server)

	outputs := map[string]string{"metrics": get(t, "http://"+address+"/metrics"), "conditions": o.everyCondition(), "e-mail statuses over time": statuses()}
	for _, reason := range []string{v1alpha1.ReasonSending, v1alpha1.ReasonRetrying, v1alpha1.ReasonOutcomeUnknown} {
		if !strings.Contains(outputs["e-mail statuses over time"], reason) {
			t.Errorf("no e-mail ever had the reason %s", reason)
		}
	}
	var notices eventsv1.EventList
	if err := cluster.Client.List(t.Context(), &notices, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	outputs["Kubernetes events"] = fmt.Sprintf("%+v", notices.Items)
	manager.kill()
	outputs["log"] = manager.log.String()
	for where, text := range outputs {
		if len(text) < 100 {
			t.Errorf("the %s are nearly empty: %q", where, text)
		}
		for _, word := range []string{"canary", "Canary", token, mailguntest.Key, stripeKey, secret} {
			if strings.Contains(text, word) {
				t.Errorf("%q is in the %s", word, where)
			}
		}
	}
}

// watchEmails collects every status of every Email from now on.
func watchEmails(t *testing.T, namespace string) (statuses func() string) {
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

// everyCondition returns all conditions in the namespace and the statuses of Emails and events, as text.
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

// freeAddress returns an address on which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	addresses, err := freeport.Addresses(1)
	if err != nil {
		t.Fatal(err)
	}
	return addresses[0]
}

// Emails wait until Mailgun is configured, and are then sent.
func TestEmailsWaitForTheirConfiguration(t *testing.T) {
	t.Parallel()
	o := start(t)
	world := signUp()
	o.send(world.Events()...)
	o.sent(v1alpha1.EmailWelcome, "False MailgunNotConfigured")
	o.stop()
	server, withMailgun := mailgun(t)
	o = startIn(t, o.namespace, withMailgun, func(c *config.Config) { c.Emails = false })
	o.sent(v1alpha1.EmailWelcome, "False EmailsOff")
	o.stop()
	o = startIn(t, o.namespace, withMailgun)
	o.sent(v1alpha1.EmailWelcome, "True Accepted")
	o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
	if diff := cmp.Diff(bothSubjects, subjects(server.Messages())); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// An Email whose link cannot be recorded has a condition with the reason. It is sent once the cause is gone.
func TestAMessageWhoseLinkIsRefused(t *testing.T) {
	t.Parallel()
	_, withMailgun := mailgun(t)
	namespace := namespaceWithEmails(t)
	before := &operator{t: t, namespace: namespace}
	lift := before.forbid("passwordresets", "false")
	before.inForce(func() error {
		return cluster.Client.Create(t.Context(), &v1alpha1.PasswordReset{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "a-"},
			Spec:       v1alpha1.PasswordResetSpec{CustomerRef: v1alpha1.ObjectReference{Name: "a"}, CustomerID: "cus_A"},
		}, client.DryRunAll)
	})
	o := startIn(t, namespace, withMailgun)
	email := o.sent(v1alpha1.EmailPasswordReset, "False Retrying")
	want := "The message cannot be composed: get or create PasswordReset "
	if got := email.Status.Conditions[0].Message; !strings.HasPrefix(got, want) || strings.Contains(got, "ada@example.com") {
		t.Errorf("the message is %q", got)
	}
	lift()
	o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
}

// A sign-up of long ago sends no e-mails.
func TestNoEmailsForAnOldSignUp(t *testing.T) {
	t.Parallel()
	server, withMailgun := mailgun(t)
	old := NewWorld(time.Now().AddDate(0, 0, -20), New, 1)
	old.Do(SignUp)
	_, withStripe := stripe(t, old)
	o := start(t, withMailgun, withStripe)
	o.recordedAll(old)
	o.settled()
	if got := len(o.emails()) + len(server.Messages()); got != 0 {
		t.Errorf("%d e-mails for a sign-up that the import found", got)
	}
}

// The link in the reset message works exactly once.
func TestTheResetLinkWorksOnce(t *testing.T) {
	t.Parallel()
	server, withMailgun := mailgun(t)
	o := start(t, withMailgun, func(c *config.Config) { c.MailSettle = shortSettle })
	world := signUp()
	o.send(world.Events()...)
	o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
	token := tokenIn(t, server)
	customer := world.Objects("customer")[0].ID()

	var reset v1alpha1.PasswordReset
	key := client.ObjectKey{Namespace: o.namespace, Name: passwordreset.ObjectName(o.customer(customer).Name)}
	if err := cluster.Client.Get(t.Context(), key, &reset); err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%+v", reset); strings.Contains(text, token) || strings.Contains(text, "ada@example.com") {
		t.Errorf("the PasswordReset holds the token or the address: %s", text)
	}
	consume := func(token string, now time.Time) (passwordreset.Reset, error) {
		return passwordreset.Consume(t.Context(), links(t, cluster.Config), o.namespace, token, now)
	}
	if _, err := consume(token, time.Now().Add(25*time.Hour)); err != passwordreset.ErrExpired { //nolint:errorlint // it is returned unwrapped
		t.Errorf("a day later: %v, want ErrExpired", err)
	}
	for _, forged := range []string{"", "x", token + "x", token[:len(token)-2], "Li4.x", passwordreset.NewToken("../x"), passwordreset.NewToken(o.customer(customer).Name)} {
		if _, err := consume(forged, time.Now()); err != passwordreset.ErrInvalid { //nolint:errorlint // it is returned unwrapped
			t.Errorf("token %q: %v, want ErrInvalid", forged, err)
		}
	}
	var worked sync.Map
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if reset, err := consume(token, time.Now()); err == nil {
				worked.Store(i, reset)
			}
		})
	}
	all.Wait()
	n := 0
	worked.Range(func(_, value any) bool {
		n++
		consumed := value.(passwordreset.Reset)
		if consumed.CustomerID != customer || consumed.Account != "" || !consumed.SentTo(" Ada@example.com") || consumed.SentTo("mallory@example.com") {
			t.Errorf("the token is for %+v, want %s", consumed, customer)
		}
		return true
	})
	if n != 1 {
		t.Errorf("the token works for %d of 8 concurrent requests, want 1", n)
	}

	// A link that was used shows that the message arrived: it is not sent again.
	server.HideLog(true)
	o.forgetSent(v1alpha1.EmailPasswordReset)
	email := o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
	if got := len(server.Messages()); got != 2 {
		t.Errorf("%d messages, want 2: %s", got, email.Status.Conditions[0].Message)
	}
	if _, err := consume(token, time.Now()); err != passwordreset.ErrConsumed { //nolint:errorlint // it is returned unwrapped
		t.Errorf("after it is consumed: %v, want ErrConsumed", err)
	}
}

// forgetSent makes it unknown whether Mailgun accepted the e-mail with the purpose.
func (o *operator) forgetSent(purpose v1alpha1.EmailPurpose) {
	o.t.Helper()
	email := o.sent(purpose, "True Accepted")
	email.Status.SentAt, email.Status.Attempt.Outcome, email.Status.Conditions = nil, v1alpha1.AttemptUnknown, nil
	if err := cluster.Client.Status().Update(o.t.Context(), &email); err != nil {
		o.t.Fatal(err)
	}
}

// tokenIn returns the token of the newest reset message, whose text and HTML must both contain it.
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
	t.Fatal("no message contains the link")
	return ""
}
