package integration

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// lifeCase is one life of a customer, made from a public report of what another project got wrong: testdata/lives holds one in each file.
// Its times are those of Now; they are shifted to the present.
type lifeCase struct {
	Source  string                     `json:"source"`
	Life    string                     `json:"life"`
	Now     int64                      `json:"now"`
	Flags   []string                   `json:"flags"`         // the manager's
	Deliver string                     `json:"deliver"`       // "batch": the controllers start when all events are recorded
	Events  []json.RawMessage          `json:"events"`        // in the order of delivery
	Stripe  map[string]json.RawMessage `json:"stripe"`        // what Stripe's API has, by id; "subscriptions" is a list, "product" one product
	Listed  map[string][]string        `json:"listed"`        // the subscriptions that a faulty API lists, by customer
	Rest    []json.RawMessage          `json:"rest_of_items"` // the items that the event leaves out
	Steps   string                     `json:"steps"`         // how the events are delivered, if not one after the other
	Want    lifeEnd                    `json:"want"`

	shift time.Duration // by which the times are shifted
}

// lifeEnd is how a life ends. What is absent is not checked.
type lifeEnd struct {
	Customer string `json:"customer"`
	Entitled string `json:"entitled"`
	Reason   string `json:"reason"`
	Plan     string `json:"plan"`
	Mails    *int   `json:"mails"`
	Address  string `json:"address"`

	PaidThrough   map[string]any `json:"paidThrough"`  // by subscription: a time, as RFC 3339 or in Unix seconds
	Entitlements  any            `json:"entitlements"` // values by key, or keys; as far as given
	Items         int            `json:"items"`        // of the only subscription
	BlockedBy     string         `json:"got"`          // what Stripe, and no bank, refused the last failed payment for
	PaymentMethod *struct {
		ExpYear  int32 `json:"expYear"`
		Expiring bool  `json:"expiring"`
	} `json:"paymentMethod"`
}

func TestLives(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/lives/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) { runLife(t, readLife(t, file)) })
	}
}

// readLife reads a life and shifts its times to the present.
func readLife(t *testing.T, file string) lifeCase {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var raw map[string]any
	if err := decoder.Decode(&raw); err != nil {
		t.Fatal(err)
	}
	now, err := raw["now"].(json.Number).Int64()
	if err != nil {
		t.Fatal(err)
	}
	seconds := time.Now().Unix() - now
	shifted, err := json.Marshal(shiftTimes(raw, seconds))
	if err != nil {
		t.Fatal(err)
	}
	l := lifeCase{shift: time.Duration(seconds) * time.Second}
	if err := json.Unmarshal(shifted, &l); err != nil {
		t.Fatal(err)
	}
	return l
}

// shiftTimes shifts every number that is a Unix time of the years 2010 to 2040.
func shiftTimes(value any, seconds int64) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = shiftTimes(v[key], seconds)
		}
	case []any:
		for i := range v {
			v[i] = shiftTimes(v[i], seconds)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil && n > 1_262_304_000 && n < 2_208_988_800 {
			return n + seconds
		}
	}
	return value
}

func runLife(t *testing.T, l lifeCase) {
	t.Helper()
	mails, withMailgun := mailgun(t)
	settings := []func(*config.Config){withMailgun, withFlags(t, l.Flags)}
	if l.Stripe != nil || l.Rest != nil {
		server := httptest.NewServer(http.HandlerFunc(l.serve))
		t.Cleanup(server.Close)
		settings = append(settings, func(c *config.Config) {
			c.Stripe.SecretKey, c.Stripe.APIBase, c.RefetchDelay = stripeKey, server.URL, 200*time.Millisecond
		})
	}
	var o *operator
	if l.Deliver == "batch" {
		o = start(t, append(settings, func(c *config.Config) { c.Components.Controllers = false })...)
		o.postRaw(l.Events...)
		o.stop()
		o = startIn(t, o.namespace, settings...)
	} else {
		o = start(t, settings...)
		o.deliverLife(l)
	}
	o.eventually(l.Life, func() string { return o.lifeProblem(l.Want, l.shift, mails) })
	o.settled()
	if problem := o.lifeProblem(l.Want, l.shift, mails); problem != "" {
		t.Errorf("when every event is settled: %s", problem)
	}
}

