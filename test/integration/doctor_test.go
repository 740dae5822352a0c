package integration

import (
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// The doctor asks Stripe and Mailgun with the keys of the Secret, if the caller may read it, and changes nothing there. It prints no
// key. Support, who may not read the Secret, is told so, and may bring a key.
func TestTheDoctorAsksStripeAndMailgun(t *testing.T) {
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	const canary, mine = "rk_test_canaryoftheinstallation", "rk_test_canaryofsupport"
	world := NewWorld(time.Now(), New, 1)
	start := func(key string) (*API, string) {
		api := NewAPI(key, world)
		server := api.Start()
		t.Cleanup(server.Close)
		api.AddEndpoint(Object{"id": "we_1", "url": "https://billing.example.com/webhooks/stripe", "status": "enabled", "api_version": nil, "enabled_events": events.ToSend()})
		return api, server.URL
	}
	api, base := start(canary)
	_, mineBase := start(mine)
	mailbox, _ := mailgun(t)
	secrets := map[string]string{
		"STRIPE_ENDPOINT_SECRET": "whsec_canary", "STRIPE_SECRET_KEY": canary, "STRIPE_API_BASE": base, "MAILGUN_API_KEY": mailguntest.Key,
		"MAILGUN_DOMAIN": mailguntest.Domain, "MAILGUN_SENDER_EMAIL": "hello@example.com", "MAILGUN_API_BASE": mailbox.APIBase(),
	}
	if err := cluster.Client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "tollkeeper-credentials"}, StringData: secrets,
	}); err != nil {
		t.Fatal(err)
	}
	bindSupport(t, namespace)
	admin, support := newPlugin(t, "-n", namespace), newPlugin(t, "-n", namespace, "--as", supporter)
	says := func(p plugin, arguments []string, parts ...string) {
		t.Helper()
		out, problems, _ := p.try(arguments...)
		out += problems
		shows(t, strings.Join(strings.Fields(out), " "), parts...)
		if strings.Contains(out, "canary") || strings.Contains(out, mailguntest.Key) {
			t.Errorf("a key is printed:\n%s", out)
		}
	}
	doctor := []string{"doctor"}

	says(admin, doctor, "ok Settings valid", "ok Mode test mode", "ok Stripe accepts the key of the Secret tollkeeper-credentials, which has the 12 permissions",
		"ok Endpoint Stripe posts all of the", "ok Mailgun accepts the key, and the domain mg.example.com is active")
	for _, request := range api.Requests("/") {
		if request.Method != http.MethodGet {
			t.Errorf("the doctor sends %s %s", request.Method, request.Path)
		}
	}
	asked := len(api.Requests("/"))
	says(admin, []string{"doctor", "--offline"}, "skip Stripe not asked, because --offline is set", "skip Mailgun not asked")
	says(admin, []string{"report"}, "not asked, because a report asks the API server only")
	says(support, doctor, "skip Settings not checked, because you may not read the Secret tollkeeper-credentials", "skip Stripe not asked")
	if n := len(api.Requests("/")); n != asked {
		t.Errorf("Stripe is asked %d times without need", n-asked)
	}
	support.environment = func(name string) string {
		return map[string]string{"STRIPE_SECRET_KEY": mine, "STRIPE_API_BASE": mineBase}[name]
	}
	says(support, []string{"doctor", "--stripe-key-from-env"}, "ok Stripe accepts the key of the environment", "ok Endpoint Stripe posts all", "skip Mailgun not asked")

	mailbox.SetState("unverified")
	api.Fail(1, WithoutPermission("rak_customer_read"), func(r *http.Request) bool { return r.URL.Path == "/v1/customers" })
	api.AddEndpoint(Object{"id": "we_2", "url": "https://other.example.com/webhooks/stripe", "status": "enabled", "api_version": nil, "enabled_events": []string{"invoice.paid"}})
	admin.refuses(doctor, "a check failed")
	api.Fail(1, WithoutPermission("rak_customer_read"), func(r *http.Request) bool { return r.URL.Path == "/v1/customers" })
	says(admin, doctor, "fail Stripe the key of the Secret tollkeeper-credentials may not read Customers (rak_customer_read)",
		"fail Endpoint the endpoint we_2 does not send", "fail Mailgun the domain mg.example.com is unverified")
	api.Fail(100, KeyExpired, func(*http.Request) bool { return true })
	says(admin, doctor, "fail Stripe Stripe refuses the key of the Secret tollkeeper-credentials")
}
