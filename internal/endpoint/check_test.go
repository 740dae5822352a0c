package endpoint

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"
	runtimemetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the cases
)

const path = "/webhooks/stripe"

// sends is an endpoint at the address that sends the events.
func sends(events ...string) Object {
	return Object{"id": "we_ours", "url": address, "status": "enabled", "api_version": "2025-03-31.basil", "enabled_events": events}
}

// What the check finds, in /readyz?verbose, in the metrics, and in the log.
func TestCheck(t *testing.T) {
	without := func(lacking ...string) []string {
		return slices.DeleteFunc(events.ToSend(), func(name string) bool { return slices.Contains(lacking, name) })
	}
	var thin []string
	for _, name := range events.ToSend() {
		thin = append(thin, "v1."+name)
	}
	all, second := sends(events.ToSend()...), "https://second.example.com/webhooks/stripe"
	thinAt := func(url string, events []string) Object {
		return Object{"id": "ed_1", "event_payload": "thin", "enabled_events": events, "status": "enabled", "webhook_endpoint": Object{"url": url}}
	}
	for name, tc := range map[string]struct {
		url          string
		endpoints    []Object
		destinations []Object
		state        string
		problems     map[string]float64
		log          string
	}{
		"every event":                 {"", []Object{all}, nil, "SendsAll", nil, "sends every event"},
		"all events":                  {"", []Object{sends("*")}, nil, "SendsAll", nil, ""},
		"two events are missing":      {"", []Object{sends(without("invoice.paid", "charge.refunded")...)}, nil, "LacksEvents", map[string]float64{"missing_events": 2}, "we_ours does not send 2 of the event types that are handled: charge.refunded, invoice.paid"},
		"two endpoints of one URL":    {"", []Object{sends(without("invoice.paid")...), sends("invoice.paid").With("id", "we_2")}, nil, "SendsAll", nil, ""},
		"two of two URLs":             {"", []Object{all, sends(without("invoice.paid")...).With("url", second)}, nil, "LacksEvents", map[string]float64{"missing_events": 1}, ""},
		"one of them is ours":         {address, []Object{all, sends(without("invoice.paid")...).With("url", second)}, nil, "SendsAll", nil, ""},
		"disabled":                    {"", []Object{all.With("status", "disabled")}, nil, "Disabled", map[string]float64{"disabled": 1}, "we_ours is disabled"},
		"an old one is disabled":      {"", []Object{all.With("status", "disabled"), all.With("id", "we_2")}, nil, "SendsAll", nil, ""},
		"none":                        {"", []Object{all.With("url", "https://shop.example.com/hook")}, nil, "NotFound", map[string]float64{"not_found": 1}, "no endpoint of the account has a URL that ends in /webhooks/stripe"},
		"none with our URL":           {second, []Object{all}, nil, "NotFound", map[string]float64{"not_found": 1}, second},
		"a version of the future":     {"", []Object{all.With("api_version", "2027-01-01.future")}, nil, "UnsupportedAPIVersion", map[string]float64{"api_version": 1}, "2027-01-01.future"},
		"a version of long ago":       {"", []Object{all.With("api_version", "2014-01-31")}, nil, "UnsupportedAPIVersion", map[string]float64{"api_version": 1}, ""},
		"the account's own version":   {"", []Object{all.With("api_version", nil)}, nil, "SendsAll", nil, ""},
		"thin events":                 {"", nil, []Object{thinAt(address, thin)}, "SendsAll", nil, ""},
		"thin events, one is missing": {"", nil, []Object{thinAt(address, thin[1:])}, "LacksEvents", map[string]float64{"missing_events": 1}, events.ToSend()[0]},
		"thin events to elsewhere":    {"", nil, []Object{thinAt("https://shop.example.com/hook", thin)}, "NotFound", map[string]float64{"not_found": 1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			api, base := account(t)
			for _, o := range tc.endpoints {
				api.AddEndpoint(o)
			}
			for _, o := range tc.destinations {
				api.AddDestination(o)
			}
			c, log := checker(base)
			c.URL = tc.url
			for range 2 {
				if err := c.check(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			want := map[string]float64{"missing_events": 0, "disabled": 0, "api_version": 0, "not_found": 0}
			maps.Copy(want, tc.problems)
			if diff := cmp.Diff(want, counted(t)); diff != "" || c.State() != tc.state || checked(t) != 1 {
				t.Errorf("state %s, want %s; checked %g; problems (-want +got):\n%s", c.State(), tc.state, checked(t), diff)
			}
			if len(*log) != 1 || !strings.Contains((*log)[0], tc.log) {
				t.Errorf("two checks log %q, want one line with %q", *log, tc.log)
			}
		})
	}
}

func checker(base string) (c *Checker, log *[]string) {
	log = &[]string{}
	logger := funcr.New(func(_, line string) { *log = append(*log, line) }, funcr.Options{})
	return &Checker{Source: stripeapi.New(testKey, base, ""), Path: path, Clock: testingclock.NewFakeClock(time.Now()), Log: logger}, log
}

// gauges are the values of a gauge, by the value of its only label; by "" if it has none.
func gauges(t *testing.T, name string) map[string]float64 {
	t.Helper()
	families, err := runtimemetrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			label := ""
			for _, pair := range metric.GetLabel() {
				label = pair.GetValue()
			}
			if family.GetName() == name {
				values[label] = metric.GetGauge().GetValue()
			}
		}
	}
	return values
}

