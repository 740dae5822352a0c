package integration

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// attacker posts to an operator that a customer, the victim, relies on.
type attacker struct {
	*operator
	now time.Time
}

// victim is entitled before, while and after each attack.
const victim = "cus_Victim"

// attack is what somebody posts, how it is answered, and how many events are recorded of it.
type attack struct {
	post    func(a *attacker) int
	code    int
	records int
	// check looks at what became of it, once every event has an outcome. It may be nil.
	check func(a *attacker)
}

var attacks = map[string]attack{
	// The signature.
	"forged": {code: 400, post: func(a *attacker) int { return a.signed(a.harm().JSON(), Sign(a.harm().JSON(), a.now, "whsec_guessed")) }},
	"absent": {code: 400, post: func(a *attacker) int { return a.signed(a.harm().JSON(), "") }},
	"expired": {code: 400, post: func(a *attacker) int {
		return a.signed(a.harm().JSON(), Sign(a.harm().JSON(), a.now.Add(-6*time.Minute), secret))
	}},
	"from the future": {code: 400, post: func(a *attacker) int {
		return a.signed(a.harm().JSON(), Sign(a.harm().JSON(), a.now.Add(6*time.Minute), secret))
	}},
	"many v1, all wrong": {code: 400, post: func(a *attacker) int {
		return a.signed(a.harm().JSON(), fmt.Sprintf("t=%d%s", a.now.Unix(), strings.Repeat(",v1="+strings.Repeat("0", 64), 100)))
	}},
	"two times": {code: 400, post: func(a *attacker) int {
		return a.signed(a.harm().JSON(), fmt.Sprintf("t=%d,", a.now.Unix())+Sign(a.harm().JSON(), a.now, secret))
	}},
	"by the empty secret": {code: 400, post: func(a *attacker) int { return a.signed(a.harm().JSON(), Sign(a.harm().JSON(), a.now, "")) }},
	"the signature of another body": {code: 400, post: func(a *attacker) int {
		return a.signed(a.harm().JSON(), Sign([]byte("{}"), a.now, secret))
	}},
	"another scheme": {code: 400, post: func(a *attacker) int {
		return a.signed(a.harm().JSON(), strings.Replace(Sign(a.harm().JSON(), a.now, secret), "v1=", "v0=", 1))
	}},
	"replayed": {code: 200, records: 1, post: func(a *attacker) int {
		e := a.customerCreated("evt_Replay", "cus_Replay", "Ada")
		signature := Sign(e.JSON(), a.now, secret)
		for range 5 {
			if code := a.signed(e.JSON(), signature); code != 200 {
				return code
			}
		}
		return a.signed(e.JSON(), signature)
	}},

	// The request.
	"a chunked body without end": {code: 413, post: func(a *attacker) int {
		connection := a.dial()
		a.write(connection, a.head(Sign(nil, a.now, secret), "Transfer-Encoding: chunked")+"40000000\r\n"+strings.Repeat(" ", 1<<20+1))
		code := a.answer(connection) // it has read what is there, and waits for no more
		go func() { _, _ = io.Copy(connection, zeros{}) }()
		a.hungUp(connection, 5*time.Second)
		return code
	}},
	"a body over the limit": {code: 413, post: func(a *attacker) int {
		body := strings.Repeat(" ", 1<<20+1)
		connection := a.dial()
		a.write(connection, a.head(Sign([]byte(body), a.now, secret), fmt.Sprintf("Content-Length: %d", len(body))))
		code := a.answer(connection) // before the body is sent
		a.hungUp(connection, patience)
		return code
	}},
	"gzip": {code: 415, post: func(a *attacker) int {
		var body bytes.Buffer
		w := gzip.NewWriter(&body)
		_, _ = io.Copy(w, io.LimitReader(zeros{}, 64<<20))
		_ = w.Close()
		return a.request(http.MethodPost, bytes.NewReader(body.Bytes()), "Content-Encoding", "gzip", "Stripe-Signature", Sign(body.Bytes(), a.now, secret))
	}},
	"another method": {code: 405, post: func(a *attacker) int { return a.request(http.MethodPut, strings.NewReader("{}")) }},
	"slowloris": {code: 200, records: 1, post: func(a *attacker) int {
		slow := a.drip(500, "POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nX-A:", "a")
		code := a.genuine(a.customerCreated("evt_Beside", "cus_Beside", "Ada"))
		a.hungUp(slow[len(slow)-1], 8*time.Second) // a header may take 5
		return code
	}},
	"bodies that drip": {code: 200, records: 1, post: func(a *attacker) int {
		slow := a.drip(300, a.head(Sign(nil, a.now, secret), "Content-Length: 1048576"), " ")
		code := a.genuine(a.customerCreated("evt_Beside", "cus_Beside", "Ada"))
		a.hungUp(slow[0], patience)                 // he made room for those who came later
		a.hungUp(slow[len(slow)-1], 13*time.Second) // a request may take 10
		return code
	}},

	// What is signed: whoever fills in a form at Stripe chooses names and ids of its own, and so do connected accounts.
	"JSON too deep to be read": {code: 400, post: func(a *attacker) int {
		return a.genuine(Event{ID: "evt_Deep", Type: "customer.created", Created: a.now, Object: nested(12_000)})
	}},
	"deep JSON": {code: 200, records: 1, post: func(a *attacker) int {
		return a.genuine(Event{ID: "evt_Deep", Type: "customer.created", Created: a.now, Livemode: true, Object: nested(5_000)})
	}},
	"no JSON":          {code: 400, post: func(a *attacker) int { return a.signed([]byte("\x00"), Sign([]byte("\x00"), a.now, secret)) }},
	"a list of events": {code: 400, post: func(a *attacker) int { return a.signed([]byte("[]"), Sign([]byte("[]"), a.now, secret)) }},
	"NUL, bidi and over-long fields": {code: 200, records: 1,
		post: func(a *attacker) int {
			return a.genuine(a.customerCreated("evt_Odd", "cus_Odd", "Ada\x00\u202e"+strings.Repeat("x", 100_000)))
		},
		check: func(a *attacker) {
			name := a.customer("cus_Odd").Status.Name
			if len(name) > 256 || !strings.HasPrefix(name, "Adax") || strings.ContainsFunc(name, unicode.IsControl) {
				a.t.Errorf("the name kept is %q", name)
			}
		}},
	"an event id over-long": {code: 400, post: func(a *attacker) int {
		return a.genuine(a.customerCreated("evt_"+strings.Repeat("x", 300), "cus_A", "Ada"))
	}},
	"an event id with NUL": {code: 400, post: func(a *attacker) int { return a.genuine(a.customerCreated("evt_\x00", "cus_A", "Ada")) }},
	"ids that are paths": {code: 200, records: 1,
		post: func(a *attacker) int {
			return a.genuine(a.customerCreated("../../../kube-system/secrets/x", "../../../kube-system/secrets/y", "Ada"))
		},
		check: func(a *attacker) {
			if a.event("../../../kube-system/secrets/x").Status.Outcome != v1alpha1.OutcomeApplied {
				a.t.Error("the event is not applied under its name")
			}
			if got := a.customer("../../../kube-system/secrets/y").Status.Name; got != "Ada" {
				a.t.Errorf("the customer under its name is called %q", got)
			}
			var secrets corev1.SecretList
			if err := cluster.Client.List(a.t.Context(), &secrets, client.InNamespace("kube-system")); err != nil || len(secrets.Items) > 0 {
				a.t.Errorf("%d Secrets in kube-system, %v", len(secrets.Items), err)
			}
		}},
	"ids that differ in case only": {code: 200, records: 2,
		post: func(a *attacker) int {
			a.genuine(a.customerCreated("evt_Case", strings.ToUpper(victim), "Eve"))
			return a.genuine(a.customerCreated("evt_CASE", strings.ToLower(victim), "Mallory"))
		},
		check: func(a *attacker) {
			got := []string{a.customer(strings.ToUpper(victim)).Status.Name, a.customer(strings.ToLower(victim)).Status.Name}
			if diff := cmp.Diff([]string{"Eve", "Mallory"}, got); diff != "" {
				a.t.Errorf("the customers' names (-want +got):\n%s", diff)
			}
		}},
	"of another mode": {code: 200, records: 1,
		post: func(a *attacker) int {
			e := a.harm()
			e.Livemode = false
			return a.genuine(e)
		},
		check: func(a *attacker) {
			if got := a.event(a.harm().ID).Status.Outcome; got != v1alpha1.OutcomeRecorded {
				a.t.Errorf("its outcome is %s", got)
			}
		}},
	"of another account": {code: 200, records: 1,
		post: func(a *attacker) int {
			e := a.harm()
			e.Account = "acct_Evil"
			return a.genuine(e)
		},
		check: func(a *attacker) {
			var own v1alpha1.Customer
			key := client.ObjectKey{Namespace: a.namespace, Name: naming.Object("acct_Evil", victim)}
			if err := cluster.Client.Get(a.t.Context(), key, &own); err != nil || own.Spec.Account != "acct_Evil" {
				a.t.Errorf("the account's own customer: %v", err)
			}
		}},
	"metadata that claims another tenant": {code: 200, records: 1,
		post: func(a *attacker) int {
			e := a.customerCreated("evt_Claim", "cus_Claim", "Eve")
			e.Object = e.Object.With("metadata", map[string]any{
				"tollkeeper_tenant": victim, "tollkeeper_namespace": "kube-system", "tollkeeper_customer": victim, "customer": victim,
				"account": "", "billing.tollkeeper.dev/customer-id": victim,
			})
			return a.genuine(e)
		},
		check: func(a *attacker) {
			c := a.customer("cus_Claim")
			want := map[string]v1alpha1.Value{"tenant": victim, "namespace": "kube-system", "customer": victim}
			if diff := cmp.Diff(want, c.Status.Metadata); diff != "" || c.Spec.CustomerID != "cus_Claim" || c.Labels[v1alpha1.LabelCustomerID] != "cus_Claim" {
				a.t.Errorf("customer %s, labels %v, metadata (-want +got):\n%s", c.Spec.CustomerID, c.Labels, diff)
			}
		}},
	"ids too long for labels": {code: 200, records: 1,
		post: func(a *attacker) int {
			return a.genuine(a.customerCreated("evt_"+strings.Repeat("l", 250), "cus_"+strings.Repeat("l", 250), "Ada"))
		},
		check: func(a *attacker) {
			if c := a.customer("cus_" + strings.Repeat("l", 250)); c.Status.Name != "Ada" || c.Labels[v1alpha1.LabelCustomerID] != "" {
				a.t.Errorf("the customer is called %q, its labels are %v", c.Status.Name, c.Labels)
			}
		}},
	"a flood of types for the metrics": {code: 200, records: 100,
		post: func(a *attacker) int {
			for i := range 100 {
				e := a.customerCreated(fmt.Sprintf("evt_Flood%d", i), fmt.Sprintf("cus_Flood%d", i), "Ada")
				e.Type = fmt.Sprintf("flood.%d", i)
				if code := a.genuine(e); code != 200 {
					return code
				}
				a.to(fmt.Sprintf("/flood/%d?%d", i, i))
			}
			return 200
		},
		check: func(a *attacker) {
			families, err := ctrlmetrics.Registry.Gather()
			if err != nil {
				a.t.Fatal(err)
			}
			var others float64
			for _, family := range families {
				if strings.Contains(strings.ToLower(family.String()), "flood") {
					a.t.Errorf("%s has series of what a sender made up", family.GetName())
				}
				for _, series := range family.GetMetric() {
					if labels := series.GetLabel(); family.GetName() == "tollkeeper_events_recorded_total" && labels[0].GetValue() == "other" {
						others = series.GetCounter().GetValue()
					}
				}
			}
			if others < 100 {
				a.t.Errorf("%.0f events are counted as of another type, want these 100 at least", others)
			}
		}},
	"a megabyte of line items": {code: 200, records: 1,
		post: func(a *attacker) int {
			line := map[string]any{"id": "il_1", "object": "line_item", "amount": 1, "description": strings.Repeat("x", 400)}
			invoice := Invoice(New, "in_Big", "cus_Big", "sub_Big", "paid", Amount, a.now, a.now.AddDate(0, 1, 0))
			lines := []any{}
			for range 2_150 {
				lines = append(lines, line)
			}
			invoice["lines"] = map[string]any{"object": "list", "data": lines}
			e := Event{ID: "evt_Big", Type: "invoice.paid", Created: a.now, Shape: New, Object: invoice, Livemode: true}
			if size := len(e.JSON()); size < 900<<10 || size > 1<<20 {
				a.t.Fatalf("the body has %d bytes", size)
			}
			return a.genuine(e)
		},
		check: func(a *attacker) {
			record, err := json.Marshal(a.event("evt_Big"))
			if err != nil || len(record) > 16<<10 {
				a.t.Errorf("the record takes %d bytes, %v", len(record), err)
			}
		}},
}

