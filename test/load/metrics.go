package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// families returns the metrics in Prometheus' text format.
func families(text string) (map[string]*dto.MetricFamily, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(strings.NewReader(text))
}

// requests are numbers of requests that the API server has answered, by verb and kind, such as "PUT customers/status".
// Only the operator's kinds count.
type requests map[string]float64

func (b *bench) requests(ctx context.Context) (requests, error) {
	text, err := b.get(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	all, err := families(text)
	if err != nil {
		return nil, err
	}
	counts := requests{}
	for _, m := range all["apiserver_request_total"].GetMetric() {
		labels := map[string]string{}
		for _, label := range m.GetLabel() {
			labels[label.GetName()] = label.GetValue()
		}
		if labels["group"] != v1alpha1.GroupVersion.Group || labels["verb"] == "LIST" {
			continue // the lists are this program's, which waits until nothing is pending
		}
		kind := labels["resource"]
		if labels["subresource"] != "" {
			kind += "/" + labels["subresource"]
		}
		if labels["dry_run"] != "" {
			kind += " (dry run)"
		}
		counts[labels["verb"]+" "+kind] += m.GetCounter().GetValue()
	}
	return counts, nil
}

// since returns the requests that were made since earlier.
func (r requests) since(earlier requests) requests {
	made := requests{}
	for name, n := range r {
		if d := n - earlier[name]; d > 0 {
			made[name] = d
		}
	}
	return made
}

// writes is the number of writes of events, customers and subscriptions. E-mails are left out: they follow from sign-ups
// alone, and Mailgun bounds their rate.
func (r requests) writes() (n float64) {
	for name, count := range r {
		verb, kind, _ := strings.Cut(name, " ")
		resource, _, _ := strings.Cut(kind, "/")
		switch resource {
		case "billingevents", "customers", "subscriptions":
		default:
			continue
		}
		switch verb {
		case "POST", "PUT", "PATCH", "APPLY", "DELETE":
			n += count
		}
	}
	return n
}

// restingHeap is the manager's live heap after the next garbage collection, in bytes. Go collects at least every two minutes.
// The collection after it begins at twice the live heap, with Go's default settings.
func (m *manager) restingHeap(ctx context.Context) (heap float64, err error) {
	begin := float64(time.Now().Add(10 * time.Second).Unix()) // what a start leaves behind may be dead by then
	err = wait.PollUntilContextTimeout(ctx, time.Second, 3*time.Minute, true, func(ctx context.Context) (bool, error) {
		text, err := fetch(ctx, m.metrics)
		if err != nil {
			return false, err
		}
		all, err := families(text)
		last, next := all["go_memstats_last_gc_time_seconds"].GetMetric(), all["go_memstats_next_gc_bytes"].GetMetric()
		if err != nil || len(last) != 1 || len(next) != 1 {
			return false, errors.Join(errors.New("the manager's metrics have no go_memstats"), err)
		}
		heap = next[0].GetGauge().GetValue() / 2
		return last[0].GetGauge().GetValue() > begin, nil
	})
	return heap, err
}

// get returns a page of the API server.
func (b *bench) get(ctx context.Context, path string) (string, error) {
	return fetchWith(ctx, b.http, b.address+path)
}

// fetch returns a page, which must be answered with 200.
func fetch(ctx context.Context, url string) (string, error) {
	return fetchWith(ctx, http.DefaultClient, url)
}

func fetchWith(ctx context.Context, client *http.Client, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s", url, response.Status)
	}
	return string(body), err
}
