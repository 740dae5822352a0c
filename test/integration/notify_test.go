package integration

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/notice"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/apiproxy"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// signingSecrets is the variable of the configuration's secrets.
func signingSecrets(cfg config.Config) string {
	var secrets []string
	for _, secret := range cfg.CloudEventsSecrets {
		secrets = append(secrets, "whsec_"+base64.StdEncoding.EncodeToString(secret))
	}
	return strings.Join(secrets, ",")
}

// notification is what a sink needs of a CloudEvent.
type notification struct {
	ID, Subject, Sequence string
	Data                  notice.State
}

// says is what the notification says, such as "cus_A True OverrideGranted".
func (n notification) says() string {
	return fmt.Sprintf("%s %s %s", n.Subject, n.Data.Entitled, n.Data.Reason)
}

// application is a stand-in for an application that is notified.
type application struct {
	*httptest.Server
	t        *testing.T
	mutex    sync.Mutex
	accepted []notification
	answer   int // to whom it does not accept; 0 to accept
	then     func()
}

var signingSecret = []byte("the secret of integration tests")

// applicationFor starts one, and configures an operator for it.
func applicationFor(t *testing.T) (*application, func(*config.Config)) {
	t.Helper()
	a := &application{t: t, then: func() {}}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a, func(c *config.Config) {
		c.CloudEventsSink, c.CloudEventsSecrets = a.URL+"/hooks", [][]byte{signingSecret}
	}
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.answer != 0 {
		w.WriteHeader(a.answer)
		return
	}
	body, err := io.ReadAll(r.Body)
	webhook, errSecret := standardwebhooks.NewWebhookRaw(signingSecret)
	if err != nil || errSecret != nil || webhook.Verify(body, r.Header) != nil {
		a.t.Errorf("a notification is not signed: %v", r.Header)
	}
	var n notification
	if err := json.Unmarshal(body, &n); err != nil || n.ID != r.Header.Get("Webhook-Id") {
		a.t.Errorf("a notification cannot be read: %v, %s", err, body)
	}
	a.accepted = append(a.accepted, n)
	a.then()
}

// answers has the application accept nothing, and answer with the code; 0 has it accept again.
func (a *application) answers(code int) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.answer = code
}

// notifications are those that were accepted so far.
func (a *application) notifications() []notification {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return slices.Clone(a.accepted)
}

// wasTold waits until the application has accepted these notifications, in this order, and the Customers say so.
func (a *application) wasTold(o *operator, want ...string) {
	o.t.Helper()
	o.eventually("the notifications", func() string {
		var got []string
		for _, n := range a.notifications() {
			got = append(got, n.says())
			if shown := o.customer(n.Subject).Status; shown.Notified == nil || shown.Notified.ChangedAt.Time.Before(n.Data.ChangedAt.Time) {
				return n.Subject + " does not say that it was notified"
			}
		}
		return cmp.Diff(want, got)
	})
}

// registered is the first event of a customer.
func registered(customer string) Event {
	return Event{ID: "evt_" + customer, Type: "customer.created", Created: time.Now(), Shape: New, Object: Customer(customer, "ada@example.com", "Ada")}
}

// The sink is notified of each change once and in order, and of nothing else. It costs one write for each, and without a
// sink none.
func TestEachChangeIsNotifiedOnce(t *testing.T) {
	a, withSink := applicationFor(t)
	statusWrites := func(name string, configure func(*config.Config), wait func(*operator, ...string)) (writes int) {
		t.Helper()
		proxy, err := apiproxy.New(cluster.Config)
		if err != nil {
			t.Fatal(err)
		}
		defer proxy.Close()
		counter := &faultInjector{counts: map[string]int{}}
		proxy.Spoil(func(r *http.Request) apiproxy.Verdict {
			if apiproxy.IsWrite(r) {
				counter.count(writeOf(r))
			}
			return apiproxy.Pass
		})
		namespace, err := cluster.Namespace(t.Context(), "it-")
		if err != nil {
			t.Fatal(err)
		}
		o := startAs(t, proxy.Config(), namespace, configure)
		told := []string{"cus_A False NoSubscription"}
		o.send(registered("cus_A"))
		o.settled()
		wait(o, told...)
		for _, step := range []struct{ override, want string }{
			{`{"access":"Granted"}`, "True OverrideGranted"},
			{`{"access":"Denied"}`, "False OverrideDenied"},
			{"null", "False NoSubscription"},
		} {
			o.override(step.override)
			o.entitled("cus_A", step.want)
			told = append(told, "cus_A "+step.want)
			wait(o, told...)
		}
		o.send(Event{ID: "evt_2", Type: "customer.updated", Created: time.Now(), Shape: New, Object: Customer("cus_A", "ada@new.example", "Ada")})
		o.settled()
		o.stop()
		wait(o, told...)
		t.Logf("%s: %v", name, counter.counts)
		return counter.counts["PUT customers/status"]
	}
	without := statusWrites("without a sink", func(*config.Config) {}, func(*operator, ...string) {})
	with := statusWrites("with a sink", withSink, a.wasTold)
	if got := a.notifications(); with != without+len(got) || len(got) != 4 {
		t.Errorf("%d writes without a sink, and %d with %d notifications", without, with, len(got))
	}
	for i, n := range a.notifications()[1:] {
		if before := a.notifications()[i]; n.Sequence <= before.Sequence || n.ID == before.ID {
			t.Errorf("%s (%s) follows %s (%s)", n.Sequence, n.ID, before.Sequence, before.ID)
		}
	}
}