func checked(t *testing.T) float64 { return gauges(t, "tollkeeper_webhook_endpoint_checked")[""] }

func counted(t *testing.T) map[string]float64 {
	return gauges(t, "tollkeeper_webhook_endpoint_problems")
}

// A key without the permission is no fault: the log says once that nothing is checked. What cannot be read for another reason
// is checked again soon, and what was found before stays in the metrics.
func TestNotChecked(t *testing.T) {
	for name, tc := range map[string]struct {
		fault  Fault
		again  bool
		reason string
	}{
		"no permission":  {NotPermitted, false, "Webhook Endpoints: Read"},
		"an expired key": {KeyExpired, true, "Stripe refuses the API key"},
		"an error":       {ServerError, true, "Stripe could not be read"},
		"half an answer": {Truncated, true, "Stripe could not be read"},
	} {
		t.Run(name, func(t *testing.T) {
			api, base := account(t)
			api.AddEndpoint(sends(events.ToSend()[1:]...))
			c, log := checker(base)
			if err := c.check(t.Context()); err != nil {
				t.Fatal(err)
			}
			api.Fail(2, tc.fault, func(*http.Request) bool { return true })
			for range 2 {
				if err := c.check(t.Context()); (err != nil) != tc.again {
					t.Errorf("error %v, want one: %t", err, tc.again)
				}
			}
			if c.State() != "NotChecked" || checked(t) != 0 || counted(t)["missing_events"] != 1 {
				t.Errorf("state %s, checked %g, problems %v", c.State(), checked(t), counted(t))
			}
			if len(*log) != 2 || !strings.Contains((*log)[1], tc.reason) {
				t.Errorf("the log is %q, want two lines, the second with %q", *log, tc.reason)
			}
		})
	}
}

// Errors of Stripe's say what to do where there is something to do.
func TestExplain(t *testing.T) {
	plain := errors.New("plain")
	if got := explain(plain, nil); !errors.Is(got, plain) || got.Error() != "plain" {
		t.Errorf("got %v", got)
	}
	unknown := fmt.Errorf("create: %w", &stripeapi.InvalidError{Param: "enabled_events[7]"})
	if got := explain(unknown, []string{"a"}); got.Error() != unknown.Error() {
		t.Errorf("an index out of range: %v", got)
	}
}
