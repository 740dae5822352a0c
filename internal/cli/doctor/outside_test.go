package doctor

import (
	"errors"
	"flag"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/mail"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// The doctor does not import the receiver.
func TestThePathIsTheReceivers(t *testing.T) {
	if webhookPath != receiver.Path {
		t.Errorf("the path is %s, and the receiver has %s", webhookPath, receiver.Path)
	}
}

const stripeKey = "rk_test_canaryofthedoctor"

// The missing permissions are named, as Stripe names them. One that is not needed for a decision is worth a look only.
func TestPermissions(t *testing.T) {
	under := func(paths ...string) func(*http.Request) bool {
		return func(r *http.Request) bool { return slices.Contains(paths, r.URL.Path) }
	}
	for name, tc := range map[string]struct {
		fail func(*stripetest.API)
		want string
	}{
		"all": {func(*stripetest.API) {}, "ok accepts the key of the Secret, which has the 12 permissions that it needs"},
		"no customers": {func(a *stripetest.API) {
			a.Fail(9, stripetest.WithoutPermission("rak_customer_read"), under("/v1/customers"))
		}, "fail the key of the Secret may not read Customers (rak_customer_read)"},
		"neither events nor products, and Stripe names none": {func(a *stripetest.API) {
			a.Fail(9, stripetest.NotPermitted, under("/v1/events", "/v1/products"))
		}, "fail the key of the Secret may not read Events; Products, so these are missing: entitlements from the metadata of products"},
		"no endpoints": {func(a *stripetest.API) {
			a.Fail(9, stripetest.WithoutPermission("rak_webhook_read"), under("/v1/webhook_endpoints"))
		}, "warn the key of the Secret may not read Webhook Endpoints (rak_webhook_read), so these are missing: the check of the webhook endpoint"},
		"expired": {func(a *stripetest.API) { a.Fail(1, stripetest.KeyExpired, under("/v1/events")) }, "fail Stripe refuses the key of the Secret"},
		"an error of Stripe": {func(a *stripetest.API) { a.Fail(9, stripetest.ServerError, under("/v1/invoices")) },
			"warn could not be asked from this machine: read Invoices from Stripe: stripe answered 500"},
	} {
		t.Run(name, func(t *testing.T) {
			world := stripetest.NewWorld(time.Now(), stripetest.New, 1)
			api := stripetest.NewAPI(stripeKey, world)
			server := api.Start()
			defer server.Close()
			tc.fail(api)
			found := askPermissions(t.Context(), stripeapi.New(stripeKey, server.URL, ""), time.Now)
			line := judgePermissions(found, "the Secret")
			if !strings.HasPrefix(judged(line), tc.want) || (line.Advice == "") != (line.Status == OK) {
				t.Errorf("%q with the advice %q, want %q", judged(line), line.Advice, tc.want)
			}
			if strings.Contains(judged(line), "canary") || strings.Contains(judged(line), "*****") {
				t.Errorf("a part of the key is printed: %s", judged(line))
			}
			for _, request := range api.Requests("/") {
				if request.Method != http.MethodGet {
					t.Errorf("the doctor sends %s %s", request.Method, request.Path)
				}
			}
		})
	}
}

func TestModeClockAndEndpoint(t *testing.T) {
	is(t, "ok live mode, that of the key (--livemode is auto)", judgeMode(true, nil))
	is(t, "ok test mode, that of the key and of --livemode", judgeMode(false, new(false)))
	if line, isSkewed := judgeStripeClock(now, now.Add(9*time.Second)); isSkewed {
		t.Errorf("9 seconds are too many: %v", line)
	}
	line, _ := judgeStripeClock(now, now.Add(-time.Minute))
	is(t, "warn this machine's clock differs by -1m0s from Stripe's", line)
	is(t, "fail the endpoint we_1 is disabled; it lacks events", judgeEndpoint([]string{"the endpoint we_1 is disabled", "it lacks events"}, nil))
	is(t, "warn could not be checked: away", judgeEndpoint(nil, errors.New("away")))
	if got := judgeEndpoint(nil, nil); got.Status != OK {
		t.Errorf("a good endpoint: %v", got)
	}
}

func TestMailgun(t *testing.T) {
	is(t, "ok accepts the key, and the domain d is active", judgeMailgun("d", mail.Check{MayReadLog: true, State: "active"}, nil))
	is(t, "ok accepts the key for its log of the domain d", judgeMailgun("d", mail.Check{MayReadLog: true}, nil))
	is(t, "fail the domain d is unverified: it sends nothing", judgeMailgun("d", mail.Check{MayReadLog: true, State: "unverified"}, nil))
	is(t, "fail does not have the domain d", judgeMailgun("d", mail.Check{}, mail.ErrDomainUnknown))
	is(t, "warn could not be asked from this machine: away", judgeMailgun("d", mail.Check{}, errors.New("away")))
	is(t, "warn accepts the key for neither its log nor the domain d: it is wrong, or may only send", judgeMailgun("d", mail.Check{}, nil))
	is(t, "warn the key may not read Mailgun's log: an e-mail without an answer is sent again later than it could be",
		judgeMailgun("d", mail.Check{State: "active"}, nil))
}

// The settings are read as the operator reads them. Flags of another version, and of logging, are left out.
func TestSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		arguments   []string
		environment map[string]string
		want        string
	}{
		"valid":                         {[]string{"--livemode=false", "--zap-log-level=debug", "--from-the-future", "x", "--emails"}, map[string]string{"STRIPE_SECRET_KEY": stripeKey}, "ok the operator accepts its arguments and its environment"},
		"other mode":                    {[]string{"--livemode=true"}, map[string]string{"STRIPE_SECRET_KEY": stripeKey}, "fail the operator does not start with them: --livemode is true, but STRIPE_SECRET_KEY is a test-mode key: change one of them"},
		"a wrong key":                   {nil, map[string]string{"STRIPE_SECRET_KEY": "pk_test_canary"}, "fail the operator does not start with them: STRIPE_SECRET_KEY is not a secret or restricted key"},
		"a bad flag":                    {[]string{"--on-refund=x"}, nil, "fail the operator does not accept its flags: --on-refund is \"x\": want Record or Suspend"},
		"a bad variable":                {nil, map[string]string{"TOLLKEEPER_ON_REFUND": "canary"}, "fail the operator does not accept its flags: TOLLKEEPER_ON_REFUND: want Record or Suspend"},
		"an argument before a variable": {[]string{"--livemode=false"}, map[string]string{"TOLLKEEPER_LIVEMODE": "true", "STRIPE_SECRET_KEY": stripeKey}, "ok the operator accepts its arguments and its environment"},
		"a variable of the future":      {nil, map[string]string{"TOLLKEEPER_GRASE_PERIOD": "1h"}, "warn this plugin knows no flag for TOLLKEEPER_GRASE_PERIOD: an operator that does not either does not start"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &Doctor{operator: &appsv1.Deployment{}}
			d.operator.Spec.Template.Spec.Containers = []corev1.Container{{Args: tc.arguments}}
			environment := map[string]string{config.EnvStripeEndpointSecret: "whsec_canary"}
			maps.Copy(environment, tc.environment)
			line := d.load(&settings{}, environment, true)
			if got := judged(line); !strings.HasPrefix(got, tc.want) || strings.Contains(got, "canary") {
				t.Errorf("%q, want %q", got, tc.want)
			}
			if (d.settings != nil) != (line.Status == OK || line.Status == Warn) {
				t.Errorf("the settings are %v", d.settings)
			}
		})
	}
}

func TestKnownArguments(t *testing.T) {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Bool("emails", true, "")
	flags.String("livemode", "", "")
	got := known(flags, []string{"--new", "x", "--livemode", "true", "-emails", "--log-level=debug", "--emails=false", "--new"})
	if diff := cmp.Diff([]string{"--livemode", "true", "-emails", "--emails=false"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