// A process that is killed after a delivery, and before it is noted, sends the same again. What is noted is sent no more.
func TestAKillAfterADeliverySendsTheSameAgain(t *testing.T) {
	a, withSink := applicationFor(t)
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	o := &operator{t: t, namespace: namespace, endpoint: Endpoint{URL: "http://" + address + receiver.Path, Secret: secret}}
	run := func() *process {
		return startProcess(t, namespace, withSink, func(c *config.Config) { c.ReceiverBindAddress = address })
	}
	p := run()
	a.then = p.kill // before the answer
	<-o.deliver([]Event{registered("cus_A")})
	o.eventually("the delivery", func() string { return cmp.Diff(1, len(a.notifications())) })
	if notified := o.customer("cus_A").Status.Notified; notified != nil {
		t.Fatalf("the killed process has noted %v", notified)
	}
	a.mutex.Lock()
	a.then = func() {}
	a.mutex.Unlock()

	p = run()
	a.wasTold(o, "cus_A False NoSubscription", "cus_A False NoSubscription")
	if got := a.notifications(); got[0].ID != got[1].ID || got[0].Sequence != got[1].Sequence {
		t.Errorf("the same is sent as %v", got)
	}
	p.kill()
	run()
	<-o.deliver([]Event{registered("cus_B")})
	a.wasTold(o, "cus_A False NoSubscription", "cus_A False NoSubscription", "cus_B False NoSubscription")
}

// A sink that was away gets the present state only. A redirect is not followed: it counts as a refusal.
func TestASinkThatWasAwayGetsThePresentState(t *testing.T) {
	a, withSink := applicationFor(t)
	a.answers(http.StatusServiceUnavailable)
	o := start(t, withSink)
	o.send(registered("cus_A"))
	o.entitled("cus_A", "False NoSubscription")
	o.override(`{"access":"Granted"}`)
	o.entitled("cus_A", "True OverrideGranted")
	o.override(`{"access":"Denied"}`)
	o.entitled("cus_A", "False OverrideDenied")
	if got := o.customer("cus_A").Status.Notified; got != nil {
		t.Errorf("the sink has accepted nothing, and is noted as %v", got)
	}
	a.answers(0)
	a.wasTold(o, "cus_A False OverrideDenied")

	a.answers(http.StatusTemporaryRedirect)
	o.override("null")
	o.entitled("cus_A", "False NoSubscription")
	a.answers(0)
	o.override(`{"access":"Granted"}`) // a new state does not wait for the refused one
	o.eventually("the present state", func() string {
		got := a.notifications()
		return cmp.Diff("cus_A True OverrideGranted", got[len(got)-1].says())
	})
}

// A sink that is set later is notified of every customer once. So is each one that is set after it.
func TestANewSinkIsNotifiedOfEveryone(t *testing.T) {
	o := start(t)
	o.send(registered("cus_A"), registered("cus_B"), registered("cus_C"))
	o.settled()
	o.stop()
	a, withSink := applicationFor(t)
	all := []string{"cus_A False NoSubscription", "cus_B False NoSubscription", "cus_C False NoSubscription"}
	told := func(want ...string) {
		t.Helper()
		o.eventually("the notifications", func() string {
			var got []string
			for _, n := range a.notifications() {
				got = append(got, n.says())
			}
			slices.Sort(got)
			return cmp.Diff(want, got)
		})
		o.eventually("they are noted", func() string {
			for _, customer := range []string{"cus_A", "cus_B", "cus_C"} {
				if n := o.customer(customer).Status.Notified; n == nil || n.Sink != notice.SinkID(a.URL+"/hooks") && len(want) == 3 {
					return customer + " does not say so"
				}
			}
			return ""
		})
	}
	o = startIn(t, o.namespace, withSink)
	told(all...)
	o.stop()
	startIn(t, o.namespace, withSink, func(c *config.Config) { c.CloudEventsSink += "?again" })
	told(all[0], all[0], all[1], all[1], all[2], all[2])
	ids := map[string]int{}
	for _, n := range a.notifications() {
		ids[n.ID]++
	}
	if len(ids) != 3 {
		t.Errorf("the same states have the ids %v", ids)
	}
}
