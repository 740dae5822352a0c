package repository

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	runtimemetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/yaml"

	_ "github.com/tollkeeper/tollkeeper/internal/metrics" // registers the collectors
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
	close(descriptions)
	metrics := map[string][]string{"up": targetLabels}
	for d := range descriptions {
		parts := regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{(.*)\}\}$`).FindStringSubmatch(d.String())
		if parts == nil {
			t.Fatalf("a collector describes itself in an unknown form: %s", d)
		}
		metrics[parts[1]] = append(strings.Split(parts[2], ","), targetLabels...)
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
	named := regexp.MustCompile(`\b(tollkeeper_[a-z_]+|leader_election_[a-z_]+|up)\b(?:\{([^}]*)\})?`)
	for _, a := range alerts(t) {
		selectors := named.FindAllStringSubmatch(a.Expr, -1)
		if len(selectors) == 0 {
			t.Errorf("%s queries no metric", a.Alert)
		}
		var known []string
		for _, selector := range selectors {
			labels, ok := metrics[selector[1]]
			if !ok {
				t.Errorf("%s queries %s, which does not exist", a.Alert, selector[1])
			}
			known = append(known, labels...)
			for _, matcher := range regexp.MustCompile(`([a-z_]+)(?:=~?|!=|!~)"([^"]*)"`).FindAllStringSubmatch(selector[2], -1) {
				if !slices.Contains(labels, matcher[1]) {
					t.Errorf("%s queries the label %s of %s, which does not have it", a.Alert, matcher[1], selector[1])
				}
				for value := range strings.SplitSeq(matcher[2], "|") {
					if !slices.Contains(values[selector[1]+" "+matcher[1]], value) {
						t.Errorf("%s queries %s with %s=%q, a value that it never has", a.Alert, selector[1], matcher[1], value)
					}
				}
			}
		}
		grouped := known
		if by := regexp.MustCompile(`\bby \(([^)]*)\)`).FindAllStringSubmatch(a.Expr, -1); by != nil {
			grouped = nil
			for _, group := range by {
				grouped = append(grouped, strings.Split(group[1], ", ")...)
			}
		}
		for _, label := range grouped {
			if !slices.Contains(known, label) {
				t.Errorf("%s groups by %s, which its metrics do not have", a.Alert, label)
			}
		}
		for _, used := range regexp.MustCompile(`\$labels\.([a-z_]+)`).FindAllStringSubmatch(fmt.Sprint(a.Annotations), -1) {
			if !slices.Contains(grouped, used[1]) {
				t.Errorf("%s prints the label %s, which its expression drops", a.Alert, used[1])
			}
		}
	}
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

// Every alert has a case in which it fires, and one in which it does not although its metrics are there. `make test-alerts`
// runs them.
func TestEveryAlertIsTested(t *testing.T) {
	var file struct {
		Tests []struct {
			InputSeries []struct{ Series string } `json:"input_series"`
			Points      []struct {
				Samples []struct{ Labels string } `json:"exp_samples"`
			} `json:"promql_expr_test"`
		} `json:"tests"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "test/alerts/alerts_test.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\b(tollkeeper_[a-z_]+|leader_election_[a-z_]+|up)\b`)
	for _, a := range alerts(t) {
		fires, isSilent := false, false
		for _, tc := range file.Tests {
			hasMetric := false
			for _, input := range tc.InputSeries {
				hasMetric = hasMetric || slices.Contains(named.FindAllString(a.Expr, -1), named.FindString(input.Series))
			}
			for _, point := range tc.Points {
				firesNow := false
				for _, sample := range point.Samples {
					firesNow = firesNow || sample.Labels == fmt.Sprintf("{alertname=%q}", a.Alert)
				}
				fires, isSilent = fires || firesNow, isSilent || hasMetric && !firesNow
			}
		}
		if !fires || !isSilent {
			t.Errorf("%s: a case in which it fires: %t; one in which it does not: %t", a.Alert, fires, isSilent)
		}
	}
}

// The table of docs/operations.md has every alert once, with its severity and what to do, and no others.
func TestTheRunbookHasEveryAlert(t *testing.T) {
	runbook := map[string]string{}
	page := read(t, "docs/operations.md")
	for _, row := range regexp.MustCompile("(?m)^\\| (`Tollkeeper[^|]*) \\| ([^|]*) \\| [^|]+ \\|$").FindAllStringSubmatch(page, -1) {
		names, severities := strings.Split(row[1], ", "), strings.Split(row[2], ", ")
		for i, name := range names {
			name = strings.Trim(name, "`")
			if runbook[name] != "" {
				t.Errorf("%s is in two rows", name)
			}
			runbook[name] = severities[min(i, len(severities)-1)]
		}
	}
	severities := map[string]string{}
	for _, a := range alerts(t) {
		severities[a.Alert] = a.Labels["severity"]
	}
	if diff := cmp.Diff(severities, runbook); diff != "" {
		t.Errorf("severities (-config/prometheus/alerts.yaml +docs/operations.md):\n%s", diff)
	}
}
