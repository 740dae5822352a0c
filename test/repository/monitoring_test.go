package repository

import (
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	runtimemetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/yaml"

	_ "github.com/tollkeeper/tollkeeper/internal/metrics" // registers the collectors
	"github.com/tollkeeper/tollkeeper/internal/testutil/dashboard"
)

type alert struct {
	Alert       string            `json:"alert"`
	Expr        string            `json:"expr"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

func alerts(t *testing.T) []alert {
	t.Helper()
	var rule struct {
		Spec struct {
			Groups []struct {
				Rules []alert `json:"rules"`
			} `json:"groups"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "config/prometheus/alerts.yaml")), &rule); err != nil {
		t.Fatal(err)
	}
	if len(rule.Spec.Groups) != 1 || len(rule.Spec.Groups[0].Rules) < 7 {
		t.Fatalf("the alerts are %+v", rule)
	}
	return rule.Spec.Groups[0].Rules
}

// targetLabels are the labels that Prometheus adds to every metric of a ServiceMonitor.
var targetLabels = []string{"namespace", "job", "pod", "service", "endpoint", "instance", "container"}

// served are the labels of every metric by name: the operator's, those of controller-runtime, and Prometheus's own.
func served(t *testing.T) map[string][]string {
	t.Helper()
	registry, ok := runtimemetrics.Registry.(prometheus.Collector)
	if !ok {
		t.Fatal("the registry does not describe what it holds")
	}
	descriptions := make(chan *prometheus.Desc, 1000)
	registry.Describe(descriptions)
	// The manager registers these two; the package that does so is internal to controller-runtime.
	collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}).Describe(descriptions)
	collectors.NewGoCollector().Describe(descriptions)
	close(descriptions)
	metrics := map[string][]string{"up": targetLabels}
	for d := range descriptions {
		parts := regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{(.*)\}\}$`).FindStringSubmatch(d.String())
		if parts == nil {
			t.Fatalf("a collector describes itself in an unknown form: %s", d)
		}
		labels := append(strings.Split(parts[2], ","), targetLabels...)
		metrics[parts[1]] = labels
		metrics[parts[1]+"_count"], metrics[parts[1]+"_sum"] = labels, labels // of a histogram
		metrics[parts[1]+"_bucket"] = append([]string{"le"}, labels...)
	}
	return metrics
}

// values are the possible values of the labels that alerts select by, by metric and label, read from the source that sets them.
func values(t *testing.T) map[string][]string {
	t.Helper()
	source := sources(t, "internal/receiver")
	var codes, jobs []string
	for code := range 600 {
		name := strings.NewReplacer(" ", "", "-", "").Replace(http.StatusText(code))
		if name != "" && regexp.MustCompile(`\bhttp\.Status`+regexp.QuoteMeta(name)+`\b`).MatchString(source) {
			codes = append(codes, fmt.Sprint(code))
		}
	}
	for _, file := range []string{"config/manager/metrics_service.yaml", "config/split/receiver/metrics_service.yaml"} {
		jobs = append(jobs, "tollkeeper-"+regexp.MustCompile(`(?m)^  name: (\S+)$`).FindStringSubmatch(read(t, file))[1])
	}
	wordsOf := func(folder string) (found []string) {
		for _, word := range regexp.MustCompile(`"([a-z_]+)"`).FindAllStringSubmatch(sources(t, folder), -1) {
			found = append(found, word[1])
		}
		return found
	}
	lease := regexp.MustCompile(`leaderElectionID\s+= "([^"]+)"`).FindStringSubmatch(sources(t, "internal/app"))
	return map[string][]string{
		"tollkeeper_receiver_requests_total code":      codes,
		"tollkeeper_receiver_requests_total reason":    wordsOf("internal/receiver"),
		"tollkeeper_backfill_runs_total result":        wordsOf("internal/backfill"),
		"tollkeeper_backfill_events_total result":      wordsOf("internal/backfill"),
		"tollkeeper_webhook_endpoint_problems problem": wordsOf("internal/endpoint"),
		"tollkeeper_emails_total outcome":              wordsOf("internal/controller/email"),
		"tollkeeper_readings_refused_total reason":     wordsOf("internal/controller/resync"),
		"tollkeeper_event_recorded_lag_seconds via":    wordsOf("internal/recorder"),
		"tollkeeper_customers entitled":                {"True", "False", "Unknown"},
		"leader_election_master_status name":           {lease[1]},
		"up job":                                       jobs,
	}
}

