package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// newReceiver starts a server that records the ids of the events that it accepts. It answers the n-th request with the n-th code, then with
// 200.
func newReceiver(t *testing.T, codes ...int) (endpoint string, accepted func() []string) {
	t.Helper()
	var mutex sync.Mutex
	var ids []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get("Stripe-Signature") == "" {
			t.Errorf("a request without body or signature: %v", err)
		}
		mutex.Lock()
		defer mutex.Unlock()
		if len(codes) > 0 {
			code := codes[0]
			codes = codes[1:]
			if code != http.StatusOK {
				w.WriteHeader(code)
				return
			}
		}
		var e struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(body, &e); err != nil {
			t.Error(err)
		}
		ids = append(ids, e.ID)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() []string { mutex.Lock(); defer mutex.Unlock(); return slices.Clone(ids) }
}

func eventIDs(ids ...string) (events []stripetest.Event) {
	for _, id := range ids {
		events = append(events, stripetest.Event{ID: id, Type: "customer.created", Object: stripetest.Customer("cus_1", "a@example.com", "A")})
	}
	return events
}

// Each event is posted once it is accepted, in the customer's order, also after a 503.
func TestSender(t *testing.T) {
	for name, codes := range map[string][]int{"accepted": nil, "the first one is refused": {http.StatusServiceUnavailable}} {
		t.Run(name, func(t *testing.T) {
			endpoint, accepted := newReceiver(t, codes...)
			s := newSender(endpoint, 1)
			s.add(0, time.Now(), eventIDs("evt_1", "evt_2", "evt_3"), atOnce)
			if err := s.run(t.Context(), 4); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"evt_1", "evt_2", "evt_3"}, accepted()); diff != "" {
				t.Errorf("accepted (-want +got):\n%s", diff)
			}
			if len(s.took) != 3 || s.refused != len(codes) || s.lastAcked[0].IsZero() || s.end != s.lastAcked[0] {
				t.Errorf("took %d times, %d refused, last accepted at %s, end %s", len(s.took), s.refused, s.lastAcked[0], s.end)
			}
		})
	}
}