// withFlags sets the policy as the manager's flags do.
func withFlags(t *testing.T, flags []string) func(*config.Config) {
	t.Helper()
	var parsed config.Config
	set := flag.NewFlagSet("manager", flag.ContinueOnError)
	parsed.Flags(set)
	if err := set.Parse(flags); err != nil {
		t.Fatal(err)
	}
	return func(c *config.Config) { c.Policy = parsed.Policy }
}

// deliverLife posts the events. A life with steps has its customer resynced before the last event.
func (o *operator) deliverLife(l lifeCase) {
	o.t.Helper()
	if l.Steps == "" {
		o.postRaw(l.Events...)
		return
	}
	last := len(l.Events) - 1
	o.postRaw(l.Events[:last]...)
	o.settled()
	o.annotate(o.customer(l.Want.Customer), v1alpha1.AnnotationResync, "now")
	o.eventually("the resync is answered", func() string {
		if c := o.customer(l.Want.Customer).Status.LastComparison; c == nil || c.Request != "now" {
			return fmt.Sprintf("the last comparison is %+v", c)
		}
		return ""
	})
	o.postRaw(createdNow(o.t, l.Events[last])) // after the resync, however long that took
}

// createdNow is the event with the present as its time.
func createdNow(t *testing.T, event json.RawMessage) json.RawMessage {
	t.Helper()
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(event, &fields); err != nil {
		t.Fatal(err)
	}
	fields["created"] = json.RawMessage(strconv.FormatInt(time.Now().Unix(), 10))
	changed, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// postRaw sends events as Stripe does.
func (o *operator) postRaw(events ...json.RawMessage) {
	o.t.Helper()
	for _, body := range events {
		code, err := o.endpoint.PostSigned(o.t.Context(), body, stripetest.Sign(body, time.Now(), secret))
		if err != nil || code != http.StatusOK {
			o.t.Fatalf("post %.80s: answered %d, %v", body, code, err)
		}
	}
}

// lifeProblem returns what is not as it must be in the end.
func (o *operator) lifeProblem(want lifeEnd, shift time.Duration, mails *mailguntest.Server) string {
	o.t.Helper()
	status := o.customer(want.Customer).Status
	got := condition(status.Conditions, v1alpha1.ConditionEntitled)
	switch entitled, reason, _ := strings.Cut(got, " "); {
	case want.Entitled != "" && entitled != want.Entitled, want.Reason != "" && reason != want.Reason:
		return fmt.Sprintf("Entitled is %q, want %s %s", got, want.Entitled, want.Reason)
	case want.Plan != "" && status.Plan != want.Plan:
		return fmt.Sprintf("the plan is %q, want %q", status.Plan, want.Plan)
	}
	if problem := o.moneyProblem(want, shift); problem != "" || want.Mails == nil {
		return problem
	}
	sent := 0
	for _, m := range mails.Messages() {
		if to := m.Field("to"); to == want.Address || strings.Contains(to, "<"+want.Address+">") {
			sent++
		}
	}
	if sent != *want.Mails {
		return fmt.Sprintf("%d mails to %s, want %d", sent, want.Address, *want.Mails)
	}
	return ""
}

// moneyProblem returns what is wrong about what was paid for, and how.
func (o *operator) moneyProblem(want lifeEnd, shift time.Duration) string {
	o.t.Helper()
	status := o.customer(want.Customer).Status
	for id, at := range want.PaidThrough {
		got := o.subscription(id).Status.PaidThrough
		seconds, isUnix := at.(float64)
		wanted := time.Unix(int64(seconds), 0)
		if !isUnix {
			var err error
			if wanted, err = time.Parse(time.RFC3339, at.(string)); err != nil {
				o.t.Fatal(err)
			}
			wanted = wanted.Add(shift)
		}
		if got == nil || got.Unix() != wanted.Unix() {
			return fmt.Sprintf("%s is paid through %s, want %s", id, got, wanted)
		}
	}
	if !hasEntitlements(status.Entitlements, want.Entitlements) {
		return fmt.Sprintf("the entitlements are %v, want %v", status.Entitlements, want.Entitlements)
	}
	if want.Items > 0 {
		if got := o.subscription(status.Subscriptions[0].SubscriptionID).Status.Items; len(got) != want.Items {
			return fmt.Sprintf("%d items, want %d", len(got), want.Items)
		}
	}
	if f := status.LastFailure; want.BlockedBy != "" && (f == nil || f.DeclineCode != "" || f.BlockedBy != want.BlockedBy) {
		return fmt.Sprintf("the last failure is %+v, want it blocked by %s", f, want.BlockedBy)
	}
	if m := status.PaymentMethod; want.PaymentMethod != nil &&
		(m == nil || m.ExpYear != want.PaymentMethod.ExpYear || m.Expiring != want.PaymentMethod.Expiring) {
		return fmt.Sprintf("the payment method is %+v, want %+v", m, *want.PaymentMethod)
	}
	return ""
}

func hasEntitlements(got map[string]v1alpha1.Value, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		for key, value := range want {
			if string(got[key]) != value {
				return false
			}
		}
	case []any:
		for _, key := range want {
			if _, has := got[key.(string)]; !has {
				return false
			}
		}
	}
	return true
}

