package endpoint

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/events"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the cases
)

const (
	testKey = "sk_test_SecretOfTheTest"
	address = "https://billing.example.com/webhooks/stripe"
)

// account starts a stand-in for Stripe's API.
func account(t *testing.T) (api *API, base string) {
	t.Helper()
	api = NewAPI(testKey, NewWorld(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), New, 1))
	server := api.Start()
	t.Cleanup(server.Close)
	return api, server.URL
}

// run runs the command with the key.
func run(t *testing.T, base string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return runWith(t, map[string]string{"STRIPE_SECRET_KEY": testKey, "STRIPE_API_BASE": base}, args...)
}

func runWith(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = Command(t.Context(), args, func(name string) string { return env[name] }, &out, &err)
	if strings.Contains(out.String()+err.String(), testKey) {
		t.Errorf("the output holds the key:\n%s%s", out.String(), err.String())
	}
	return code, out.String(), err.String()
}

// writes are the requests that changed something.
func writes(api *API) (paths []string) {
	for _, r := range api.Requests("/v1/webhook_endpoints") {
		if r.Method != http.MethodGet {
			paths = append(paths, r.Path)
		}
	}
	return paths
}

func other() Object {
	return Object{"id": "we_other", "url": "https://other.example.com/webhooks/stripe", "status": "enabled", "enabled_events": []string{"payout.paid"}}
}

// The endpoint is created with every event that is handled. Its secret is all that standard output gets. After that there is
// nothing to do, and the account's other endpoint stays as it was.
func TestCreate(t *testing.T) {
	api, base := account(t)
	api.AddEndpoint(other())
	code, stdout, _ := run(t, base, "--url", address)
	if code != ExitDiffers || len(writes(api)) > 0 || !strings.Contains(stdout, "\n+ event: invoice.paid\n") {
		t.Errorf("the dry run: exit %d, writes %v, output\n%s", code, writes(api), stdout)
	}
	code, stdout, stderr := run(t, base, "--url", address, "--apply")
	if code != ExitDone || stdout != "whsec_created2\n" || strings.Contains(stderr, "whsec_") {
		t.Errorf("--apply: exit %d, standard output %q, standard error\n%s", code, stdout, stderr)
	}
	want := []Object{other().With("object", "webhook_endpoint"), {
		"id": "we_002", "object": "webhook_endpoint", "url": address, "status": "enabled", "api_version": newestVersion, "application": nil,
		"description": "Tollkeeper", "enabled_events": events.ToSend(), "metadata": Object{"managed_by": "tollkeeper"},
	}}
	if diff := cmp.Diff(want, api.Endpoints()); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
	if code, stdout, _ = run(t, base, "--url", address); code != ExitDone || !strings.Contains(stdout, "as it should be") {
		t.Errorf("afterwards: exit %d, output\n%s", code, stdout)
	}
	if code, stdout, _ = run(t, base, "--url", "https://BILLING.example.com:443/webhooks/stripe", "--apply"); code != ExitDone || stdout != "" || len(writes(api)) != 1 {
		t.Errorf("the same URL in another form: exit %d, output %q, writes %v", code, stdout, writes(api))
	}
}