// Whatever is posted, it is answered as the contract says, nothing but itself is recorded of it, and the victim notices nothing.
func TestAttacks(t *testing.T) {
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := start(t, func(c *config.Config) { c.Livemode = new(true) })
			a := &attacker{o, time.Now().Truncate(time.Second)}
			o.send(Event{ID: "evt_Victim", Type: "customer.subscription.created", Created: a.now, Shape: New, Livemode: true,
				Object: Subscription(New, "sub_Victim", victim, "active", a.now, a.now.AddDate(0, 1, 0))})
			o.entitled(victim, "True SubscriptionActive")
			o.settled()
			before := o.victim()

			if code := attack.post(a); code != attack.code {
				t.Errorf("answered %d, want %d", code, attack.code)
			}
			o.settled()
			if got := len(o.events()) - 1; got != attack.records {
				t.Errorf("%d events are recorded, want %d", got, attack.records)
			}
			if attack.check != nil {
				attack.check(a)
			}
			if diff := cmp.Diff(before, o.victim()); diff != "" {
				t.Errorf("the victim (-before +after):\n%s", diff)
			}
		})
	}
}

// victim is all that the victim has, down to the version.
func (o *operator) victim() []any { return []any{o.customer(victim), o.subscription("sub_Victim")} }

// harm ends the victim's subscription, if it is believed.
func (a *attacker) harm() Event {
	return Event{ID: "evt_Harm", Type: "customer.subscription.deleted", Created: a.now.Add(time.Second), Shape: New, Livemode: true,
		Object: Subscription(New, "sub_Victim", victim, "canceled", a.now, a.now.AddDate(0, 1, 0))}
}

