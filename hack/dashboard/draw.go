package main

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/testutil/dashboard"
)

const (
	column, line = 64, 34 // pixels of a column and of a row of Grafana's grid
	left, bottom = 46, 18 // pixels of the axes
)

var colours = []string{
	"#2f7d4f", "#c8553d", "#2b6cb0", "#d69e2e", "#805ad5", "#319795", "#b83280", "#718096", "#9c4221", "#2c5282", "#68d391", "#f687b3",
}

// page is the panels as a web page.
func page(panels []dashboard.Panel, answers [][]answer, from, until time.Time) string {
	var out strings.Builder
	high := 0
	for _, p := range panels {
		high = max(high, (p.Place.Y+p.Place.High)*line)
	}
	fmt.Fprintf(&out, `<!doctype html><meta charset="utf-8"><style>
body{margin:0;background:#f4f5f5;font:12px "DejaVu Sans",sans-serif;color:#24292e}
.p{position:absolute;background:#fff;border:1px solid #e1e4e8;border-radius:3px;box-sizing:border-box;overflow:hidden}
.t{font-weight:bold;padding:4px 8px;white-space:nowrap}.row{position:absolute;font-weight:bold;font-size:14px;padding:8px}
.n{font-size:24px;text-align:center;color:#2f7d4f}.l{padding:0 8px;font-size:10px;line-height:13px}.l i{display:inline-block;width:9px;height:9px;margin-right:3px}
.l span{margin-right:9px;white-space:nowrap}svg text{font-size:10px;fill:#586069}
</style><div style="position:relative;width:%dpx;height:%dpx">`, 24*column, high)
	for i, p := range panels {
		place := fmt.Sprintf("left:%dpx;top:%dpx;width:%dpx;height:%dpx", p.Place.X*column+3, p.Place.Y*line+3, p.Place.Wide*column-6, p.Place.High*line-6)
		if p.Kind == "row" {
			fmt.Fprintf(&out, `<div class="row" style="%s">%s</div>`, place, html.EscapeString(p.Title))
			continue
		}
		fmt.Fprintf(&out, `<div class="p" style="%s"><div class="t">%s</div>`, place, html.EscapeString(p.Title))
		switch p.Kind {
		case "stat":
			out.WriteString(drawStat(p, answers[i]))
		case "heatmap":
			out.WriteString(drawHeatmap(p, answers[i], from, until))
		default:
			out.WriteString(drawLines(p, answers[i], from, until))
		}
		out.WriteString("</div>")
	}
	out.WriteString("</div>")
	return out.String()
}

func drawStat(p dashboard.Panel, answers []answer) string {
	if len(answers) == 0 || len(answers[0].series) == 0 {
		return `<div class="n">no data</div>`
	}
	points := answers[0].series[0].points
	return `<div class="n">` + number(points[len(points)-1].value, p.Field.Defaults.Unit) + `</div>`
}

// frame maps time and value to the pixels of a panel.
type frame struct {
	wide, high  float64
	from, until time.Time
	top         float64
}

func (f frame) x(at float64) float64 {
	return left + (at-float64(f.from.Unix()))/f.until.Sub(f.from).Seconds()*(f.wide-left-8)
}

func (f frame) y(value float64) float64 { return (f.high - bottom) - value/f.top*(f.high-bottom-8) }

func (f frame) axes(unit string) string {
	var out strings.Builder
	for i := range 4 {
		value := f.top * float64(i) / 3
		fmt.Fprintf(&out, `<line x1="%d" x2="%.0f" y1="%.1f" y2="%.1f" stroke="#e1e4e8"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`,
			left, f.wide-8, f.y(value), f.y(value), left-4, f.y(value)+3, number(value, unit))
	}
	for i := range 4 {
		at := f.from.Add(f.until.Sub(f.from) * time.Duration(i) / 3)
		anchor := []string{"start", "middle", "middle", "end"}[i]
		fmt.Fprintf(&out, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, f.x(float64(at.Unix())), f.high-4, anchor, at.UTC().Format("15:04:05"))
	}
	return out.String()
}

func frameOf(p dashboard.Panel, legend int, from, until time.Time) frame {
	return frame{wide: float64(p.Place.Wide*column - 8), high: float64(p.Place.High*line - 8 - 24 - 13*legend - 4), from: from, until: until, top: 1}
}