// An endpoint that lacks an event, sends another, and is disabled is changed in place: its description and metadata stay. Its
// API version cannot be changed, which the output says.
func TestUpdate(t *testing.T) {
	api, base := account(t)
	lacking := slices.DeleteFunc(events.ToSend(), func(name string) bool { return name == "invoice.paid" })
	api.AddEndpoint(Object{
		"id": "we_ours", "url": address, "status": "disabled", "api_version": "2023-10-16", "application": nil, "description": "By hand",
		"enabled_events": append(slices.Clone(lacking), "payout.paid"), "metadata": Object{"team": "billing"},
	})
	code, stdout, _ := run(t, base, "--url", address)
	wantLines := []string{
		"- status: disabled", "+ status: enabled", "+ metadata: managed_by=tollkeeper", "- event: payout.paid", "+ event: invoice.paid",
	}
	if code != ExitDiffers || !strings.Contains(stdout, strings.Join(wantLines, "\n")+"\nNote: api_version is 2023-10-16, not "+newestVersion) {
		t.Errorf("the dry run: exit %d, output\n%s", code, stdout)
	}
	code, stdout, stderr := run(t, base, "--url", address, "--apply")
	if code != ExitDone || stdout != "" || !strings.Contains(stderr, "Done: the webhook endpoint is we_ours.") {
		t.Errorf("--apply: exit %d, standard output %q, standard error\n%s", code, stdout, stderr)
	}
	want := []Object{{
		"id": "we_ours", "object": "webhook_endpoint", "url": address, "status": "enabled", "api_version": "2023-10-16", "application": nil,
		"description": "By hand", "enabled_events": events.ToSend(), "metadata": Object{"team": "billing", "managed_by": "tollkeeper"},
	}}
	if diff := cmp.Diff(want, api.Endpoints()); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
}

// The platform's own events and those of connected accounts have an endpoint each, which may have the same URL.
func TestConnectIsAnotherEndpoint(t *testing.T) {
	api, base := account(t)
	for _, args := range [][]string{nil, {"--connect"}, nil, {"--connect"}} {
		if code, _, stderr := run(t, base, append(args, "--url", address, "--apply")...); code != ExitDone {
			t.Fatalf("%v: exit %d, %s", args, code, stderr)
		}
	}
	var applications []any
	for _, e := range api.Endpoints() {
		applications = append(applications, e["application"])
	}
	if diff := cmp.Diff([]any{nil, "ca_Platform"}, applications); diff != "" || len(writes(api)) != 2 {
		t.Errorf("%d writes, applications (-want +got):\n%s", len(writes(api)), diff)
	}
}

// Scripts get JSON, with the secret when the endpoint is created, and the same exit codes.
func TestJSON(t *testing.T) {
	_, base := account(t)
	for _, step := range []struct {
		args []string
		code int
		want plan
	}{
		{nil, ExitDiffers, plan{Action: actionCreate, Connect: true}},
		{[]string{"--apply"}, ExitDone, plan{Action: actionCreate, Connect: true, Applied: true}},
		{[]string{"--apply"}, ExitDone, plan{Action: actionNone, Connect: true}},
	} {
		code, stdout, _ := run(t, base, append(step.args, "--url", address, "--connect", "-o", "json")...)
		var got plan
		if err := json.Unmarshal([]byte(stdout), &got); err != nil {
			t.Fatalf("%v:\n%s", err, stdout)
		}
		isCreated := step.want.Applied
		if (got.Endpoint.Secret == "whsec_created1") != isCreated || !slices.Equal(got.Endpoint.EnabledEvents, events.ToSend()) {
			t.Errorf("%v: endpoint %+v", step.args, got.Endpoint)
		}
		if code != step.code || got.Action != step.want.Action || got.Applied != step.want.Applied || got.Connect != step.want.Connect {
			t.Errorf("%v: exit %d, %+v; want exit %d, %+v", step.args, code, got, step.code, step.want)
		}
	}
}

