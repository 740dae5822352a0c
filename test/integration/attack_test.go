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
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// attacker posts to an operator that also serves a customer, the victim.
type attacker struct {
	*operator
	now time.Time
}

// victim is entitled before, during and after each attack.
const victim = "cus_Victim"

// attack is what an attacker posts, the expected answer, and the number of events that are recorded.
type attack struct {
	post    func(a *attacker) int
	code    int
	records int
	// check checks the result once every event has an outcome. It may be nil.
	check func(a *attacker)
}

var attacks = map[string]attack{
	// The signature.
	"forged": {code: 400, post: func(a *attacker) int {
		return a.postBody(a.cancelVictim().JSON(), Sign(a.cancelVictim().JSON(), a.now, "whsec_guessed"))
	}},
	"absent": {code: 400, post: func(a *attacker) int { return a.postBody(a.cancelVictim().JSON(), "") }},
	"expired": {code: 400, post: func(a *attacker) int {
		return a.postBody(a.cancelVictim().JSON(), Sign(a.cancelVictim().JSON(), a.now.Add(-6*time.Minute), secret))
	}},
	"from the future": {code: 400, post: func(a *attacker) int {
		return a.postBody(a.cancelVictim().JSON(), Sign(a.cancelVictim().JSON(), a.now.Add(6*time.Minute), secret))
	}},
	"many v1, all wrong": {code: 400, post: func(a *attacker) int {
		return a.postBody(a.cancelVictim().JSON(), fmt.Sprintf("t=%d%s", a.now.Unix(), strings.Repeat(",v1="+strings.Repeat("0", 64), 100)))
	}},
	"two timestamps": {code: 400, post: func(a *attacker) int {
		return a.postBody(a.cancelVictim().JSON(), fmt.Sprintf("t=%d,", a.now.Unix())+Sign(a.cancelVictim().JSON(), a.now, secret))
	}},
	"signed with the empty secret": {code: 400, post: func(a *attacker) int {
		return a.postBody(a.cancelVictim().JSON(), Sign(a.cancelVictim().JSON(), a.now, ""))
	}},
	"the signature of another body": {code: 400, post: func(a *attacker) int {
		return a.postBody(a.cancelVictim().JSON(), Sign([]byte("{}"), a.now, secret))
	}},
	"another scheme": {code: 400, post: func(a *attacker) int {
		return a.postBody(a.cancelVictim().JSON(), strings.Replace(Sign(a.cancelVictim().JSON(), a.now, secret), "v1=", "v0=", 1))
	}},
	"replayed": {code: 200, records: 1, post: func(a *attacker) int {
		e := a.customerCreated("evt_Replay", "cus_Replay", "Ada")
		signature := Sign(e.JSON(), a.now, secret)
		for range 5 {
			if code := a.postBody(e.JSON(), signature); code != 200 {
				return code
			}
		}
		return a.postBody(e.JSON(), signature)
	}},

	// The request.
	"a chunked body without end": {code: 413, post: func(a *attacker) int {
		connection := a.dial()
		a.write(connection, a.requestHeader(Sign(nil, a.now, secret), "Transfer-Encoding: chunked")+"40000000\r\n"+strings.Repeat(" ", 1<<20+1))
		code := a.readStatus(connection) // the receiver answers before the body ends
		go func() { _, _ = io.Copy(connection, zeros{}) }()
		a.expectClosed(connection, 5*time.Second)
		return code
	}},
	"a body over the limit": {code: 413, post: func(a *attacker) int {
		body := strings.Repeat(" ", 1<<20+1)
		connection := a.dial()
		a.write(connection, a.requestHeader(Sign([]byte(body), a.now, secret), fmt.Sprintf("Content-Length: %d", len(body))))
		code := a.readStatus(connection) // the answer comes before the body is sent
		a.expectClosed(connection, patience)
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
		slow := a.trickle(500, "POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nX-A:", "a")
		code := a.postSigned(a.customerCreated("evt_Beside", "cus_Beside", "Ada"))
		a.expectClosed(slow[len(slow)-1], 8*time.Second) // the limit for a header is 5 s
		return code
	}},
	"bodies that trickle": {code: 200, records: 1, post: func(a *attacker) int {
		slow := a.trickle(300, a.requestHeader(Sign(nil, a.now, secret), "Content-Length: 1048576"), " ")
		code := a.postSigned(a.customerCreated("evt_Beside", "cus_Beside", "Ada"))
		a.expectClosed(slow[0], patience)                 // the oldest slow request makes room for newer ones
		a.expectClosed(slow[len(slow)-1], 13*time.Second) // the limit for a request is 10 s
		return code
	}},

	// Validly signed events. The customers, in the forms of Stripe, and the connected accounts choose some of their
	// values.
	"JSON that is too deep to decode": {code: 400, post: func(a *attacker) int {
		return a.postSigned(Event{ID: "evt_Deep", Type: "customer.created", Created: a.now, Object: nestedObject(12_000)})
	}},
	"deep JSON": {code: 200, records: 1, post: func(a *attacker) int {
		return a.postSigned(Event{ID: "evt_Deep", Type: "customer.created", Created: a.now, Livemode: true, Object: nestedObject(5_000)})
	}},
	"not JSON":         {code: 400, post: func(a *attacker) int { return a.postBody([]byte("\x00"), Sign([]byte("\x00"), a.now, secret)) }},
	"a list of events": {code: 400, post: func(a *attacker) int { return a.postBody([]byte("[]"), Sign([]byte("[]"), a.now, secret)) }},
	"NUL, bidi and over-long fields": {code: 200, records: 1,
		post: func(a *attacker) int {
			return a.postSigned(a.customerCreated("evt_Odd", "cus_Odd", "Ada\x00\u202e"+strings.Repeat("x", 100_000)))
		},
		check: func(a *attacker) {
			name := a.customer("cus_Odd").Status.Name
			if len(name) > 256 || !strings.HasPrefix(name, "Adax") || strings.ContainsFunc(name, unicode.IsControl) {
				a.t.Errorf("the name kept is %q", name)
			}
		}},
	"an over-long event id": {code: 400, post: func(a *attacker) int {
		return a.postSigned(a.customerCreated("evt_"+strings.Repeat("x", 300), "cus_A", "Ada"))
	}},
	"an event id with NUL": {code: 400, post: func(a *attacker) int { return a.postSigned(a.customerCreated("evt_\x00", "cus_A", "Ada")) }},
	"ids that are paths": {code: 200, records: 1,
		post: func(a *attacker) int {
			return a.postSigned(a.customerCreated("../../../kube-system/secrets/x", "../../../kube-system/secrets/y", "Ada"))
		},
		check: func(a *attacker) {
			if a.event("../../../kube-system/secrets/x").Status.Outcome != v1alpha1.OutcomeApplied {
				a.t.Error("the event is not applied")
			}
			if got := a.customer("../../../kube-system/secrets/y").Status.Name; got != "Ada" {
				a.t.Errorf("the customer's name is %q", got)
			}
			var secrets corev1.SecretList
			if err := cluster.Client.List(a.t.Context(), &secrets, client.InNamespace("kube-system")); err != nil || len(secrets.Items) > 0 {
				a.t.Errorf("%d Secrets in kube-system, %v", len(secrets.Items), err)
			}
		}},
	"ids that differ in case only": {code: 200, records: 2,
		post: func(a *attacker) int {
			a.postSigned(a.customerCreated("evt_Case", strings.ToUpper(victim), "Eve"))
			return a.postSigned(a.customerCreated("evt_CASE", strings.ToLower(victim), "Mallory"))
		},
		check: func(a *attacker) {
			got := []string{a.customer(strings.ToUpper(victim)).Status.Name, a.customer(strings.ToLower(victim)).Status.Name}
			if diff := cmp.Diff([]string{"Eve", "Mallory"}, got); diff != "" {
				a.t.Errorf("the customers' names (-want +got):\n%s", diff)
			}
		}},
	"an event of another mode": {code: 200, records: 1,
		post: func(a *attacker) int {
			e := a.cancelVictim()
			e.Livemode = false
			return a.postSigned(e)
		},
		check: func(a *attacker) {
			if got := a.event(a.cancelVictim().ID).Status.Outcome; got != v1alpha1.OutcomeRecorded {
				a.t.Errorf("its outcome is %s", got)
			}
		}},
	"an event of another account": {code: 200, records: 1,
		post: func(a *attacker) int {
			e := a.cancelVictim()
			e.Account = "acct_Evil"
			return a.postSigned(e)
		},
		check: func(a *attacker) {
			var own v1alpha1.Customer
			key := client.ObjectKey{Namespace: a.namespace, Name: naming.Object("acct_Evil", victim)}
			if err := cluster.Client.Get(a.t.Context(), key, &own); !apierrors.IsNotFound(err) {
				a.t.Errorf("a customer of the account, which is not let in: %v", err)
			}
		}},
	"metadata that claims another tenant": {code: 200, records: 1,
		post: func(a *attacker) int {
			e := a.customerCreated("evt_Claim", "cus_Claim", "Eve")
			e.Object = e.Object.With("metadata", map[string]any{
				"tollkeeper_tenant": victim, "tollkeeper_namespace": "kube-system", "tollkeeper_customer": victim, "customer": victim,
				"account": "", "billing.tollkeeper.dev/customer-id": victim,
			})
			return a.postSigned(e)
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
			return a.postSigned(a.customerCreated("evt_"+strings.Repeat("l", 250), "cus_"+strings.Repeat("l", 250), "Ada"))
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
				if code := a.postSigned(e); code != 200 {
					return code
				}
				a.visit(fmt.Sprintf("/flood/%d?%d", i, i))
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
					a.t.Errorf("%s has a series for a value that the sender chose", family.GetName())
				}
				for _, series := range family.GetMetric() {
					if labels := series.GetLabel(); family.GetName() == "tollkeeper_events_recorded_total" && labels[0].GetValue() == "other" {
						others = series.GetCounter().GetValue()
					}
				}
			}
			if others < 100 {
				a.t.Errorf("%.0f events are counted with the type \"other\", want at least these 100", others)
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
			return a.postSigned(e)
		},
		check: func(a *attacker) {
			record, err := json.Marshal(a.event("evt_Big"))
			if err != nil || len(record) > 16<<10 {
				a.t.Errorf("the record takes %d bytes, %v", len(record), err)
			}
		}},
}

