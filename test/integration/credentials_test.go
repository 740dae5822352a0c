package integration

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/credentials"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
	"github.com/tollkeeper/tollkeeper/internal/testutil/volume"
)

// pod is an operator in a process with the credentials as files, as the kubelet mounts a Secret.
type pod struct {
	*process
	*operator
	volume  *volume.Volume
	metrics string // URL
}

// startPod runs an operator in a process with these credentials.
func startPod(t *testing.T, namespace string, secrets map[string]string, configure ...func(*config.Config)) *pod {
	t.Helper()
	address, metrics := freeAddress(t), freeAddress(t)
	p := &pod{volume: volume.New(t, secrets), metrics: "http://" + metrics + "/metrics"}
	p.process = startProcess(t, namespace, append(configure, func(c *config.Config) {
		c.CredentialsDir, c.ReceiverBindAddress, c.MetricsBindAddress = p.volume.Folder, address, metrics
	})...)
	p.operator = &operator{t: t, namespace: namespace, endpoint: Endpoint{URL: "http://" + address + receiver.Path, Secret: secret}}
	p.eventually("the pod's metrics are served", func() string {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.metrics, nil)
		if err != nil {
			return err.Error()
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err.Error()
		}
		_ = response.Body.Close()
		return ""
	})
	return p
}

// series are the labels of the series of a metric.
func (p *pod) series(metric string) []string {
	p.t.Helper()
	var found []string
	for line := range strings.Lines(get(p.t, p.metrics)) {
		if labels, isIt := strings.CutPrefix(line, metric+"{"); isIt {
			found = append(found, strings.TrimSuffix(labels, "} 1\n"))
		}
	}
	return found
}

// uses waits until the pod uses these secrets of a variable, and no others.
func (p *pod) uses(variable string, secrets ...string) {
	p.t.Helper()
	var want []string
	for _, secret := range secrets {
		want = append(want, fmt.Sprintf("name=%q,sha256=%q", variable, credentials.Fingerprint(secret)))
	}
	slices.Sort(want)
	p.eventually("the secrets in use of "+variable, func() string {
		got := slices.DeleteFunc(p.series("tollkeeper_credential_info"), func(labels string) bool { return !strings.Contains(labels, `"`+variable+`"`) })
		if slices.Sort(got); !slices.Equal(got, want) {
			return fmt.Sprintf("are %v, want %v", got, want)
		}
		return ""
	})
}

// refuses waits until the pod says that it does not use the newest value of a variable; no reason for none.
func (p *pod) refuses(variable, reason string) {
	p.t.Helper()
	var want []string
	if reason != "" {
		want = []string{fmt.Sprintf("name=%q,reason=%q", variable, reason)}
	}
	p.eventually("the refused changes", func() string {
		if got := p.series("tollkeeper_credential_not_used"); !slices.Equal(got, want) {
			return fmt.Sprintf("are %v, want %v", got, want)
		}
		return ""
	})
}

// hidesSecrets checks that neither log nor metrics hold any of them.
func (p *pod) hidesSecrets(secrets ...string) {
	p.t.Helper()
	for where, text := range map[string]string{"log": p.log.String(), "metrics": get(p.t, p.metrics)} {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				p.t.Errorf("%q is in the %s", secret, where)
			}
		}
	}
}

// signedTraffic posts events to pods in turn, signed as Stripe does at the time, and counts every answer.
type signedTraffic struct {
	mutex   sync.Mutex
	secrets []string
	answers map[string]int
	sent    int
	stop    func()
}

func startSignedTraffic(t *testing.T, pods []*pod, secrets ...string) *signedTraffic {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &signedTraffic{secrets: secrets, answers: map[string]int{}}
	var clients sync.WaitGroup
	for n := range 4 {
		clients.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				s.post(pods[(n+i)%len(pods)].endpoint, fmt.Sprintf("evt_Roll%dx%d", n, i))
			}
		})
	}
	s.stop = sync.OnceFunc(func() { cancel(); clients.Wait() })
	t.Cleanup(s.stop)
	return s
}

