package integration

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/find"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/mail"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// symptoms provoke what docs/troubleshooting.md has under the heading. The test then follows the page.
var symptoms = map[string]func(t *testing.T) follower{
	"Start here":                        failed,
	"No replica leads":                  withoutLeader,
	"The reason":                        withRefusals,
	"The signing secret is another one": func(t *testing.T) follower { return posting(t, "whsec_of_another_endpoint", nil) },
	"Something changes the request":     func(t *testing.T) follower { return posting(t, secret, reformat) },
	"Stripe gets 503":                   whileRefused,
	"An event comes twice":              delivered,
	"In the grace period":               func(t *testing.T) follower { return failedPayment(t, 24*time.Hour) },
	"After the grace period":            func(t *testing.T) follower { return failedPayment(t, 8*24*time.Hour) },
	"No Email was planned":              withoutSignUp,
	"The Email waits for a setting":     func(t *testing.T) follower { return signedUpWith(t, "False MailgunNotConfigured") },
	"Mailgun does not take the message": func(t *testing.T) follower {
		return signedUpWith(t, "False Retrying", refuseMail(http.StatusForbidden))
	},
	"Mailgun rejects the message for good": func(t *testing.T) follower {
		return signedUpWith(t, "False Rejected", refuseMail(http.StatusBadRequest))
	},
	"Events wait":                           waiting,
	"Events failed":                         failed,
	"An older event came late":              late,
	"The status is in doubt":                inDoubt,
	"A customer is locked out":              lockedOut,
	"Is the event in the cluster?":          delivered,
	"The endpoint does not send it":         withEndpoint,
	"Stripe refuses the key":                withRefusedKey,
	"Thin events wait":                      thinWithoutKey,
	"The event is recorded and not applied": notApplied,
}

// Every symptom of docs/troubleshooting.md is provoked, and the page is followed: the commands print what it says.
func TestTroubleshootingIsTrue(t *testing.T) {
	for heading := range looks(t) {
		if symptoms[heading] == nil {
			t.Errorf("nothing provokes %q", heading)
		}
	}
	for heading, provoke := range symptoms {
		t.Run(heading, func(t *testing.T) { provoke(t).follow(heading) })
	}
}

// reformat is a proxy that parses the body and writes it again.
func reformat(r *http.Request) {
	var value any
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &value)
	}
	if err == nil {
		body, err = json.MarshalIndent(value, "", " ")
	}
	if err != nil {
		panic(err)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
}

// posting is an operator to which a person posts events, through a proxy if change is not nil.
func posting(t *testing.T, signingSecret string, change func(*http.Request)) follower {
	o := start(t)
	return o.follower(map[string]string{
		"ENDPOINT": o.endpoint.URL, "STRIPE_ENDPOINT_SECRET": signingSecret, "PUBLIC": proxy(t, o, change).URL + receiver.Path,
	})
}

// proxy stands in front of the receiver.
func proxy(t *testing.T, o *operator, change func(*http.Request)) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if change != nil {
			change(r)
		}
		request, err := http.NewRequestWithContext(r.Context(), r.Method, o.endpoint.URL, r.Body)
		if err != nil {
			panic(err)
		}
		request.Header, request.ContentLength = r.Header, r.ContentLength
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			panic(err)
		}
		defer func() { _ = response.Body.Close() }()
		w.WriteHeader(response.StatusCode)
		_, _ = io.Copy(w, response.Body)
	}))
	t.Cleanup(server.Close)
	return server
}

// anEvent is an event about a customer that no other test has.
func anEvent(id string) Event {
	return Event{ID: id, Type: "customer.created", Created: time.Now().Add(-time.Minute), Shape: New, Object: Customer("cus_Heidi", "heidi@example.com", "Heidi")}
}