// Each attack gets the answer of the contract, records at most its own events, and changes nothing of the victim.
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

// victim returns the victim's objects with their resourceVersions.
func (o *operator) victim() []any { return []any{o.customer(victim), o.subscription("sub_Victim")} }

// cancelVictim returns an event that would end the victim's subscription.
func (a *attacker) cancelVictim() Event {
	return Event{ID: "evt_Harm", Type: "customer.subscription.deleted", Created: a.now.Add(time.Second), Shape: New, Livemode: true,
		Object: Subscription(New, "sub_Victim", victim, "canceled", a.now, a.now.AddDate(0, 1, 0))}
}

func (a *attacker) customerCreated(id, customer, name string) Event {
	return Event{ID: id, Type: "customer.created", Created: a.now, Shape: New, Object: Customer(customer, "ada@example.com", name), Livemode: true}
}

// postSigned posts an event with a valid signature.
func (a *attacker) postSigned(e Event) int {
	return a.postBody(e.JSON(), Sign(e.JSON(), a.now, secret))
}

// postBody posts a body with the signature header; without one if it is empty.
func (a *attacker) postBody(body []byte, signature string) int {
	a.t.Helper()
	header := []string{"Stripe-Signature", signature}
	if signature == "" {
		header = nil
	}
	return a.request(http.MethodPost, bytes.NewReader(body), header...)
}

