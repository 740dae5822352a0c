package integration

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/yaml"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
	"github.com/tollkeeper/tollkeeper/internal/testutil/dashboard"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// Every query of the dashboard has an answer from the metrics of a running operator: promtool, which has Prometheus's own
// engine, evaluates it over what the operator exposes before and after a sign-up.
func TestTheDashboardHasData(t *testing.T) {
	promtool := filepath.Join(controlplane.Root(), "bin", "promtool")
	if _, err := os.Stat(promtool); err != nil {
		t.Fatalf("run `make bin/promtool`: %v", err)
	}
	o := start(t, func(c *config.Config) { c.LeaderElect = true })
	o.eventually("a leader exposes its metrics", func() string {
		if !strings.Contains(strings.Join(exposed(t, nil, 1), " "), "leader_election_master_status{") {
			return "it does not"
		}
		return ""
	})
	before := samples(t)
	now := time.Now()
	o.send(
		stripetest.Event{ID: "evt_1", Type: "customer.created", Created: now, Shape: stripetest.New, Object: stripetest.Customer("cus_A", "ada@example.com", "Ada")},
	)
	o.settled()
	o.eventually("the customers are counted", func() string {
		if !strings.Contains(strings.Join(exposed(t, nil, 1), " "), "tollkeeper_customers{") {
			return "not yet"
		}
		return ""
	})
	panels, err := dashboard.Load(controlplane.Root())
	if err != nil {
		t.Fatal(err)
	}
	type check struct {
		Expr    string           `json:"expr"`
		At      string           `json:"eval_time"`
		Samples []map[string]any `json:"exp_samples"`
	}
	var checks []check
	for _, p := range panels {
		for _, q := range p.Queries {
			expr := fmt.Sprintf("count(%s) > bool 0", q.PromQL("ns", "5m"))
			checks = append(checks, check{expr, "6m", []map[string]any{{"labels": "{}", "value": 1}}})
		}
	}
	if len(checks) < 30 {
		t.Fatalf("the dashboard has %d queries", len(checks))
	}
	var series []map[string]string
	for _, line := range exposed(t, before, 10) {
		name, values, _ := strings.Cut(line, "\t")
		series = append(series, map[string]string{"series": name, "values": values})
	}
	file, err := yaml.Marshal(map[string]any{"evaluation_interval": "1m", "tests": []any{map[string]any{
		"interval": "1m", "input_series": series, "promql_expr_test": checks,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "dashboard.yaml")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.CommandContext(t.Context(), promtool, "test", "rules", path).CombinedOutput(); err != nil {
		t.Errorf("queries without data: %v\n%s", err, output)
	}
}

// exposed are the operator's metrics as promtool takes them: a series, a tab, and its values of 1 + n minutes: the first
// half as before says, or as now if it says nothing.
func exposed(t *testing.T, before map[string]float64, n int) []string {
	t.Helper()
	var lines []string
	for name, value := range samples(t) {
		first, isKnown := before[name]
		if !isKnown {
			first = value
		}
		if math.IsNaN(value) || math.IsInf(value, 0) {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s\t%gx%d %gx%d", name, first, (n-1)/2, value, n/2))
	}
	slices.Sort(lines)
	return lines
}

// samples are the values that a scrape gets, by series, with the labels that Prometheus adds.
func samples(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := ctrlmetrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			add := func(suffix string, value float64, extra ...string) {
				labels := append([]string{`namespace="ns"`, `pod="a"`}, extra...)
				for _, l := range m.GetLabel() {
					labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
				}
				found[family.GetName()+suffix+"{"+strings.Join(labels, ",")+"}"] = value
			}
			switch family.GetType() {
			case dto.MetricType_HISTOGRAM:
				h := m.GetHistogram()
				for _, b := range h.GetBucket() {
					add("_bucket", float64(b.GetCumulativeCount()), fmt.Sprintf(`le="%g"`, b.GetUpperBound()))
				}
				add("_bucket", float64(h.GetSampleCount()), `le="+Inf"`)
				add("_count", float64(h.GetSampleCount()))
				add("_sum", h.GetSampleSum())
			default:
				add("", m.GetCounter().GetValue()+m.GetGauge().GetValue()+m.GetUntyped().GetValue())
			}
		}
	}
	return found
}