func (s *signedTraffic) post(to Endpoint, id string) {
	s.mutex.Lock()
	secrets := s.secrets
	s.mutex.Unlock()
	body := Event{ID: id, Type: "customer.updated", Created: time.Now(), Shape: New, Object: Customer("cus_Roll", "ada@example.com", "Ada")}.JSON()
	code, err := to.PostSigned(context.Background(), body, Sign(body, time.Now(), secrets...))
	answer := fmt.Sprint(code)
	if err != nil {
		answer = err.Error()
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.answers[answer]++
	s.sent++
}

// signWith has the following events signed with these secrets.
func (s *signedTraffic) signWith(secrets ...string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.secrets = secrets
}

// flows waits for further answers.
func (s *signedTraffic) flows(o *operator) {
	o.t.Helper()
	count := func() int {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		return s.sent
	}
	before := count()
	o.eventually("events go on", func() string {
		if n := count() - before; n < 40 {
			return fmt.Sprintf("%d events were sent", n)
		}
		return ""
	})
}

// The roll of the endpoint's secret, as docs/operations.md describes it, on two receivers under traffic: no event is refused. The
// volumes of two pods do not change at the same time.
func TestTheRollOfTheEndpointSecretRefusesNothing(t *testing.T) {
	t.Parallel()
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	const old, renewed = "whsec_canaryOld", "whsec_canaryNew"
	receives := func(c *config.Config) { c.Components = config.Components{Receiver: true} }
	var pods []*pod
	for range 2 {
		pods = append(pods, startPod(t, namespace, map[string]string{config.EnvStripeEndpointSecret: old}, receives))
	}
	a, b := pods[0], pods[1]
	a.uses(config.EnvStripeEndpointSecret, old)
	b.uses(config.EnvStripeEndpointSecret, old)
	traffic := startSignedTraffic(t, pods, old)
	traffic.flows(a.operator)

	traffic.signWith(renewed, old) // the secret is rolled in Stripe: for a day, Stripe signs with both
	traffic.flows(a.operator)
	both := map[string]string{config.EnvStripeEndpointSecret: renewed + "," + old + "\n"}
	a.volume.Set(t, both)
	a.uses(config.EnvStripeEndpointSecret, old, renewed)
	traffic.flows(a.operator)
	b.volume.Set(t, both)
	b.uses(config.EnvStripeEndpointSecret, old, renewed)
	traffic.flows(a.operator)
	traffic.signWith(renewed) // the day is over
	traffic.flows(a.operator)
	for _, p := range pods {
		p.volume.Set(t, map[string]string{config.EnvStripeEndpointSecret: "sk_live_canaryInTheWrongVariable"})
		p.refuses(config.EnvStripeEndpointSecret, "invalid")
		traffic.flows(a.operator)
		p.volume.Set(t, map[string]string{config.EnvStripeEndpointSecret: renewed})
		p.uses(config.EnvStripeEndpointSecret, renewed)
		p.refuses(config.EnvStripeEndpointSecret, "")
		traffic.flows(a.operator)
	}
	traffic.stop()

	if len(traffic.answers) != 1 || traffic.answers["200"] != traffic.sent {
		t.Errorf("of %d events, the answers are %v: want 200 only", traffic.sent, traffic.answers)
	}
	t.Logf("answers: %v", traffic.answers)
	if got := len(a.events()); got != traffic.sent {
		t.Errorf("%d events are recorded, want %d", got, traffic.sent)
	}
	stale := &signedTraffic{secrets: []string{old}, answers: map[string]int{}}
	stale.post(a.endpoint, "evt_Stale1")
	stale.post(b.endpoint, "evt_Stale2")
	if stale.answers["400"] != 2 {
		t.Errorf("events with the old signature alone are answered %v, want 400", stale.answers)
	}
	for _, p := range pods {
		p.hidesSecrets("canary")
	}
}

// The roll of Stripe's API key, while Stripe is read: no request fails, and the old key is not used once the new one is. Keys with
// which the process cannot go on are refused, and Stripe is read with the one before.
func TestTheRollOfTheStripeKeyFailsNoRequest(t *testing.T) {
	t.Parallel()
	const old, renewed, wrong, foreign = "rk_test_canaryOld", "rk_test_canaryNew", "rk_test_canaryWrong", "rk_test_canaryForeign"
	world := signUp()
	customer := world.Objects("customer")[0].ID()
	api, withStripe := stripe(t, world)
	api.SetKeys(map[string]string{old: "acct_1Ours"})
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	var cfg config.Config
	withStripe(&cfg)
	files := func(key string) map[string]string {
		return map[string]string{config.EnvStripeEndpointSecret: secret, config.EnvStripeAPIBase: cfg.Stripe.APIBase, config.EnvStripeSecretKey: key}
	}
	p := startPod(t, namespace, files(old), withStripe, func(c *config.Config) { c.Emails = false })
	p.deliverAll(world)
	p.entitled(customer, "True SubscriptionActive")
	p.uses(config.EnvStripeSecretKey, old)

	ctx, cancel := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	asking.Go(func() { p.askForComparisons(ctx, customer) })
	defer asking.Wait()
	defer cancel()
	readWith := func(key string) {
		t.Helper()
		from := len(api.Requests("/"))
		p.eventually("Stripe is read with the key", func() string {
			if n := len(requestsWith(api.Requests("/")[from:], key)); n < 5 {
				return fmt.Sprintf("%d requests", n)
			}
			return ""
		})
	}
	readWith(old)
	both := map[string]string{old: "acct_1Ours", renewed: "acct_1Ours", foreign: "acct_1Theirs"}
	api.SetKeys(both) // a new key is made in Stripe, and the old one expires later
	p.volume.Set(t, files(renewed))
	p.uses(config.EnvStripeSecretKey, renewed)
	readWith(renewed)
	delete(both, old)
	api.SetKeys(maps.Clone(both))
	readWith(renewed)

	for key, reason := range map[string]string{
		"pk_test_canaryPublishable": "invalid", wrong: "invalid", foreign: "restart", "rk_live_canaryLive": "restart",
	} {
		p.volume.Set(t, files(key))
		p.refuses(config.EnvStripeSecretKey, reason)
		readWith(renewed)
		p.volume.Set(t, files(renewed))
		p.refuses(config.EnvStripeSecretKey, "")
	}
	cancel()
	asking.Wait()
	for _, r := range requestsWith(api.Requests("/"), "") {
		if r.Status != http.StatusOK && r.Status != http.StatusNotFound { // the world has no products
			t.Errorf("%s is answered %d", r.Path, r.Status)
		}
	}
	if text := p.log.String(); !strings.Contains(text, "restart the operator") {
		t.Error("the log does not say that a restart is needed")
	}
	p.hidesSecrets("canary")
}

// requestsWith are the requests for objects and events with a key; all of them if key is empty. The question whose a key is is none.
func requestsWith(requests []Request, key string) []Request {
	return slices.DeleteFunc(slices.Clone(requests), func(r Request) bool {
		return r.Path == "/v1/account" || r.Path == "/v1/webhook_endpoints" || r.Path == "/v2/core/event_destinations" || key != "" && r.Key != key
	})
}

// askForComparisons asks for comparisons of a customer with Stripe, one after the other, until ctx ends.
func (o *operator) askForComparisons(ctx context.Context, customer string) {
	object := &v1alpha1.Customer{}
	object.Namespace, object.Name = o.namespace, naming.Object("", customer)
	for i := 0; ctx.Err() == nil; i++ {
		patch := fmt.Sprintf(`{"metadata": {"annotations": {%q: "%d"}}}`, v1alpha1.AnnotationResync, i)
		if err := cluster.Client.Patch(ctx, object, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil && ctx.Err() == nil {
			o.t.Errorf("ask for a comparison: %v", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// E-mails that wait for Mailgun's settings go when the settings appear, and further ones go after the roll of the key, without a
// restart. A key of Stripe that appears needs one, and the operator says so.
func TestTheMailgunKeyAppearsAndIsRolled(t *testing.T) {
	t.Parallel()
	const renewed = "key-canaryRenewed"
	mailbox, _ := mailgun(t)
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{config.EnvStripeEndpointSecret: secret, config.EnvMailgunAPIBase: mailbox.APIBase()}
	with := func(more map[string]string) map[string]string {
		maps.Copy(files, more)
		return files
	}
	p := startPod(t, namespace, files)
	p.deliverAll(signUp())
	p.sent(v1alpha1.EmailWelcome, "False "+v1alpha1.ReasonMailgunNotConfigured)

	p.volume.Set(t, with(map[string]string{
		config.EnvMailgunAPIKey: mailguntest.Key, config.EnvMailgunDomain: mailguntest.Domain, config.EnvMailgunSenderEmail: "hello@example.com",
	}))
	p.sent(v1alpha1.EmailWelcome, "True Accepted")
	p.sent(v1alpha1.EmailPasswordReset, "False "+v1alpha1.ReasonNoResetURL)
	mailbox.SetKeys(mailguntest.Key, renewed)
	p.volume.Set(t, with(map[string]string{config.EnvMailgunAPIKey: renewed}))
	p.uses(config.EnvMailgunAPIKey, renewed)
	mailbox.SetKeys(renewed)
	p.volume.Set(t, with(map[string]string{config.EnvPasswordResetURL: "https://app.example.com/reset"}))
	p.sent(v1alpha1.EmailPasswordReset, "True Accepted")
	if n := mailbox.Sends(); n != 2 {
		t.Errorf("Mailgun was asked %d times to send, want 2: none fails", n)
	}

	p.volume.Set(t, with(map[string]string{config.EnvStripeSecretKey: "rk_test_canaryAppears"}))
	p.refuses(config.EnvStripeSecretKey, "restart")
	p.eventually("the log says so", func() string {
		if !strings.Contains(p.log.String(), "was not at the start: restart the operator") {
			return "it does not"
		}
		return ""
	})
	p.hidesSecrets("canary", mailguntest.Key)
}

// deliverAll posts the events of the world to the pod.
func (p *pod) deliverAll(world *World) {
	p.t.Helper()
	p.eventually("the receiver listens", func() string {
		if code, err := p.endpoint.Post(p.t.Context(), world.Events()[0]); err != nil || code != http.StatusOK {
			return fmt.Sprintf("%d %v", code, err)
		}
		return ""
	})
	p.send(world.Events()...)
}

// A credential that is set twice, and one whose file cannot be read, end the process at its start. The errors come together and name
// both sources, and no value.
func TestSourcesThatContradictEachOtherEndTheProcess(t *testing.T) {
	t.Parallel()
	v := volume.New(t, map[string]string{config.EnvStripeEndpointSecret: "whsec_canary1", config.EnvMailgunAPIKey: "key-canary"})
	command := exec.CommandContext(t.Context(), managerBinary(t), "--credentials-dir="+v.Folder)
	command.Env = []string{
		"STRIPE_ENDPOINT_SECRET=whsec_canary2", "STRIPE_SECRET_KEY_FILE=" + v.Folder + "/missing", "MAILGUN_DOMAIN=not a domain",
	}
	out, err := command.CombinedOutput()
	if err == nil || command.ProcessState.ExitCode() != 1 {
		t.Errorf("the process ended with %v", err)
	}
	for _, part := range []string{
		"STRIPE_ENDPOINT_SECRET is set more than once, by the variable STRIPE_ENDPOINT_SECRET and by the file " + v.Folder + "/STRIPE_ENDPOINT_SECRET: remove all but one",
		"STRIPE_SECRET_KEY_FILE names a file that has no value", "MAILGUN_DOMAIN is not a domain",
	} {
		if !strings.Contains(string(out), part) {
			t.Errorf("the log does not say %q:\n%s", part, out)
		}
	}
	if strings.Contains(string(out), "canary") || strings.Contains(string(out), "is not set") {
		t.Errorf("the log has a value, or says that what was not read is not set:\n%s", out)
	}
}
