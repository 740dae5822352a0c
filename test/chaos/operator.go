package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/apiproxy"
	"github.com/tollkeeper/tollkeeper/internal/testutil/freeport"
	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

const (
	secret = "whsec_chaos"
	// mailSettle is as short as it may be: longer than an attempt may last.
	mailSettle = 40 * time.Second
	appName    = "Kite"
	resetURL   = "https://app.kite.example/password"
)

// operator is one or more manager processes at work in a namespace.
type operator struct {
	namespace string
	cluster   *cluster
	mailgun   *mailguntest.Server
	managers  []*manager
	election  bool // one of the managers leads; else all do
	ends
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
func newOperator(ctx context.Context, c *cluster, folder, binary, namespace string, replicas int, election bool) (*operator, error) {
	o := &operator{
		namespace: namespace, cluster: c, mailgun: mailguntest.New(), election: election, ends: ends{excused: map[string]int{}},
	}
	if err := c.namespace(ctx, namespace); err != nil {
		return o, err
	}
	for i := range replicas {
		m, err := o.newManager(folder, binary, fmt.Sprintf("%s-%d", namespace, i))
		if m != nil {
			o.managers = append(o.managers, m)
		}
		if err != nil {
			return o, err
		}
		m.start()
	}
	return o, o.whole(ctx, patience)
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
	m.daemon, err = newDaemon(folder, name, binary,
		"--namespace="+o.namespace, "--receiver-bind-address="+ports[0], "--health-probe-bind-address="+ports[1],
		"--metrics-bind-address="+ports[2], "--metrics-secure=false", "--mail-settle="+mailSettle.String(), "--drain-delay=1s",
		fmt.Sprintf("--leader-elect=%t", o.election))
	if err != nil {
		return nil, err
	}
	m.ended = o.judge
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
		config.EnvStripeSecretKey + "=", // nothing may be found again by asking
		config.EnvMailgunAPIKey + "=" + mailguntest.Key, config.EnvMailgunDomain + "=" + mailguntest.Domain,
		config.EnvMailgunAPIBase + "=" + o.mailgun.APIBase(), config.EnvMailgunSenderEmail + "=hello@kite.example",
		config.EnvAppName + "=" + appName, config.EnvPasswordResetURL + "=" + resetURL,
	}
	return m, os.WriteFile(kubeconfig, access, 0o600)
}

// whole waits until every manager is ready and exactly one leads.
func (o *operator) whole(ctx context.Context, patience time.Duration) error {
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

// leader is the manager that runs the controllers; nil if none does, or that cannot be told. Where all do it is the first.
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

// ready is nil if it says that it is.
func (m *manager) ready(ctx context.Context) error {
	_, err := get(ctx, m.probe)
	return err
}

// leads says whether its metrics say so. One that stands still does not answer.
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
	o.mailgun.Close()
	return errors.Join(errs...)
}

// get reads a page that must be answered 200, and soon.
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
