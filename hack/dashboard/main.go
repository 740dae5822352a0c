// Command dashboard asks a running Prometheus every query of the Grafana dashboard. It prints how many series answer each,
// and fails if one has no answer. With -html it also draws the panels from the answers: a picture of the queries' data, not
// of Grafana.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/testutil/dashboard"
)

func main() {
	prometheus := flag.String("prometheus", "http://127.0.0.1:9090", "Prometheus's URL.")
	namespace := flag.String("namespace", "tollkeeper-system", "The value of the dashboard's variable.")
	window := flag.Duration("range", 10*time.Minute, "How far back the panels show.")
	html := flag.String("html", "", "File to draw the panels into; empty for none.")
	flag.Parse()
	if err := run(*prometheus, *namespace, *window, *html); err != nil {
		fmt.Fprintln(os.Stderr, "dashboard:", err)
		os.Exit(1)
	}
}

// answer is what Prometheus says to one query.
type answer struct {
	query  dashboard.Query
	series []series
}

type series struct {
	name   string
	labels map[string]string
	points []point
}

type point struct{ at, value float64 }

func run(prometheus, namespace string, window time.Duration, html string) error {
	panels, err := dashboard.Load(".")
	if err != nil {
		return err
	}
	until := time.Now()
	answers := make([][]answer, len(panels))
	var empty error
	for i, p := range panels {
		for _, q := range p.Queries {
			found, err := ask(prometheus, q, namespace, until.Add(-window), until)
			if err != nil {
				return fmt.Errorf("%s: %w", p.Title, err)
			}
			fmt.Printf("%3d series  %s: %s\n", len(found), p.Title, q.PromQL(namespace, rateInterval))
			if len(found) == 0 {
				empty = errors.Join(empty, fmt.Errorf("%s has no data: %s", p.Title, q.Expr))
			}
			answers[i] = append(answers[i], answer{q, found})
		}
	}
	if html != "" {
		if err := os.WriteFile(html, []byte(page(panels, answers, until.Add(-window), until)), 0o600); err != nil {
			return fmt.Errorf("write the picture: %w", err)
		}
	}
	return empty
}

// rateInterval stands for Grafana's $__rate_interval: some scrapes.
const rateInterval = "30s"

// ask makes a range query, as Grafana does for a panel.
func ask(prometheus string, q dashboard.Query, namespace string, from, until time.Time) ([]series, error) {
	step := max(time.Second, until.Sub(from)/240)
	address := prometheus + "/api/v1/query_range?" + url.Values{
		"query": {q.PromQL(namespace, rateInterval)}, "start": {strconv.FormatInt(from.Unix(), 10)},
		"end": {strconv.FormatInt(until.Unix(), 10)}, "step": {fmt.Sprintf("%.0f", step.Seconds())},
	}.Encode()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var result struct {
		Error string `json:"error"`
		Data  struct {
			Result []struct {
				Metric map[string]string `json:"metric"`
				Values [][2]any          `json:"values"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &result); err != nil || result.Error != "" {
		return nil, fmt.Errorf("%s: %w %s", q.Expr, err, result.Error)
	}
	var found []series
	for _, r := range result.Data.Result {
		s := series{name: q.Name(r.Metric), labels: r.Metric}
		for _, v := range r.Values {
			at, _ := v[0].(float64)
			text, _ := v[1].(string)
			if value, err := strconv.ParseFloat(text, 64); err == nil {
				s.points = append(s.points, point{at, value})
			}
		}
		found = append(found, s)
	}
	return found, nil
}