// drawLines draws the series as lines; stacked ones each on those before it.
func drawLines(p dashboard.Panel, answers []answer, from, until time.Time) string {
	var all []series
	for _, a := range answers {
		all = append(all, a.series...)
	}
	all = slices.DeleteFunc(all, func(s series) bool { return isEmpty(s) && len(all) > 6 })
	slices.SortStableFunc(all, func(a, b series) int { return cmp.Compare(a.name, b.name) })
	perLine := max(1, p.Place.Wide*column/150)
	f := frameOf(p, (len(all)+perLine-1)/perLine, from, until)
	stacked, base := p.Field.Defaults.Custom.Stacking.Mode == "normal", map[float64]float64{}
	highest := 0.0
	for _, s := range all {
		for i, at := range s.points {
			if math.IsNaN(at.value) || math.IsInf(at.value, 0) {
				continue
			}
			if stacked {
				base[at.at] += at.value
				s.points[i].value = base[at.at]
			}
			highest = max(highest, s.points[i].value)
		}
	}
	if highest > 0 {
		f.top = highest * 1.1
	}
	var out, legend strings.Builder
	fmt.Fprintf(&out, `<svg width="%.0f" height="%.0f">%s`, f.wide, f.high, f.axes(p.Field.Defaults.Unit))
	for i, s := range slices.Backward(all) {
		colour := colours[i%len(colours)]
		path, pen := "", "M"
		for _, at := range s.points {
			if math.IsNaN(at.value) || math.IsInf(at.value, 0) {
				pen = "M"
				continue
			}
			path += fmt.Sprintf("%s%.1f %.1f", pen, f.x(at.at), f.y(at.value))
			pen = "L"
		}
		fill := "none"
		if points := s.points; stacked && len(points) > 0 {
			fill = colour
			path += fmt.Sprintf("L%.1f %.1fL%.1f %.1fZ", f.x(points[len(points)-1].at), f.y(0), f.x(points[0].at), f.y(0))
		}
		fmt.Fprintf(&out, `<path d="%s" fill="%s" fill-opacity=".5" stroke="%s" stroke-width="1.2"/>`, path, fill, colour)
	}
	for i, s := range all {
		fmt.Fprintf(&legend, `<span><i style="background:%s"></i>%s</span>`, colours[i%len(colours)], html.EscapeString(cmp.Or(s.name, "value")))
	}
	return out.String() + `</svg><div class="l">` + legend.String() + `</div>`
}

func isEmpty(s series) bool {
	return !slices.ContainsFunc(s.points, func(p point) bool { return p.value > 0 })
}

// drawHeatmap draws a cell for each bucket and time: the darker, the more events.
func drawHeatmap(p dashboard.Panel, answers []answer, from, until time.Time) string {
	f := frameOf(p, 0, from, until)
	buckets := slices.Clone(answers[0].series)
	slices.SortFunc(buckets, func(a, b series) int { return cmp.Compare(upper(a), upper(b)) })
	most, below := 0.0, map[float64]float64{}
	counts := make([]map[float64]float64, len(buckets))
	for i, b := range buckets {
		counts[i] = map[float64]float64{}
		for _, at := range b.points {
			counts[i][at.at] = max(0, at.value-below[at.at])
			below[at.at] = at.value
			most = max(most, counts[i][at.at])
		}
	}
	var out strings.Builder
	fmt.Fprintf(&out, `<svg width="%.0f" height="%.0f">`, f.wide, f.high)
	f.top = float64(len(buckets))
	cell := (f.wide - left - 8) / 240
	for i, b := range buckets {
		fmt.Fprintf(&out, `<text x="%d" y="%.1f" text-anchor="end">%s</text>`, left-4, f.y(float64(i)+.2), b.labels["le"])
		for at, n := range counts[i] {
			if n > 0 {
				fmt.Fprintf(&out, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="#2b6cb0" fill-opacity="%.2f"/>`,
					f.x(at)-cell, f.y(float64(i+1)), cell+.5, f.y(0)-f.y(1)-1, .1+.9*n/most)
			}
		}
	}
	return out.String() + "</svg>"
}

// upper is the upper bound of a bucket.
func upper(s series) float64 {
	value, err := strconv.ParseFloat(s.labels["le"], 64)
	if err != nil {
		return math.Inf(1)
	}
	return value
}

// number is a value for a person.
func number(value float64, unit string) string {
	switch {
	case unit == "bytes":
		return fmt.Sprintf("%.0f MiB", value/(1<<20))
	case unit == "s" && value >= 60:
		return time.Duration(value * float64(time.Second)).Round(time.Second).String()
	case unit == "s":
		return strconv.FormatFloat(value, 'g', 3, 64) + " s"
	default:
		return strconv.FormatFloat(value, 'g', 3, 64)
	}
}