func (a *attacker) customerCreated(id, customer, name string) Event {
	return Event{ID: id, Type: "customer.created", Created: a.now, Shape: New, Object: Customer(customer, "ada@example.com", name), Livemode: true}
}

// genuine posts an event that is signed well.
func (a *attacker) genuine(e Event) int { return a.signed(e.JSON(), Sign(e.JSON(), a.now, secret)) }

func (a *attacker) signed(body []byte, signature string) int {
	a.t.Helper()
	header := []string{"Stripe-Signature", signature}
	if signature == "" {
		header = nil
	}
	return a.request(http.MethodPost, bytes.NewReader(body), header...)
}

// to gets another path.
func (a *attacker) to(path string) {
	a.t.Helper()
	target, err := url.Parse(a.endpoint.URL)
	if err != nil {
		a.t.Fatal(err)
	}
	response, err := http.Get(target.Scheme + "://" + target.Host + path)
	if err != nil {
		a.t.Fatal(err)
	}
	_ = response.Body.Close()
}

// request sends a body, chunked if its length cannot be told, and returns the status of the answer, which may come before all is sent.
func (a *attacker) request(method string, body io.Reader, header ...string) int {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, a.endpoint.URL, body)
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// dial opens a connection, for what an HTTP client would not send.
func (a *attacker) dial() net.Conn {
	a.t.Helper()
	target, err := url.Parse(a.endpoint.URL)
	if err != nil {
		a.t.Fatal(err)
	}
	connection, err := net.Dial("tcp", target.Host)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = connection.Close() })
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		a.t.Fatal(err)
	}
	return connection
}

