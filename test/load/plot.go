package main

import (
	"fmt"
	"os"
	"strings"
	"text/template"
)

// bars are what the plot shows: ratios that hold on other machines too.
var bars = []string{"acknowledged ÷ raw", "shown ÷ raw", "writes an event", "API server CPU an event ÷ raw create"}

// plotted is one bar of the plot.
type plotted struct {
	Header, Label, Text string
	Y                   int
	Width, Least, Most  float64
}

const (
	rowHeight  = 18
	barsFrom   = 330.0
	barsLength = 420.0
)

// writePlot draws a bar for each ratio of each load: the median, with a line from the least to the most.
func (r *results) writePlot(path string) error {
	plot := struct {
		Height int
		Rows   []plotted
	}{}
	y := rowHeight
	for _, bar := range bars {
		y += rowHeight
		plot.Rows = append(plot.Rows, plotted{Header: bar, Y: y})
		largest := r.largest(bar)
		for _, s := range r.Sections {
			for _, name := range s.names() {
				load, figure, _ := strings.Cut(name, ": ")
				if figure != bar {
					continue
				}
				sum := s.summary(name)
				y += rowHeight
				scale := barsLength / largest
				plot.Rows = append(plot.Rows, plotted{
					Label: load + ", " + s.Name, Y: y, Width: sum.median * scale, Least: barsFrom + sum.least*scale, Most: barsFrom + sum.most*scale,
					Text: fmt.Sprintf("%.3g", sum.median),
				})
			}
		}
	}
	plot.Height = y + rowHeight
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := picture.Execute(file, plot); err != nil {
		_ = file.Close() // the first error counts
		return err
	}
	return file.Close()
}

func (r *results) largest(figure string) (most float64) {
	for _, s := range r.Sections {
		for _, name := range s.names() {
			if strings.HasSuffix(name, ": "+figure) {
				sum := s.summary(name)
				most = max(most, sum.most)
			}
		}
	}
	return max(most, 1e-9)
}

var picture = template.Must(template.New("plot").Parse(`<svg xmlns="http://www.w3.org/2000/svg" width="840" height="{{.Height}}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
{{range .Rows}}{{if .Header}}<text x="10" y="{{.Y}}" font-weight="bold">{{.Header}}</text>
{{else}}<text x="320" y="{{.Y}}" text-anchor="end">{{.Label}}</text>
<rect x="330" y="{{.Y}}" width="{{printf "%.1f" .Width}}" height="11" fill="#4878a8" transform="translate(0,-10)"/>
<path d="M{{printf "%.1f" .Least}} {{.Y}} H{{printf "%.1f" .Most}}" stroke="black" transform="translate(0,-4.5)"/>
<text x="{{printf "%.1f" .Most}}" y="{{.Y}}" dx="6">{{.Text}}</text>
{{end}}{{end}}</svg>
`))