// The events of several customers are in flight together, and the next one of a customer waits for its gap.
func TestSenderKeepsTheGap(t *testing.T) {
	endpoint, accepted := newReceiver(t)
	s := newSender(endpoint, 2)
	const gap = 50 * time.Millisecond
	begin := time.Now()
	s.add(0, begin, eventIDs("evt_a1", "evt_a2"), func() time.Duration { return gap })
	s.add(1, begin, eventIDs("evt_b1"), atOnce)
	if err := s.run(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	ids := accepted()
	if len(ids) != 3 || ids[2] != "evt_a2" {
		t.Errorf("accepted %v, want evt_a2 last", ids)
	}
	if took := s.end.Sub(begin); took < gap {
		t.Errorf("the second event came after %s, want at least %s", took, gap)
	}
}

// Any other answer ends the load.
func TestSenderFails(t *testing.T) {
	endpoint, _ := newReceiver(t, http.StatusBadRequest)
	s := newSender(endpoint, 1)
	s.add(0, time.Now(), eventIDs("evt_1"), atOnce)
	if err := s.run(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("run: %v, want an error that names 400", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	s = newSender(endpoint, 1)
	s.add(0, time.Now().Add(time.Hour), eventIDs("evt_1"), atOnce)
	if err := s.run(canceled, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("run: %v, want %v", err, context.Canceled)
	}
}

// A copy has the other customer's name in every id, and the object names that follow from them.
func TestCopies(t *testing.T) {
	object := func(kind string, spec map[string]any) unstructured.Unstructured {
		return unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "billing.tollkeeper.dev/v1alpha1", "kind": kind, "spec": spec,
			"metadata": map[string]any{"name": "old", "namespace": "old", "uid": "old", "resourceVersion": "7", "ownerReferences": []any{
				map[string]any{"kind": "Customer", "name": "old", "uid": "old"},
			}},
			"status": map[string]any{"lastEvent": "evt_" + exemplarName},
		}}
	}
	e := &exemplar{
		customer:     object("Customer", map[string]any{"customerID": "cus_" + exemplarName}),
		subscription: object("Subscription", map[string]any{"subscriptionID": "sub_" + exemplarName, "customerRef": map[string]any{"name": "old"}}),
		events:       []unstructured.Unstructured{object("BillingEvent", map[string]any{"eventID": "evt_" + exemplarName})},
	}
	objects, err := e.customers("ns", []string{"A1", "B2"})
	if err != nil {
		t.Fatal(err)
	}
	settled, err := e.settledEvents("ns", "S", 3)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range slices.Concat(objects, settled) {
		keys = append(keys, string(o.key))
		if bytes.Contains(o.value, []byte(exemplarName)) || bytes.Contains(o.value, []byte(`"resourceVersion"`)) {
			t.Errorf("the copy has the exemplar's name or version: %s", o.value)
		}
	}
	const root = "/registry/billing.tollkeeper.dev/"
	var want []string
	for _, id := range []string{"A1", "B2"} {
		want = append(want, root+"customers/ns/"+naming.Object("", "cus_"+id), root+"subscriptions/ns/"+naming.Object("", "sub_"+id))
	}
	for _, id := range []string{"S00000000", "S00000001", "S00000002"} {
		want = append(want, root+"billingevents/ns/"+naming.Object("", "evt_"+id))
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	var customer, subscription unstructured.Unstructured
	if err := errors.Join(json.Unmarshal(objects[0].value, &customer.Object), json.Unmarshal(objects[1].value, &subscription.Object)); err != nil {
		t.Fatal(err)
	}
	owner := subscription.GetOwnerReferences()[0]
	reference, _, _ := unstructured.NestedString(subscription.Object, "spec", "customerRef", "name")
	if owner.UID != customer.GetUID() || owner.Name != customer.GetName() || reference != customer.GetName() {
		t.Errorf("the subscription belongs to %s %s and names %s, want %s %s", owner.Name, owner.UID, reference, customer.GetName(), customer.GetUID())
	}
}

func TestRequests(t *testing.T) {
	before := requests{"POST billingevents": 10, "PUT customers/status": 1}
	now := requests{"POST billingevents": 30, "PUT customers/status": 1, "PUT billingevents/status": 20, "GET customers": 5, "POST emails": 2}
	made := now.since(before)
	want := requests{"POST billingevents": 20, "PUT billingevents/status": 20, "GET customers": 5, "POST emails": 2}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("since (-want +got):\n%s", diff)
	}
	if made.writes() != 40 {
		t.Errorf("writes: %v, want 40: of events, customers and subscriptions only", made.writes())
	}
}

func TestQuantile(t *testing.T) {
	times := []time.Duration{5, 1, 4, 2, 3}
	for share, want := range map[float64]time.Duration{0: 1, 0.5: 3, 0.99: 5, 1: 5} {
		if got := quantile(times, share); got != want {
			t.Errorf("quantile %g: %d, want %d", share, got, want)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Errorf("quantile of nothing: %d, want 0", got)
	}
}

// The table and the plot have the median of the rounds, with the least and the most.
func TestResults(t *testing.T) {
	r := &results{}
	for _, value := range []float64{0.3, 0.1, 0.2} {
		r.add("0 settled events", figures{"singles: shown ÷ raw": value})
	}
	var table bytes.Buffer
	r.printTable(&table)
	if got := strings.Fields(strings.Split(table.String(), "\n")[1]); !cmp.Equal(got[len(got)-3:], []string{"0.2", "0.1", "0.3"}) {
		t.Errorf("the table says %q", got)
	}
	path := filepath.Join(t.TempDir(), "results.svg")
	if err := r.writePlot(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(text, new(struct{ XMLName xml.Name })); err != nil || !strings.Contains(string(text), "singles, 0 settled events") {
		t.Errorf("the plot is no XML, or lacks the load (%v):\n%s", err, text)
	}
}