// withRefusals has refused a request for each reason that a proxy or a secret can cause, and shows its metrics.
func withRefusals(t *testing.T) follower {
	address := freeAddress(t)
	o := start(t, func(c *config.Config) { c.MetricsBindAddress, c.MetricsSecure = address, false })
	body, now := anEvent("evt_Heidi1").JSON(), time.Now()
	good := Sign(body, now, secret)
	for name, tc := range map[string]struct {
		body      []byte
		signature string
		change    func(*http.Request)
		want      int
	}{
		"recorded":            {body, good, nil, 200},
		"duplicate":           {body, good, nil, 200},
		"signature_mismatch":  {body, good, reformat, 400},
		"signature_absent":    {body, good, func(r *http.Request) { r.Header.Del("Stripe-Signature") }, 400},
		"signature_malformed": {body, good, func(r *http.Request) { r.Header.Set("Stripe-Signature", "t=soon") }, 400},
		"signature_stale":     {body, Sign(body, now.Add(-time.Hour), secret), nil, 400},
		"signature_future":    {body, Sign(body, now.Add(time.Hour), secret), nil, 400},
		"not_an_event":        {[]byte("{}"), Sign([]byte("{}"), now, secret), nil, 400},
		"too_large":           {bytes.Repeat([]byte(" "), 1<<20+1), good, nil, 413},
		"encoding":            {body, good, func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, 415},
	} {
		endpoint := o.endpoint
		endpoint.URL = proxy(t, o, tc.change).URL
		if code, err := endpoint.PostSigned(t.Context(), tc.body, tc.signature); err != nil || code != tc.want {
			t.Errorf("%s is answered %d, want %d: %v", name, code, tc.want, err)
		}
	}
	return o.follower(map[string]string{"METRICS": "http://" + address + "/metrics", "TOKEN": "none"})
}

// whileRefused is an operator whose events the API server refuses.
func whileRefused(t *testing.T) follower {
	o, logged := startLogged(t)
	o.forbid("billingevents", "false")
	o.eventually("the event is refused", func() string {
		if code, err := o.endpoint.Post(t.Context(), anEvent("evt_Heidi1")); err != nil || code != http.StatusServiceUnavailable {
			return http.StatusText(code)
		}
		return ""
	})
	if len(logged.containing("Event not recorded; Stripe will send it again")) == 0 {
		t.Error("the log does not say it")
	}
	return o.follower(nil)
}

// delivered has had one event three times.
func delivered(t *testing.T) follower {
	o := start(t)
	o.send(anEvent("evt_Heidi1"), anEvent("evt_Heidi1"), anEvent("evt_Heidi1"))
	o.settledEvent("evt_Heidi1")
	return o.follower(nil)
}

// failedPayment has a customer whose renewal failed so long ago.
func failedPayment(t *testing.T, ago time.Duration) follower {
	o, failed := start(t), time.Now().Add(-ago).Truncate(time.Second)
	began := failed.AddDate(0, -1, 0)
	sub := Subscription(New, "sub_Gwen", "cus_Gwen", "active", began, failed.AddDate(0, 1, 0))
	o.send(
		Event{ID: "evt_Gwen1", Type: "customer.created", Created: began, Shape: New, Object: Customer("cus_Gwen", "gwen@example.com", "Gwen")},
		Event{ID: "evt_Gwen2", Type: "customer.subscription.created", Created: began, Shape: New, Object: sub},
		Event{ID: "evt_Gwen3", Type: "invoice.paid", Created: began, Shape: New, Object: Invoice(New, "in_Gwen1", "cus_Gwen", "sub_Gwen", "paid", Amount, began, failed)},
		Event{
			ID: "evt_Gwen4", Type: "invoice.payment_failed", Created: failed, Shape: New,
			Object: FailedAttempt(Invoice(New, "in_Gwen2", "cus_Gwen", "sub_Gwen", "open", Amount, failed, failed.AddDate(0, 1, 0)), 1, failed.AddDate(0, 0, 3)),
		},
		Event{
			ID: "evt_Gwen5", Type: "customer.subscription.updated", Created: failed, Shape: New,
			Object: sub.With("status", "past_due").With("latest_invoice", "in_Gwen2"), Previous: Object{"status": "active"},
		},
	)
	o.settled()
	return o.follower(nil)
}

// withoutSignUp has a customer that was made without a checkout.
func withoutSignUp(t *testing.T) follower {
	o := start(t)
	denied(o, "Dan", "dan@example.com")
	return o.follower(nil)
}

// signedUpWith has a customer that signed up, and whose e-mails ended as given.
func signedUpWith(t *testing.T, sent string, configure ...func(*testing.T) func(*config.Config)) follower {
	var settings []func(*config.Config)
	for _, c := range configure {
		settings = append(settings, c(t))
	}
	o := start(t, settings...)
	now := time.Now().Truncate(time.Second)
	sub := Subscription(New, "sub_Ada", "cus_Ada", "active", now, now.AddDate(0, 1, 0))
	o.send(
		Event{ID: "evt_Ada1", Type: "customer.created", Created: now, Shape: New, Object: Customer("cus_Ada", "ada@example.com", "Ada")},
		Event{ID: "evt_Ada2", Type: "customer.subscription.created", Created: now, Shape: New, Object: sub},
		Event{ID: "evt_Ada3", Type: "checkout.session.completed", Created: now, Shape: New, Object: Checkout("cs_Ada", "cus_Ada", "sub_Ada", "ada@example.com", now)},
	)
	o.sent(v1alpha1.EmailWelcome, sent)
	o.sent(v1alpha1.EmailPasswordReset, sent)
	return o.follower(nil)
}

