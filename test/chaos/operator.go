package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/apiproxy"
	"github.com/tollkeeper/tollkeeper/internal/testutil/freeport"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

const (
	secret = "whsec_chaos"
	// mailSettle is as short as possible: just longer than an attempt may last.
	mailSettle = 40 * time.Second
	appName    = "Kite"
	resetURL   = "https://app.kite.example/password"
)

// operator is one or more manager processes that work in a namespace.
type operator struct {
	namespace string
	cluster   *cluster
	remotes   *remotes
	managers  []*manager
	election  bool     // whether the managers elect a leader; else all lead
	flags     []string // further flags of the managers
	archive   string   // the URL of the archive; empty if no event leaves the cluster
	exits
}

// remotes are the remote sides of an installation. They outlive its operator.
type remotes struct {
	mailgun *mailguntest.Server
	account *account
}

func newRemotes(histories []*history) *remotes {
	return &remotes{mailgun: mailguntest.New(), account: newAccount(histories)}
}

func (r *remotes) close() {
	r.mailgun.Close()
	r.account.close()
}

// setup is what an operator is made of.
type setup struct {
	folder, binary, namespace string
	remotes                   *remotes
	replicas                  int
	election                  bool
	flags                     []string // beside those that all managers have
	archive                   string   // the URL of the archive; empty if no event leaves the cluster
	// backup is restored before the managers start; nil for an empty namespace.
	backup *state
}

// manager is one manager process, which reaches the API server through its own proxy.
type manager struct {
	*daemon
	proxy    *apiproxy.Proxy
	endpoint stripetest.Endpoint
	probe    string
	metrics  string
}

// newOperator starts the replicas and waits until they are ready.
func newOperator(ctx context.Context, c *cluster, s setup) (*operator, error) {
	o := &operator{
		namespace: s.namespace, cluster: c, remotes: s.remotes, election: s.election, flags: s.flags, archive: s.archive,
		exits: exits{excused: map[string]int{}},
	}
	if err := c.namespace(ctx, s.namespace); client.IgnoreAlreadyExists(err) != nil {
		return o, err
	}
	if s.backup != nil {
		if err := o.restore(ctx, s.backup); err != nil {
			return o, err
		}
	}
	for i := range s.replicas {
		m, err := o.newManager(s.folder, s.binary, fmt.Sprintf("%s-%d", s.namespace, i))
		if m != nil {
			o.managers = append(o.managers, m)
		}
		if err != nil {
			return o, err
		}
		m.start()
	}
	return o, o.awaitReady(ctx, patience)
}

func (o *operator) newManager(folder, binary, name string) (*manager, error) {
	ports, err := freeport.Addresses(3)
	if err != nil {
		return nil, err
	}
	m := &manager{
		endpoint: stripetest.Endpoint{URL: "http://" + ports[0] + receiver.Path, Secret: secret},
		probe:    "http://" + ports[1] + "/readyz", metrics: "http://" + ports[2] + "/metrics",
	}
	flags := append([]string{
		"--namespace=" + o.namespace, "--receiver-bind-address=" + ports[0], "--health-probe-bind-address=" + ports[1],
		"--metrics-bind-address=" + ports[2], "--metrics-secure=false", "--mail-settle=" + mailSettle.String(), "--drain-delay=1s",
		fmt.Sprintf("--leader-elect=%t", o.election), "--accounts=" + o.remotes.account.accounts(),
		"--stripe-rate-limit=100", "--max-in-flight=24", // fewer than posts at a time, so that receivers refuse some
		"--resync-interval=0", // comes round once a day, and writes to customers that are at rest
	}, o.flags...)
	if o.archive != "" {
		flags = append(flags, "--event-retention="+retention.String(), "--archive-url="+o.archive)
	}
	m.daemon, err = newDaemon(folder, name, binary, flags...)
	if err != nil {
		return nil, err
	}
	m.onExit = o.recordExit
	if m.proxy, err = apiproxy.New(o.cluster.config); err != nil {
		return m, err
	}
	access, err := m.proxy.Kubeconfig()
	if err != nil {
		return m, err
	}
	kubeconfig := filepath.Join(folder, name+".kubeconfig")
	m.env = []string{
		"KUBECONFIG=" + kubeconfig, config.EnvStripeEndpointSecret + "=" + secret,
		config.EnvStripeSecretKey + "=" + stripeKey, config.EnvStripeAPIBase + "=" + o.remotes.account.server.URL,
		config.EnvMailgunAPIKey + "=" + mailguntest.Key, config.EnvMailgunDomain + "=" + mailguntest.Domain,
		config.EnvMailgunAPIBase + "=" + o.remotes.mailgun.APIBase(), config.EnvMailgunSenderEmail + "=hello@kite.example",
		config.EnvAppName + "=" + appName, config.EnvPasswordResetURL + "=" + resetURL,
	}
	return m, os.WriteFile(kubeconfig, access, 0o600)
}

// awaitReady waits until every manager is ready and exactly one leads.
func (o *operator) awaitReady(ctx context.Context, patience time.Duration) error {
	const what = "every manager is ready and exactly one leads"
	return poll(ctx, 200*time.Millisecond, 10*time.Second, patience, what, func(ctx context.Context) error {
		leaders := 0
		for _, m := range o.managers {
			if err := m.ready(ctx); err != nil {
				return err
			}
			if o.election && m.leads(ctx) {
				leaders++
			}
		}
		if o.election && leaders != 1 {
			return fmt.Errorf("%d managers lead", leaders)
		}
		return nil
	})
}

// leader returns the manager that leads; nil if none does or none can be asked. Without an election it returns the
// first.
func (o *operator) leader(ctx context.Context) *manager {
	if !o.election {
		return o.managers[0]
	}
	for _, m := range o.managers {
		if m.leads(ctx) {
			return m
		}
	}
	return nil
}

// ready returns nil if the readiness probe succeeds.
func (m *manager) ready(ctx context.Context) error {
	_, err := get(ctx, m.probe)
	return err
}

// leads reports whether the manager's metrics name it as the leader. A suspended manager does not answer, and does not
// count.
func (m *manager) leads(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	text, err := get(ctx, m.metrics)
	if err != nil {
		return false
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "leader_election_master_status{") && strings.HasSuffix(strings.TrimSpace(line), " 1") {
			return true
		}
	}
	return false
}

func (o *operator) close() error {
	var errs []error
	for _, m := range o.managers {
		errs = append(errs, m.close())
		if m.proxy != nil {
			m.proxy.Close()
		}
	}
	return errors.Join(errs...)
}

var panics = regexp.MustCompile(`^panic:|^fatal error:|Observed a panic|"panic":|DATA RACE`)

// allCrashes returns the crashes of all managers and the panics in their logs. The managers must be closed.
func (o *operator) allCrashes() []string {
	o.mutex.Lock()
	crashes := slices.Clone(o.crashes)
	o.mutex.Unlock()
	for _, m := range o.managers {
		text, err := os.ReadFile(m.log.Name())
		if err != nil {
			crashes = append(crashes, err.Error())
		}
		for _, line := range lines(string(text)) {
			if panics.MatchString(line) {
				crashes = append(crashes, m.name+": "+line)
			}
		}
	}
	return crashes
}

// get returns the body of a page, which must be answered with 200 within 5 seconds.
func get(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answered %s", url, response.Status)
	}
	return body.String(), nil
}
