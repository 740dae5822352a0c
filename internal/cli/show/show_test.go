package show

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRows(t *testing.T) {
	columns := []Column{{Name: "ID"}, {Name: "MESSAGE", Wide: true}, {Name: "STATE"}}
	rows := [][]Cell{{{Text: "cus_Ü"}, {Text: "a\nlong one"}, {Text: "True", Tone: Good}}, Cells("cus_Longer", "", "")}
	for name, tc := range map[string]struct {
		printer Printer
		want    string
	}{
		"table": {Printer{Format: Table}, "ID           STATE\ncus_Ü        True\ncus_Longer\n"},
		"wide":  {Printer{Format: Wide}, "ID           MESSAGE      STATE\ncus_Ü        a long one   True\ncus_Longer\n"},
		"colours": {Printer{Format: Table, Colour: true},
			"\x1b[1mID\x1b[0m           \x1b[1mSTATE\x1b[0m\ncus_Ü        \x1b[32mTrue\x1b[0m\ncus_Longer\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			tc.printer.Out = &out
			if err := tc.printer.Rows(columns, rows); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What Stripe's customers type must not reach the terminal as a command.
func TestCleanTakesOutWhatATerminalObeys(t *testing.T) {
	if diff := cmp.Diff("Ada[31m red evil", Clean("Ada\x1b[31m\tred\u202e\x07 evil\u009b")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestObject(t *testing.T) {
	value := struct {
		Name string `json:"name"`
	}{"Ada"}
	for format, want := range map[Format]string{JSON: "{\n  \"name\": \"Ada\"\n}\n", YAML: "name: Ada\n"} {
		var out strings.Builder
		if err := (Printer{Out: &out, Format: format}).Object(value); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

func TestParseFormat(t *testing.T) {
	for _, text := range Formats {
		if got, err := ParseFormat(text); err != nil || string(got) != text {
			t.Errorf("ParseFormat(%q) = %q, %v", text, got, err)
		}
	}
	if _, err := ParseFormat("xml"); err == nil {
		t.Error("xml is accepted")
	}
}

func TestWrap(t *testing.T) {
	want := "  one two\n  three\n  incomprehensible"
	if diff := cmp.Diff(want, Wrap("one two three incomprehensible", "  ", 10)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