func refuseMail(status int) func(*testing.T) func(*config.Config) {
	return func(t *testing.T) func(*config.Config) {
		t.Helper()
		server, withMailgun := mailgun(t)
		for range 10 {
			server.Fail(mailguntest.Refuse(status))
		}
		return withMailgun
	}
}

// waiting has an event whose changes the API server refuses.
func waiting(t *testing.T) follower {
	o := start(t)
	o.send(anEvent("evt_Heidi1"))
	o.settledEvent("evt_Heidi1")
	o.forbid("customers/status", "false")
	o.inForce(func() error {
		return cluster.Client.Status().Update(t.Context(), o.customer("cus_Heidi"), client.DryRunAll)
	})
	renamed := anEvent("evt_Heidi2")
	renamed.Type, renamed.Object = "customer.updated", Customer("cus_Heidi", "heidi@example.com", "Heidi Lamarr")
	o.send(renamed)
	o.eventually("the event says why it waits", func() string {
		got := condition(o.event("evt_Heidi2").Status.Conditions, v1alpha1.ConditionProcessed)
		if got != "False WriteRejected" {
			return "is " + got
		}
		return ""
	})
	return o.follower(nil)
}

// failed has an event that cannot be read.
func failed(t *testing.T) follower {
	o := start(t, func(c *config.Config) { c.EventAttempts = 1 })
	broken := Event{ID: "evt_Heidi2", Type: "invoice.paid", Created: time.Now(), Shape: New}
	broken.Object = Object{"id": "in_Heidi", "object": "invoice", "customer": "cus_Heidi", "status": 5}
	o.send(anEvent("evt_Heidi1"), broken)
	o.settledEvent("evt_Heidi1")
	o.outcome("evt_Heidi2", v1alpha1.OutcomeFailed)
	return o.follower(nil)
}

// withoutLeader has the Lease of a replica that is gone.
func withoutLeader(t *testing.T) follower {
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	o := &operator{t: t, namespace: namespace}
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: find.LeaseName}}
	lease.Spec.HolderIdentity = new("tollkeeper-controller-manager-0_1")
	lease.Spec.RenewTime = new(metav1.NewMicroTime(time.Now().Add(-2 * time.Minute)))
	if err := cluster.Client.Create(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	return o.follower(nil)
}

// late has had the events of a subscription in the wrong order.
func late(t *testing.T) follower {
	o, began := start(t), time.Now().Add(-time.Hour).Truncate(time.Second)
	sub := Subscription(New, "sub_Heidi", "cus_Heidi", "active", began, began.AddDate(0, 1, 0))
	for _, e := range []Event{
		{ID: "evt_Heidi1", Type: "customer.created", Created: began, Shape: New, Object: Customer("cus_Heidi", "heidi@example.com", "Heidi")},
		{ID: "evt_Heidi2", Type: "customer.subscription.created", Created: began, Shape: New, Object: sub},
		{
			ID: "evt_Heidi4", Type: "customer.subscription.updated", Created: began.Add(2 * time.Minute), Shape: New,
			Object: sub.With("status", "past_due"), Previous: Object{"status": "active"},
		},
		{
			ID: "evt_Heidi3", Type: "customer.subscription.updated", Created: began.Add(time.Minute), Shape: New,
			Object: sub.With("cancel_at_period_end", false), Previous: Object{"cancel_at_period_end": true},
		},
	} {
		o.send(e)
		o.settledEvent(e.ID)
	}
	return o.follower(nil)
}