// sources is the text of a package without its tests.
func sources(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var text strings.Builder
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			text.WriteString(read(t, filepath.Join(folder, filepath.Base(file))))
		}
	}
	return text.String()
}

// Alerts query metrics, labels and values that exist. An alert on anything else never fires.
func TestAlertsQueryWhatExists(t *testing.T) {
	metrics, values := served(t), values(t)
	for _, a := range alerts(t) {
		grouped := checkQuery(t, a.Alert, a.Expr, metrics, values)
		for _, used := range regexp.MustCompile(`\$labels\.([a-z_]+)`).FindAllStringSubmatch(fmt.Sprint(a.Annotations), -1) {
			if !slices.Contains(grouped, used[1]) {
				t.Errorf("%s prints the label %s, which its expression drops", a.Alert, used[1])
			}
		}
	}
}

// The dashboard queries metrics, labels and values that exist, and names series by labels that they have.
func TestTheDashboardQueriesWhatExists(t *testing.T) {
	panels, err := dashboard.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	metrics, values := served(t), values(t)
	queries := 0
	for _, p := range panels {
		if p.Kind != "row" && len(p.Queries) == 0 {
			t.Errorf("%s has no query", p.Title)
		}
		for _, q := range p.Queries {
			queries++
			grouped := checkQuery(t, p.Title, q.PromQL("ns", "5m"), metrics, values)
			for _, used := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(q.Legend, -1) {
				if !slices.Contains(grouped, used[1]) {
					t.Errorf("%s names its series by %s, which its query drops", p.Title, used[1])
				}
			}
		}
	}
	if queries < 30 {
		t.Errorf("the dashboard has %d queries", queries)
	}
}

// queried matches a metric in a query, and its matchers.
var queried = regexp.MustCompile(`\b(tollkeeper_[a-z_]+|leader_election_[a-z_]+|process_[a-z_]+|go_[a-z_]+|up)\b(?:\{([^}]*)\})?`)

// checkQuery reports a metric, a label or a value in a query that does not exist. It returns the labels of the result.
func checkQuery(t *testing.T, who, expr string, metrics, values map[string][]string) (grouped []string) {
	t.Helper()
	selectors := queried.FindAllStringSubmatch(expr, -1)
	if len(selectors) == 0 {
		t.Errorf("%s queries no metric", who)
	}
	var known []string
	for _, selector := range selectors {
		labels, ok := metrics[selector[1]]
		if !ok {
			t.Errorf("%s queries %s, which does not exist", who, selector[1])
		}
		known = append(known, labels...)
		for _, matcher := range regexp.MustCompile(`([a-z_]+)(?:=~?|!=|!~)"([^"]*)"`).FindAllStringSubmatch(selector[2], -1) {
			if !slices.Contains(labels, matcher[1]) {
				t.Errorf("%s queries the label %s of %s, which does not have it", who, matcher[1], selector[1])
			}
			if matcher[1] == "namespace" {
				continue
			}
			metric := regexp.MustCompile(`_(count|sum|bucket)$`).ReplaceAllString(selector[1], "")
			for value := range strings.SplitSeq(matcher[2], "|") {
				if !slices.Contains(values[metric+" "+matcher[1]], value) {
					t.Errorf("%s queries %s with %s=%q, a value that it never has", who, selector[1], matcher[1], value)
				}
			}
		}
	}
	grouped = known
	if by := regexp.MustCompile(`\bby \(([^)]*)\)`).FindAllStringSubmatch(expr, -1); by != nil {
		grouped = nil
		for _, group := range by {
			grouped = append(grouped, strings.Split(group[1], ", ")...)
		}
	}
	for _, label := range grouped {
		if !slices.Contains(known, label) {
			t.Errorf("%s groups by %s, which its metrics do not have", who, label)
		}
	}
	return grouped
}

