package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/apiproxy"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

const (
	secret = "whsec_chaos"
	// mailSettle is as short as it may be: longer than an attempt may last.
	mailSettle = 40 * time.Second
)

// operator is one or more manager processes at work in a namespace.
type operator struct {
	namespace string
	cluster   *cluster
	mailgun   *mailguntest.Server
	managers  []*manager

	mutex   sync.Mutex
	crashes []string
}

// manager is one manager process, with a proxy of its own before the API server.
type manager struct {
	*daemon
	proxy    *apiproxy.Proxy
	endpoint stripetest.Endpoint
	probe    string
	metrics  string
}

// newOperator runs so many managers of the binary.
func newOperator(ctx context.Context, c *cluster, folder, binary, namespace string, replicas int, extra ...string) (*operator, error) {
	o := &operator{namespace: namespace, cluster: c, mailgun: mailguntest.New()}
	if err := c.namespace(ctx, namespace); err != nil {
		return o, err
	}
	for i := range replicas {
		m, err := o.newManager(folder, binary, fmt.Sprintf("%s-%d", namespace, i), extra)
		if m != nil {
			o.managers = append(o.managers, m)
		}
		if err != nil {
			return o, err
		}
		m.start()
	}
	return o, o.ready(ctx)
}

func (o *operator) newManager(folder, binary, name string, extra []string) (*manager, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	m := &manager{
		endpoint: stripetest.Endpoint{URL: "http://" + ports[0] + receiver.Path, Secret: secret},
		probe:    "http://" + ports[1] + "/readyz", metrics: "http://" + ports[2] + "/metrics",
	}
	if m.proxy, err = apiproxy.New(o.cluster.config); err != nil {
		return nil, err
	}
	access, err := m.proxy.Kubeconfig()
	if err != nil {
		return nil, err
	}
	kubeconfig := filepath.Join(folder, name+".kubeconfig")
	if err := os.WriteFile(kubeconfig, access, 0o600); err != nil {
		return nil, err
	}
	m.daemon, err = newDaemon(folder, name, binary, append([]string{
		"--namespace=" + o.namespace, "--receiver-bind-address=" + ports[0], "--health-probe-bind-address=" + ports[1],
		"--metrics-bind-address=" + ports[2], "--metrics-secure=false", "--mail-settle=" + mailSettle.String(), "--drain-delay=1s",
	}, extra...)...)
	if err != nil {
		return nil, err
	}
	m.ended = o.judge
	m.env = []string{
		"KUBECONFIG=" + kubeconfig, config.EnvStripeEndpointSecret + "=" + secret,
		config.EnvStripeSecretKey + "=", // nothing may be found again by asking
		config.EnvMailgunAPIKey + "=" + mailguntest.Key, config.EnvMailgunDomain + "=" + mailguntest.Domain,
		config.EnvMailgunAPIBase + "=" + o.mailgun.APIBase(), config.EnvMailgunSenderEmail + "=hello@kite.example",
		config.EnvAppName + "=Kite", config.EnvPasswordResetURL + "=https://app.kite.example/password",
	}
	return m, nil
}

// ready waits until every manager is ready.
func (o *operator) ready(ctx context.Context) error {
	for _, m := range o.managers {
		err := eventually(ctx, 2*time.Minute, m.name+" is ready", func() error { _, err := get(ctx, m.probe); return err })
		if err != nil {
			return err
		}
	}
	return nil
}

// leader is the manager that runs the controllers; nil if none does, or that cannot be told.
func (o *operator) leader(ctx context.Context) *manager {
	for _, m := range o.managers {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		text, err := get(ctx, m.metrics)
		cancel()
		if err != nil {
			continue
		}
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "leader_election_master_status{") && strings.HasSuffix(strings.TrimSpace(line), " 1") {
				return m
			}
		}
	}
	return nil
}

// An end is no crash if the process said why, and the reason is that the API server did not answer, or did not serve the CRDs yet: so it
// is to end, and be restarted.
var excuses = regexp.MustCompile(`leader election lost|connection refused|connection reset|EOF|timed out|timeout|deadline exceeded|` +
	`no matches for billing\.tollkeeper\.dev|etcdserver|unable to handle the request|apiserver not ready|is shutting down|storage is \(re\)initializing`)

// judge looks at an end that nobody ordered.
func (o *operator) judge(d *daemon, err error) {
	last := lastLine(d.log.Name())
	if exitCode(err) == 1 && excuses.MatchString(last) {
		return
	}
	o.crashed(fmt.Sprintf("%s ended by itself (%v): %s", d.name, err, last))
}

func (o *operator) crashed(what string) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.crashes = append(o.crashes, what)
}

var panics = regexp.MustCompile(`^panic:|^fatal error:|Observed a panic|"panic":|DATA RACE`)

// allCrashes lists the crashes, and the panics that were caught, of all managers. They must have been closed.
func (o *operator) allCrashes() []string {
	o.mutex.Lock()
	crashes := o.crashes
	o.mutex.Unlock()
	for _, m := range o.managers {
		for _, line := range lines(m.log.Name()) {
			if panics.MatchString(line) {
				crashes = append(crashes, m.name+": "+line)
			}
		}
	}
	return crashes
}

func (o *operator) close() error {
	var errs []error
	for _, m := range o.managers {
		errs = append(errs, m.close())
		m.proxy.Close()
	}
	o.mailgun.Close()
	return errors.Join(errs...)
}

func lines(file string) []string {
	text, err := os.ReadFile(file)
	if err != nil {
		return []string{err.Error()}
	}
	var all []string
	scanner := bufio.NewScanner(bytes.NewReader(text))
	scanner.Buffer(nil, len(text)+1)
	for scanner.Scan() {
		all = append(all, scanner.Text())
	}
	return all
}

func lastLine(file string) string {
	all := lines(file)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// get reads a page that must be answered 200.
func get(ctx context.Context, url string) (string, error) {
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
