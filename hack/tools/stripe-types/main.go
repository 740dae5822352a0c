// Command stripe-types prints the event types that the newest stripe-go knows, one a line, in alphabetical order. It reads
// them from the source of the version that go.mod pins: they are constants of the type EventType.
package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

const module = "github.com/stripe/stripe-go/v85"

func main() {
	types, err := eventTypes()
	if err != nil {
		fmt.Fprintf(os.Stderr, "stripe-types: %v\n", err)
		os.Exit(1)
	}
	for _, name := range types {
		fmt.Println(name)
	}
}

func eventTypes() ([]string, error) {
	out, err := exec.Command("go", "mod", "download", "-json", module).Output()
	if err != nil {
		return nil, fmt.Errorf("download %s: %w", module, err)
	}
	var downloaded struct{ Dir string }
	if err := json.Unmarshal(out, &downloaded); err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(downloaded.Dir, "event.go"), nil, 0)
	if err != nil {
		return nil, err
	}
	var types []string
	ast.Inspect(file, func(node ast.Node) bool {
		spec, isValue := node.(*ast.ValueSpec)
		if !isValue || len(spec.Values) != 1 {
			return true
		}
		kind, isNamed := spec.Type.(*ast.Ident)
		value, isLiteral := spec.Values[0].(*ast.BasicLit)
		if isNamed && isLiteral && kind.Name == "EventType" {
			if name, err := strconv.Unquote(value.Value); err == nil {
				types = append(types, name)
			}
		}
		return true
	})
	if len(types) < 200 { // there were 260 in 2026
		return nil, fmt.Errorf("%s has %d event types: its source has changed its form", module, len(types))
	}
	slices.Sort(types)
	return slices.Compact(types), nil
}