// Without a leader, or without metrics, the other alerts have no data. These two use what remains, and its absence.
func TestSilenceIsNoticed(t *testing.T) {
	expressions := map[string]string{}
	for _, a := range alerts(t) {
		expressions[a.Alert] = a.Expr
	}
	const leads = `leader_election_master_status{name="leader.billing.tollkeeper.dev"}`
	for name, want := range map[string]string{
		"TollkeeperHasNoLeader": "sum by (namespace) (" + leads + ") == 0 or absent(" + leads + ")",
		"TollkeeperTargetDown":  `up{job=~"tollkeeper-metrics|tollkeeper-receiver-metrics"} == 0 or absent(up{job="tollkeeper-metrics"})`,
	} {
		if expressions[name] != want {
			t.Errorf("%s queries %q, want %q", name, expressions[name], want)
		}
	}
}

// Prometheus sends its token to any process that answers at a target. So the token may read the metrics and nothing else.
func TestPrometheusSendsATokenForMetricsOnly(t *testing.T) {
	type object struct {
		Kind     string `json:"kind"`
		Type     string `json:"type"`
		Metadata struct {
			Name        string            `json:"name"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
		RoleRef  struct{ Name string }   `json:"roleRef"`
		Subjects []struct{ Name string } `json:"subjects"`
		Spec     struct {
			Endpoints []struct {
				BearerTokenFile string `json:"bearerTokenFile"`
				Authorization   struct {
					Credentials struct{ Name, Key string } `json:"credentials"`
				} `json:"authorization"`
			} `json:"endpoints"`
		} `json:"spec"`
	}
	objects := map[string]object{}
	for _, file := range []string{"account.yaml", "monitor.yaml"} {
		for text := range strings.SplitSeq(read(t, "config/prometheus/"+file), "\n---\n") {
			var o object
			if err := yaml.Unmarshal([]byte(text), &o); err != nil {
				t.Fatal(err)
			}
			objects[o.Kind] = o
		}
	}
	const account = "tollkeeper-metrics-scraper"
	endpoints := objects["ServiceMonitor"].Spec.Endpoints
	if len(endpoints) != 1 || endpoints[0].BearerTokenFile != "" || endpoints[0].Authorization.Credentials != struct{ Name, Key string }{account, "token"} {
		t.Errorf("the metrics are read with %+v", endpoints)
	}
	secret := objects["Secret"]
	if secret.Metadata.Name != account || secret.Type != "kubernetes.io/service-account-token" ||
		secret.Metadata.Annotations["kubernetes.io/service-account.name"] != objects["ServiceAccount"].Metadata.Name {
		t.Errorf("the token is in %+v", secret)
	}
	binding := objects["ClusterRoleBinding"]
	if objects["ServiceAccount"].Metadata.Name != account || binding.RoleRef.Name != "tollkeeper-metrics-reader" ||
		len(binding.Subjects) != 1 || binding.Subjects[0].Name != account {
		t.Errorf("the account %+v is bound by %+v", objects["ServiceAccount"], binding)
	}
}

// hasNoVolume are the alerts on a state, which no number of events makes larger or smaller.
var hasNoVolume = []string{
	"TollkeeperHasNoLeader", "TollkeeperTargetDown", "TollkeeperStripeKeyRefused", "TollkeeperCredentialNotUsed", "TollkeeperEndpointDisabled", "TollkeeperEndpointNotChecked",
}

// Every alert has a case in which it fires, and one in which it does not although its metrics are there; those that count
// have two of each, for few events and for many. `make test-alerts` runs them.
func TestEveryAlertIsTested(t *testing.T) {
	cases := alertCases(t)
	named := regexp.MustCompile(`\b(tollkeeper_[a-z_]+|leader_election_[a-z_]+|up)\b`)
	for _, a := range alerts(t) {
		fires, isSilent := 0, 0
		for _, tc := range cases {
			hasMetric, firesOnce := false, false
			for _, input := range tc.InputSeries {
				hasMetric = hasMetric || slices.Contains(named.FindAllString(a.Expr, -1), named.FindString(input.Series))
			}
			for _, point := range tc.Points {
				for _, sample := range point.Samples {
					firesOnce = firesOnce || sample.Labels == fmt.Sprintf("{alertname=%q}", a.Alert)
				}
			}
			switch {
			case firesOnce:
				fires++
			case hasMetric:
				isSilent++
			}
		}
		want := 2
		if slices.Contains(hasNoVolume, a.Alert) {
			want = 1
		}
		if fires < want || isSilent < want {
			t.Errorf("%s: cases in which it fires: %d; in which it does not: %d; want %d of each", a.Alert, fires, isSilent, want)
		}
	}
}

type alertCase struct {
	InputSeries []struct{ Series string } `json:"input_series"`
	Points      []struct {
		Samples []struct{ Labels string } `json:"exp_samples"`
	} `json:"promql_expr_test"`
}

// alertCases are the cases of all files in test/alerts.
func alertCases(t *testing.T) []alertCase {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "test/alerts/*_test.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var all []alertCase
	for _, path := range files {
		var file struct {
			Tests []alertCase `json:"tests"`
		}
		if err := yaml.Unmarshal([]byte(read(t, filepath.Join("test/alerts", filepath.Base(path)))), &file); err != nil {
			t.Fatal(err)
		}
		all = append(all, file.Tests...)
	}
	return all
}

// runbook is the page that the alerts link to.
const runbook = "docs/monitoring.md"

// Every alert links to its own section of the runbook, which begins with the alert's severity. No section is about another alert.
func TestEveryAlertHasARunbook(t *testing.T) {
	const address = "https://github.com/tollkeeper/tollkeeper/blob/main/" + runbook + "#"
	page := read(t, runbook)
	sections := map[string]string{}
	for _, section := range regexp.MustCompile(`(?m)^### (Tollkeeper\w+)\n\n(\w+)\.`).FindAllStringSubmatch(page, -1) {
		if sections[section[1]] != "" {
			t.Errorf("%s has two sections", section[1])
		}
		sections[section[1]] = strings.ToLower(section[2])
	}
	severities := map[string]string{}
	for _, a := range alerts(t) {
		severities[a.Alert] = a.Labels["severity"]
		anchor, ok := strings.CutPrefix(a.Annotations["runbook_url"], address)
		if !ok || anchor != strings.ToLower(a.Alert) || !slices.Contains(anchors(page), anchor) {
			t.Errorf("%s links to %q, which is no section of its own in %s", a.Alert, a.Annotations["runbook_url"], runbook)
		}
	}
	if diff := cmp.Diff(severities, sections); diff != "" {
		t.Errorf("severities (-config/prometheus/alerts.yaml +%s):\n%s", runbook, diff)
	}
}

// The table of what can go wrong names every alert, metrics that exist, and messages that the operator logs.
func TestWhatCanGoWrongIsWatched(t *testing.T) {
	metrics := served(t)
	var source strings.Builder
	for _, folder := range packagesBelow(t, "internal") {
		source.WriteString(sources(t, folder))
	}
	named := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| ([^|`]+) \\| ([^|]+) \\| ([^|]+) \\| ([^|]+) \\|$").FindAllStringSubmatch(read(t, runbook), -1) {
		if row[1] == "what goes wrong" {
			continue
		}
		for _, metric := range regexp.MustCompile("`([a-z_]+)").FindAllStringSubmatch(row[2], -1) {
			if metrics[metric[1]] == nil {
				t.Errorf("%q: the metric %s does not exist", row[1], metric[1])
			}
		}
		for _, name := range regexp.MustCompile("`(Tollkeeper\\w+)`").FindAllStringSubmatch(row[3], -1) {
			named[name[1]] = true
		}
		for _, message := range regexp.MustCompile("`([A-Z][^`]+)`").FindAllStringSubmatch(row[4], -1) {
			text, isCount := strings.CutPrefix(message[1], "Failed to count ")
			if !strings.Contains(source.String(), text) || isCount && !strings.Contains(source.String(), `"Failed to count "+what`) {
				if message[1] != "Entitled" && message[1] != "Sent" {
					t.Errorf("%q: no package logs %q", row[1], message[1])
				}
			}
		}
	}
	for _, a := range alerts(t) {
		if !named[a.Alert] {
			t.Errorf("the table does not name %s", a.Alert)
		}
	}
}

// packagesBelow are the folders with Go files below a folder.
func packagesBelow(t *testing.T, folder string) []string {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(filepath.Join(root, folder), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			name, relative := filepath.Rel(root, filepath.Dir(path))
			found[name], err = true, relative
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(found))
}
