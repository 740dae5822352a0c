package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// results are the figures of all rounds.
type results struct {
	// Sections are parts of the run with the same circumstances, in order.
	Sections []*section `json:"sections"`
}

type section struct {
	Name   string    `json:"name"`
	Rounds []figures `json:"rounds"`
}

func (r *results) add(name string, f figures) {
	i := slices.IndexFunc(r.Sections, func(s *section) bool { return s.Name == name })
	if i < 0 {
		i = len(r.Sections)
		r.Sections = append(r.Sections, &section{Name: name})
	}
	r.Sections[i].Rounds = append(r.Sections[i].Rounds, f)
}

// summary is the median of a figure's rounds, the least and the most; 0 for a figure that no round has.
type summary struct{ median, least, most float64 }

func (s *section) summary(figure string) summary {
	var values []float64
	for _, round := range s.Rounds {
		if value, measured := round[figure]; measured {
			values = append(values, value)
		}
	}
	if len(values) == 0 {
		return summary{}
	}
	slices.Sort(values)
	return summary{median: values[len(values)/2], least: values[0], most: values[len(values)-1]}
}

// names returns the names of the section's figures, sorted.
func (s *section) names() []string {
	all := figures{}
	for _, round := range s.Rounds {
		maps.Copy(all, round)
	}
	return slices.Sorted(maps.Keys(all))
}

// printTable prints the median of every figure with the least and the most.
func (r *results) printTable(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range r.Sections {
		fmt.Fprintf(table, "%s\tmedian of %d\tleast\tmost\n", s.Name, len(s.Rounds))
		for _, name := range s.names() {
			sum := s.summary(name)
			fmt.Fprintf(table, "  %s\t%.4g\t%.4g\t%.4g\n", name, sum.median, sum.least, sum.most)
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush() // a terminal that is gone needs no table
}

func (r *results) writeJSON(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// quantile is the value below which that share of the times lies; 0 for none.
func quantile(times []time.Duration, share float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
