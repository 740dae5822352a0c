// Package show prints what the plugin has to say: as a table for people, or as JSON or YAML for programs.
//
// Names, addresses and messages come from outside. Clean takes out of them what a terminal would obey.
package show

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"sigs.k8s.io/yaml"
)

// Format is a value of the flag --output.
type Format string

// The formats.
const (
	Table Format = "table"
	Wide  Format = "wide"
	JSON  Format = "json"
	YAML  Format = "yaml"
)

// Formats are all formats, for help texts and completion.
var Formats = []string{string(Table), string(Wide), string(JSON), string(YAML)}

// ParseFormat reads the flag's value.
func ParseFormat(text string) (Format, error) {
	if !slices.Contains(Formats, text) {
		return "", fmt.Errorf("--output=%s is not known: use table, wide, json or yaml", text)
	}
	return Format(text), nil
}

// IsForPrograms reports whether the output is data.
func (f Format) IsForPrograms() bool { return f == JSON || f == YAML }

// Tone is how a text is coloured.
type Tone int

// The tones.
const (
	Plain Tone = iota
	Good
	Warn
	Bad
	Dim
	Strong
)

var codes = map[Tone]string{Good: "32", Warn: "33", Bad: "31", Dim: "2", Strong: "1"}

// Printer prints to one stream.
type Printer struct {
	Out    io.Writer
	Format Format
	// Colour is whether Out is a terminal on which colours are welcome.
	Colour bool
}

// Paint colours a text.
func (p Printer) Paint(tone Tone, text string) string {
	if !p.Colour || codes[tone] == "" || text == "" {
		return text
	}
	return "\x1b[" + codes[tone] + "m" + text + "\x1b[0m"
}

// Object prints a value as JSON or YAML.
func (p Printer) Object(value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err == nil && p.Format == YAML {
		text, err = yaml.JSONToYAML(text)
	}
	if err != nil {
		return fmt.Errorf("print as %s: %w", p.Format, err)
	}
	_, err = fmt.Fprintln(p.Out, strings.TrimSuffix(string(text), "\n"))
	return err
}

// Cell is one value of a table.
type Cell struct {
	Text string
	Tone Tone
}

// Cells are plain values.
func Cells(texts ...string) []Cell {
	cells := make([]Cell, len(texts))
	for i, text := range texts {
		cells[i].Text = text
	}
	return cells
}

// Column is one column of a table. A wide one is shown with -o wide only.
type Column struct {
	Name string
	Wide bool
}

// Rows prints a table. Every row has a cell for every column.
func (p Printer) Rows(columns []Column, rows [][]Cell) error {
	shown := []int{}
	header := make([]Cell, len(columns))
	for i, column := range columns {
		header[i] = Cell{Text: column.Name, Tone: Strong}
		if !column.Wide || p.Format == Wide {
			shown = append(shown, i)
		}
	}
	return p.aligned(append([][]Cell{header}, rows...), shown)
}

// Pairs prints names and values, one pair a line.
func (p Printer) Pairs(rows [][]Cell) error { return p.aligned(rows, []int{0, 1}) }

func (p Printer) aligned(rows [][]Cell, shown []int) error {
	widths := map[int]int{}
	for _, row := range rows {
		for _, i := range shown {
			widths[i] = max(widths[i], utf8.RuneCountInString(Clean(row[i].Text)))
		}
	}
	var out strings.Builder
	for _, row := range rows {
		line := strings.Builder{}
		for at, i := range shown {
			text := Clean(row[i].Text)
			line.WriteString(p.Paint(row[i].Tone, text))
			if at < len(shown)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text)+3))
			}
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(p.Out, out.String())
	return err
}

// Clean takes out of a text from outside what a terminal would obey: control characters, and characters that change the
// direction of writing. A line break becomes a space.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == utf8.RuneError:
			return -1
		default:
			return r
		}
	}, text)
}

// Wrap breaks a text into lines of at most width characters, each indented. A longer word has a line of its own.
func Wrap(text, indent string, width int) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(indent+line+" "+word) > width:
			lines, line = append(lines, indent+line), word
		default:
			line += " " + word
		}
	}
	if line != "" {
		lines = append(lines, indent+line)
	}
	return strings.Join(lines, "\n")
}
