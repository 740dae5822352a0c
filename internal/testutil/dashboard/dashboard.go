// Package dashboard reads the Grafana dashboard, for the tests of its queries and for its picture.
package dashboard

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// File is the path of the dashboard in the repository.
const File = "config/grafana/tollkeeper.json"

// Panel is a panel, or a row's title.
type Panel struct {
	Title string `json:"title"`
	// Kind is Grafana's type of the panel: row, stat, timeseries, heatmap.
	Kind string `json:"type"`
	// Place is in columns of 24, and in rows.
	Place struct {
		X, Y int
		Wide int `json:"w"`
		High int `json:"h"`
	} `json:"gridPos"`
	Field struct {
		Defaults struct {
			Unit   string `json:"unit"`
			Custom struct {
				Stacking struct {
					Mode string `json:"mode"`
				} `json:"stacking"`
			} `json:"custom"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
	Queries []Query `json:"targets"`
}

// Query is one query of a panel.
type Query struct {
	Expr string `json:"expr"`
	// Legend is a template of the series' names, with {{label}}.
	Legend string `json:"legendFormat"`
}

// Load reads the dashboard in the repository at root.
func Load(root string) ([]Panel, error) {
	text, err := os.ReadFile(root + "/" + File)
	if err != nil {
		return nil, fmt.Errorf("read the dashboard: %w", err)
	}
	var d struct {
		Panels []Panel `json:"panels"`
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("parse the dashboard: %w", err)
	}
	return d.Panels, nil
}

// PromQL is the query with its variables replaced, as Grafana does it. interval is a duration of PromQL, such as 1m.
func (q Query) PromQL(namespace, interval string) string {
	return strings.NewReplacer("$namespace", namespace, "$__rate_interval", interval).Replace(q.Expr)
}

// Name is what the legend calls a series with the labels.
func (q Query) Name(labels map[string]string) string {
	name := q.Legend
	for label, value := range labels {
		name = strings.ReplaceAll(name, "{{"+label+"}}", value)
	}
	if before, _, isMissing := strings.Cut(name, "{{"); isMissing {
		name = before
	}
	return strings.TrimSpace(name)
}