// visit sends a GET request to another path.
func (a *attacker) visit(path string) {
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

// request sends a body, chunked if its length is unknown, and returns the status of the answer, which may arrive before
// the body is sent.
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

// dial opens a connection, to send what an HTTP client would not send.
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

// requestHeader returns the header of a request. length is the field for the length of the body.
func (a *attacker) requestHeader(signature, length string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nStripe-Signature: %s\r\n%s\r\n\r\n", receiver.Path, signature, length)
}

func (a *attacker) write(connection net.Conn, text string) {
	a.t.Helper()
	if _, err := io.WriteString(connection, text); err != nil {
		a.t.Fatal(err)
	}
}

// readStatus returns the status of the answer on the connection, which must arrive before a read timeout of the
// receiver.
func (a *attacker) readStatus(connection net.Conn) int {
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

// expectClosed expects the receiver to close the connection within the time, with or without an answer.
func (a *attacker) expectClosed(connection net.Conn, within time.Duration) {
	a.t.Helper()
	if err := connection.SetReadDeadline(time.Now().Add(within)); err != nil {
		a.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, connection); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		a.t.Errorf("the connection is still open after %s: %v", within, err)
	}
}

// trickle opens connections, sends start on each, and then piece on each every half second until the test ends.
func (a *attacker) trickle(connections int, start, piece string) []net.Conn {
	a.t.Helper()
	var slow []net.Conn
	for range connections {
		connection := a.dial()
		slow = append(slow, connection)
		_, _ = io.WriteString(connection, start) // fails if it is already closed
	}
	var sending sync.WaitGroup
	over := make(chan struct{})
	a.t.Cleanup(func() { close(over); sending.Wait() })
	sending.Go(func() {
		for beat := time.NewTicker(500 * time.Millisecond); ; {
			select {
			case <-over:
				beat.Stop()
				return
			case <-beat.C:
			}
			for _, connection := range slow {
				_, _ = io.WriteString(connection, piece)
			}
		}
	})
	return slow
}

// nestedObject returns a customer with objects nested to the depth.
func nestedObject(depth int) Object {
	customer := Customer("cus_Deep", "ada@example.com", "Ada")
	var inner any = "x"
	for range depth {
		inner = map[string]any{"a": inner}
	}
	customer["deep"] = inner
	return customer
}

// zeros is an endless stream of zeros.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