// head is the header of a request, with a field that says how long its body is.
func (a *attacker) head(signature, length string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nStripe-Signature: %s\r\n%s\r\n\r\n", receiver.Path, signature, length)
}

func (a *attacker) write(connection net.Conn, text string) {
	a.t.Helper()
	if _, err := io.WriteString(connection, text); err != nil {
		a.t.Fatal(err)
	}
}

// answer is the status of the answer on the connection, which comes before any time for reading is over.
func (a *attacker) answer(connection net.Conn) int {
	a.t.Helper()
	if err := connection.SetReadDeadline(time.Now().Add(8 * time.Second)); err != nil {
		a.t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		a.t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// hungUp wants the connection ended by the other side within the time, whatever is answered before.
func (a *attacker) hungUp(connection net.Conn, within time.Duration) {
	a.t.Helper()
	if err := connection.SetReadDeadline(time.Now().Add(within)); err != nil {
		a.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, connection); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		a.t.Errorf("the connection goes on after %s: %v", within, err)
	}
}

// drip opens so many connections, and sends a drop on each now and then until it is ended or the test is over.
func (a *attacker) drip(connections int, start, drop string) []net.Conn {
	a.t.Helper()
	var slow []net.Conn
	for range connections {
		connection := a.dial()
		slow = append(slow, connection)
		_, _ = io.WriteString(connection, start) // fails if it is ended by now
	}
	var dripping sync.WaitGroup
	over := make(chan struct{})
	a.t.Cleanup(func() { close(over); dripping.Wait() })
	dripping.Go(func() {
		for beat := time.NewTicker(500 * time.Millisecond); ; {
			select {
			case <-over:
				beat.Stop()
				return
			case <-beat.C:
			}
			for _, connection := range slow {
				_, _ = io.WriteString(connection, drop)
			}
		}
	})
	return slow
}

// nested is a customer with objects in each other, so deep.
func nested(depth int) Object {
	customer := Customer("cus_Deep", "ada@example.com", "Ada")
	var inner any = "x"
	for range depth {
		inner = map[string]any{"a": inner}
	}
	customer["deep"] = inner
	return customer
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