// serve answers as Stripe's API of the life does.
func (l lifeCase) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	resource, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	var subscriptions []map[string]any
	_ = json.Unmarshal(l.Stripe["subscriptions"], &subscriptions)
	object := l.Stripe[id]
	if resource == "products" {
		object = l.product(id)
	}
	if l.Rest != nil {
		l.serveItems(w, resource, id)
		return
	}
	var listed []any
	for _, s := range subscriptions {
		customer := r.URL.Query().Get("customer")
		isListed := customer == "" || s["customer"] == customer
		for _, other := range l.Listed[customer] {
			isListed = isListed || s["id"] == other
		}
		if isListed && resource == "subscriptions" {
			listed = append(listed, s)
		}
		if s["id"] == id {
			object, _ = json.Marshal(s)
		}
	}
	switch {
	case id == "" && resource == "customers":
		for id, o := range l.Stripe {
			if strings.HasPrefix(id, "cus_") {
				listed = append(listed, o)
			}
		}
		fallthrough
	case id == "":
		_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "has_more": false, "data": append([]any{}, listed...)})
	case object == nil:
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprintf(w, `{"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such object: '%s'"}}`, id)
	default:
		_, _ = w.Write(object)
	}
}

// product returns the only product that Stripe has, if this is its id.
func (l lifeCase) product(id string) json.RawMessage {
	var product struct {
		ID string `json:"id"`
	}
	if _ = json.Unmarshal(l.Stripe["product"], &product); product.ID != id {
		return nil
	}
	return l.Stripe["product"]
}

// serveItems answers about the only subscription of a life, which has more items than its event carries.
func (l lifeCase) serveItems(w http.ResponseWriter, resource, id string) {
	var event struct {
		Data struct {
			Object map[string]any `json:"object"`
		} `json:"data"`
	}
	_ = json.Unmarshal(l.Events[0], &event)
	subscription := event.Data.Object
	first, _ := subscription["items"].(map[string]any)["data"].([]any)
	for _, item := range l.Rest {
		first = append(first, item)
	}
	list := func(data ...any) map[string]any {
		return map[string]any{"object": "list", "has_more": false, "data": data}
	}
	answers := map[string]any{
		"subscriptions/": list(subscription), "subscription_items/": list(first...), "subscriptions/" + subscription["id"].(string): subscription,
		"customers/" + l.Want.Customer: map[string]any{"object": "customer", "id": l.Want.Customer, "livemode": false},
		"events/":                      list(),
	}
	answer, known := answers[resource+"/"+id]
	if !known {
		w.WriteHeader(http.StatusNotFound)
		answer = map[string]any{"error": map[string]any{"type": "invalid_request_error", "code": "resource_missing", "message": "No such object"}}
	}
	_ = json.NewEncoder(w).Encode(answer)
}