// What cannot be done leaves Stripe as it is, exits 2 and says what to do.
func TestRefusals(t *testing.T) {
	twice := func(api *API) {
		for _, id := range []string{"we_1", "we_2"} {
			api.AddEndpoint(Object{"id": id, "url": address, "status": "enabled", "enabled_events": []string{"*"}})
		}
	}
	withFault := func(f Fault) func(*API) {
		return func(api *API) { api.Fail(1, f, func(*http.Request) bool { return true }) }
	}
	for name, tc := range map[string]struct {
		prepare func(*API)
		env     map[string]string
		args    []string
		want    string
	}{
		"no URL":             {nil, nil, nil, "--url is not set"},
		"plain http":         {nil, nil, []string{"--url", "http://billing.example.com/webhooks/stripe"}, "must be an https URL"},
		"a password":         {nil, nil, []string{"--url", "https://a:b@billing.example.com/webhooks/stripe"}, "must not have a user"},
		"an output":          {nil, nil, []string{"--url", address, "-o", "yaml"}, "want text or json"},
		"a version":          {nil, nil, []string{"--url", address, "--api-version", "2020"}, "want the form YYYY-MM-DD"},
		"an argument":        {nil, nil, []string{"--url", address, "apply"}, `unexpected argument "apply"`},
		"no key":             {nil, map[string]string{}, []string{"--url", address, "--apply"}, "--apply needs STRIPE_SECRET_KEY"},
		"a publishable key":  {nil, map[string]string{"STRIPE_SECRET_KEY": "pk_live_1"}, []string{"--url", address}, "STRIPE_SECRET_KEY is not a secret or restricted key"},
		"two with that URL":  {twice, nil, []string{"--url", address, "--apply"}, "2 endpoints in Stripe have this URL (we_1, we_2)"},
		"no permission":      {withFault(NotPermitted), nil, []string{"--url", address}, `needs the permission "Webhook Endpoints: Read"`},
		"a key that expired": {withFault(KeyExpired), nil, []string{"--url", address}, "stripe rejects the API key: check STRIPE_SECRET_KEY"},
		"an event that Stripe does not know": {func(api *API) {
			api.Fail(1, func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) bool {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`{"error":{"type":"invalid_request_error","param":"enabled_events[0]","message":"must be one of"}}`))
				return true
			}, func(r *http.Request) bool { return r.Method == http.MethodPost })
		}, nil, []string{"--url", address, "--apply"}, "Stripe does not know the event " + events.ToSend()[0]},
	} {
		t.Run(name, func(t *testing.T) {
			api, base := account(t)
			if tc.prepare != nil {
				tc.prepare(api)
			}
			before := api.Endpoints()
			env := tc.env
			if env == nil {
				env = map[string]string{"STRIPE_SECRET_KEY": testKey, "STRIPE_API_BASE": base}
			}
			code, stdout, stderr := runWith(t, env, tc.args...)
			if code != ExitFailed || stdout != "" || !strings.Contains(stderr, tc.want) {
				t.Errorf("exit %d, standard output %q, standard error %q; want 2 and %q", code, stdout, stderr, tc.want)
			}
			if diff := cmp.Diff(before, api.Endpoints()); diff != "" {
				t.Errorf("endpoints (-before +after):\n%s", diff)
			}
		})
	}
}

// Without a key the endpoint is printed, for a person who makes it by hand.
func TestPrint(t *testing.T) {
	code, stdout, _ := runWith(t, map[string]string{}, "--url", address, "--api-version", "2023-10-16")
	for _, want := range append([]string{"url: " + address, "api_version: 2023-10-16", "connect: false"}, "event: "+events.ToSend()[0]) {
		if code != ExitDone || !strings.Contains(stdout, "\n+ "+want+"\n") {
			t.Errorf("exit %d, %q is not in\n%s", code, want, stdout)
		}
	}
}

// The endpoint sends what is handled, by its entry in the catalogue or by its beginning, and nothing that Stripe refuses.
func TestEvents(t *testing.T) {
	names := events.ToSend()
	for _, name := range names {
		if _, handled := events.Lookup(name); !handled || strings.Contains(name, "*") {
			t.Errorf("%s is not a handled type", name)
		}
	}
	for _, handled := range events.All() {
		if slices.Contains(names, handled.Name) == (handled.Name == "setup_intent.failed") {
			t.Errorf("%s: in the list: %t", handled.Name, slices.Contains(names, handled.Name))
		}
	}
	for _, family := range events.Families() {
		prefix := strings.TrimSuffix(family.Name, "*")
		if !slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, prefix) }) {
			t.Errorf("no type of the family %s is named", family.Name)
		}
	}
}
