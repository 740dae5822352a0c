package integration

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/app"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// always is how often a fault applies that a test turns on and off itself.
const always = 1 << 30

// tie are two events of one second about a subscription that contradict each other.
func tie(account, customer, sub string, at time.Time) []Event {
	object := Subscription(New, sub, customer, "past_due", at, at.AddDate(0, 1, 0))
	return []Event{
		{ID: "evt_1" + sub, Type: "customer.subscription.updated", Created: at, Shape: New, Account: account, Object: object},
		{ID: "evt_9" + sub, Type: "customer.subscription.updated", Created: at, Shape: New, Account: account, Object: object.With("status", "unpaid")},
	}
}

// objectRequests are the requests for objects and events: all but those of the endpoint's check, which comes at the start.
func objectRequests(api *API) []Request {
	return slices.DeleteFunc(api.Requests("/v1/"), func(r Request) bool { return r.Path == "/v1/webhook_endpoints" })
}

// log collects the lines that an operator logs.
type log struct {
	mutex sync.Mutex
	lines []string
}

func (l *log) containing(text string) (lines []string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

// apartFrom returns the lines that contain none of the texts.
func (l *log) apartFrom(texts ...string) []string {
	return slices.DeleteFunc(l.containing(""), func(line string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(line, text) })
	})
}

// startLogged is start with a log that can be read.
func startLogged(t *testing.T, configure ...func(*config.Config)) (*operator, *log) {
	t.Helper()
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	cfg := defaults(t, namespace)
	for _, set := range configure {
		set(&cfg)
	}
	logged := &log{}
	logger := funcr.New(func(prefix, line string) {
		logged.mutex.Lock()
		defer logged.mutex.Unlock()
		logged.lines = append(logged.lines, prefix+" "+line)
	}, funcr.Options{})
	a, err := app.New(cfg, cluster.Config, oneOfSeveral, func(o *ctrl.Options) { o.Logger = logger })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	o := &operator{t: t, namespace: namespace, stop: cancel}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the operator ended with an error: %v", err)
		}
	})
	o.eventually("the receiver listens", func() string {
		if a.ReceiverAddr() == nil {
			return "not listening"
		}
		return ""
	})
	o.endpoint.URL, o.endpoint.Secret = fmt.Sprintf("http://%s%s", a.ReceiverAddr(), receiver.Path), secret
	return o, logged
}

// A connected account has disconnected from the platform. Its customers say so. The platform's own doubts are read, and its
// missed events are recovered, as if nothing had happened. The account's are once it is connected again.
func TestADisconnectedAccountHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	own, other := NewWorld(time.Now().Add(-time.Hour), New, 1), NewWorld(time.Now().Add(-time.Hour), New, 2)
	other.Account, other.Name = "acct_Gone", "Gone"
	for _, w := range []*World{own, other} {
		w.Do(SignUp)
	}
	ownSub, otherSub := own.Objects("subscription")[0].ID(), other.Objects("subscription")[0].ID()
	api, withStripe := stripe(t, own)
	api.Connect(other)
	var isGone atomic.Bool
	isGone.Store(true)
	api.Fail(always, Disconnected, func(r *http.Request) bool { return isGone.Load() && r.Header.Get("Stripe-Account") == "acct_Gone" })
	o, logged := startLogged(t, withStripe, func(c *config.Config) {
		c.Accounts, c.StripeProbe, c.BackfillInterval = []string{"acct_Gone"}, 2*time.Second, time.Second
	})
	at := time.Now().Truncate(time.Second)
	o.send(tie("acct_Gone", other.Objects("customer")[0].ID(), otherSub, at)...)
	o.send(tie("", own.Objects("customer")[0].ID(), ownSub, at)...)

	var subscription v1alpha1.Subscription
	gone := func(want string) {
		t.Helper()
		o.eventually("InSync of the account's subscription", func() string {
			o.ofAccount("acct_Gone", otherSub, &subscription)
			if got := condition(subscription.Status.Conditions, v1alpha1.ConditionInSync); got != want {
				return fmt.Sprintf("is %q, want %q", got, want)
			}
			return ""
		})
	}
	gone("Unknown StripeRefuses")
	o.inSync(ownSub, "True Repaired")
	o.recordedAll(own)
	o.checkpoint("platform", newest(own))
	if _, isThere := o.checkpoints()["acct_Gone"]; isThere {
		t.Error("the refused account has a checkpoint")
	}
	isGone.Store(false)
	gone("True Repaired")
	o.checkpoint("acct_Gone", newest(other))
	for text, want := range map[string]int{
		"gives the API key no access to the account": 1, "gives access to the account again": 1, "Failed to backfill": 0, "Reconciler error": 0,
	} {
		if got := logged.containing(text); len(got) != want {
			t.Errorf("the log has %d lines with %q, want %d: %q", len(got), text, want, got)
		}
	}
}