// inDoubt has a subscription of which an event is missing, and a Stripe key.
func inDoubt(t *testing.T) follower {
	began := time.Now().Add(-time.Hour).Truncate(time.Second)
	world := NewWorld(began, New, 1)
	customer := Customer("cus_Heidi", "heidi@example.com", "Heidi")
	sub := Subscription(New, "sub_Heidi", "cus_Heidi", "active", began, began.AddDate(0, 1, 0))
	world.Put(customer)
	world.Put(sub)
	_, withStripe := stripe(t, world)
	o := start(t, withStripe, func(c *config.Config) { c.RefetchDelay, c.BackfillInterval, c.ResyncInterval = time.Hour, 0, 0 })
	o.send(
		Event{ID: "evt_Heidi1", Type: "customer.created", Created: began, Shape: New, Object: customer},
		Event{ID: "evt_Heidi2", Type: "customer.subscription.created", Created: began, Shape: New, Object: sub.With("status", "incomplete")},
		Event{
			ID: "evt_Heidi4", Type: "customer.subscription.updated", Created: began.Add(time.Minute), Shape: New,
			Object: sub.With("status", "past_due"), Previous: Object{"status": "active"},
		},
	)
	o.settled()
	o.inSync("sub_Heidi", "Unknown EventsMissing")
	return o.follower(nil)
}

// lockedOut has a customer whose subscription has ended.
func lockedOut(t *testing.T) follower {
	o := start(t)
	denied(o, "Dan", "dan@example.com")
	return o.follower(nil)
}

// withEndpoint has an endpoint in Stripe that is disabled, and does not send one type.
func withEndpoint(t *testing.T) follower {
	api, withStripe := stripe(t, NewWorld(time.Now(), New, 1))
	api.AddEndpoint(Object{
		"id": "we_1", "url": "https://billing.example.com" + receiver.Path, "status": "disabled", "enabled_events": events.ToSend()[1:],
	})
	var c config.Config
	withStripe(&c)
	return start(t, withStripe).follower(map[string]string{config.EnvStripeSecretKey: stripeKey, config.EnvStripeAPIBase: c.Stripe.APIBase})
}

// withRefusedKey has a Stripe key that was revoked.
func withRefusedKey(t *testing.T) follower {
	began := time.Now().Add(-time.Minute).Truncate(time.Second)
	api, withStripe := stripe(t, NewWorld(began, New, 1))
	api.Fail(always, KeyExpired, func(*http.Request) bool { return true })
	o, logged := startLogged(t, withStripe)
	o.send(append([]Event{anEvent("evt_Heidi1")}, tie("", "cus_Heidi", "sub_Heidi", began)...)...)
	o.settled()
	o.inSync("sub_Heidi", "Unknown StripeRefuses")
	if len(logged.containing("Stripe rejects the API key: nothing is read from Stripe until it is accepted. Check STRIPE_SECRET_KEY")) == 0 {
		t.Error("the log does not say it")
	}
	return o.follower(nil)
}

// thinWithoutKey has a thin event, and no Stripe key.
func thinWithoutKey(t *testing.T) follower {
	o := start(t)
	e := anEvent("evt_Heidi1")
	if code, err := o.endpoint.PostSigned(t.Context(), e.ThinJSON(), Sign(e.ThinJSON(), time.Now(), secret)); err != nil || code != http.StatusOK {
		t.Fatal(code, err)
	}
	o.eventually("the event says why it waits", func() string {
		got := condition(o.event(e.ThinID()).Status.Conditions, v1alpha1.ConditionProcessed)
		if got != "False StripeKeyMissing" {
			return "is " + got
		}
		return ""
	})
	return o.follower(nil)
}

// notApplied has recorded an event of the other mode, of a foreign account, and of a type that is not handled.
func notApplied(t *testing.T) follower {
	o := start(t, func(c *config.Config) { c.Livemode = new(true) })
	other := anEvent("evt_Heidi1")
	foreign, unhandled := anEvent("evt_Heidi2"), anEvent("evt_Heidi3")
	foreign.Account, foreign.Livemode = "acct_Other", true
	unhandled.Type, unhandled.Livemode = "payout.paid", true
	o.send(other, foreign, unhandled)
	o.settled()
	return o.follower(nil)
}

// A template that cannot be used stops the operator at start with what docs/troubleshooting.md quotes.
func TestTheQuotedErrorOfATemplate(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "welcome.txt"), []byte("Hello {{.FirstName}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := mail.LoadTemplates(folder)
	if err == nil {
		t.Fatal("the template is accepted")
	}
	page, readErr := os.ReadFile(filepath.Join(controlplane.Root(), "docs", "troubleshooting.md"))
	if readErr != nil {
		t.Fatal(readErr)
	}
	if quoted := "tollkeeper: " + err.Error(); !strings.Contains(string(page), quoted) {
		t.Errorf("docs/troubleshooting.md does not quote\n%s", quoted)
	}
}