// Stripe refuses the key, and forty customers wait to be read. Each says why, and Stripe is asked a few times only. Once
// the key is accepted again, all are read.
func TestARevokedKeyAndItsReturn(t *testing.T) {
	t.Parallel()
	const customers = 40
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	at := time.Now().Add(-time.Minute).Truncate(time.Second)
	var events []Event
	for i := range customers {
		customer, sub := fmt.Sprintf("cus_R%03d", i), fmt.Sprintf("sub_R%03d", i)
		world.Put(Customer(customer, "ada@example.com", "Ada"))
		world.Put(Subscription(New, sub, customer, "past_due", at, at.AddDate(0, 1, 0)))
		events = append(events, tie("", customer, sub, at)...)
	}
	api, withStripe := stripe(t, world)
	var isRefused atomic.Bool
	isRefused.Store(true)
	api.Fail(always, KeyExpired, func(*http.Request) bool { return isRefused.Load() })
	address := freeAddress(t)
	o, logged := startLogged(t, withStripe, func(c *config.Config) { c.HealthProbeBindAddress, c.StripeProbe = address, 10*time.Second })
	o.send(events...)
	for i := range customers {
		o.inSync(fmt.Sprintf("sub_R%03d", i), "Unknown StripeRefuses")
	}
	// requests that were under way when the first was refused, and a few probes within the patience of the test
	if got := len(api.Requests("/")); got > 20 {
		t.Errorf("Stripe was asked %d times with a refused key", got)
	}
	got := logged.apartFrom("Handled an event", "Entitlement changed")
	if len(logged.containing("Reconciler error"))+len(logged.containing("Failed to")) > 0 || len(got) > 60 {
		t.Errorf("%d lines are logged: %q", len(got), got)
	}
	if problem := probe(t, address, "/readyz?verbose", "[+]stripe-api-key-refused ok", "[+]webhook-endpoint-NotChecked ok"); problem != "" {
		t.Error(problem)
	}
	isRefused.Store(false)
	for i := range customers {
		o.inSync(fmt.Sprintf("sub_R%03d", i), "True Repaired")
	}
	for text, want := range map[string]int{"Stripe rejects the API key": 1, "Stripe accepts the API key again": 1} {
		if got := logged.containing(text); len(got) != want {
			t.Errorf("the log has %d lines with %q, want %d: %q", len(got), text, want, got)
		}
	}
	o.eventually("/readyz?verbose is as before", func() string { return probe(t, address, "/readyz?verbose", "[+]stripe-api ok") })
}

// At start the leader looks at the webhook endpoint in Stripe, and says what is wrong with it.
func TestTheEndpointIsCheckedAtStart(t *testing.T) {
	t.Parallel()
	api, withStripe := stripe(t, NewWorld(time.Now(), New, 1))
	api.AddEndpoint(Object{
		"id": "we_1", "url": "https://billing.example.com" + receiver.Path, "status": "enabled", "enabled_events": events.ToSend()[1:],
	})
	address := freeAddress(t)
	o, logged := startLogged(t, withStripe, func(c *config.Config) { c.HealthProbeBindAddress = address })
	o.eventually("/readyz?verbose says it", func() string {
		return probe(t, address, "/readyz?verbose", "[+]webhook-endpoint-LacksEvents ok")
	})
	want := "we_1 does not send 1 of the event types that are handled: " + events.ToSend()[0]
	if got := logged.containing(want); len(got) != 1 {
		t.Errorf("the log has %d lines with %q, want one", len(got), want)
	}
	for _, r := range api.Requests("/v1/webhook_endpoints") {
		if r.Method != http.MethodGet {
			t.Errorf("the check sends %s %s", r.Method, r.Path)
		}
	}
}
