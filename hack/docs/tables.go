package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/testutil/ordercases"
)

// eventTable lists the handled events: the catalogue.
func eventTable() (string, error) {
	var out strings.Builder
	header(&out, "Stripe event", "recorded as", "what it does")
	for _, t := range append(events.All(), events.Families()...) {
		record, does := "`"+t.Record+"`", t.Does
		if t.Record == "" {
			record = "its envelope only"
		}
		if t.RecordedOnly != "" {
			does = "is only recorded: " + t.RecordedOnly
		}
		row(&out, "`"+t.Name+"`", record, does)
	}
	return out.String(), nil
}

// leftOutTable lists the types of Stripe that are not handled.
func leftOutTable() (string, error) {
	var out strings.Builder
	header(&out, "Stripe events", "why they are not handled")
	for _, group := range events.LeftOutTypes() {
		row(&out, "`"+strings.Join(group.Types, "`, `")+"`", group.Why)
	}
	return out.String(), nil
}

// orderTable lists the rules of order with the events that need them: the cases that the fold is tested with. What shows comes
// from folding them.
func orderTable() (string, error) {
	var out strings.Builder
	header(&out, "what decides", "the events, of one second unless it says otherwise", "shows", "why")
	for _, c := range ordercases.All() {
		changes, err := c.Changes()
		if err != nil {
			return "", err
		}
		var aggregate projection.Aggregate
		projection.Fold(&aggregate, changes)
		var described []string
		for _, e := range c.Events {
			described = append(described, fmt.Sprintf("`%s` `%s`: %s", e.ID, e.Type, e.Description))
		}
		row(&out, c.Rule, strings.Join(described, "<br>"), c.Shows(aggregate), c.Why)
	}
	return out.String(), nil
}

// resetSnippet is the tested example of how an application consumes a reset token.
func resetSnippet() (string, error) {
	const path, name = "api/passwordreset/example_test.go", "setPassword"
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, parser.ParseComments)
	if err != nil {
		return "", err
	}
	for _, declaration := range file.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok && f.Name.Name == name {
			text := source[files.Position(f.Doc.Pos()).Offset:files.Position(f.End()).Offset]
			return "```go\n" + string(text) + "\n```\n", nil
		}
	}
	return "", fmt.Errorf("%s has no function %s", path, name)
}

// zeroUnits matches what Go prints at the end of a round duration: 168h0m0s is 168h.
var zeroUnits = regexp.MustCompile(`^(\d+[hm])(?:0m)?0s$`)

// flagTable lists the manager's own flags.
func flagTable() (string, error) {
	var cfg config.Config
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	cfg.Flags(flags)
	if err := flags.Parse(flagExamples); err != nil {
		return "", fmt.Errorf("an example does not parse: %w", err)
	}
	cfg.CredentialsDir = "" // it is in pods only
	if err := cfg.Load(func(name string) string { return environmentExamples[name] }); err != nil {
		return "", fmt.Errorf("an example is refused: %w", err)
	}
	examples := map[string]string{}
	for _, example := range flagExamples {
		name, _, _ := strings.Cut(example, "=")
		examples[name] = "`" + example + "`"
	}
	var lacking []string
	flags.VisitAll(func(f *flag.Flag) {
		if examples["--"+f.Name] == "" {
			lacking = append(lacking, "--"+f.Name)
		}
	})
	if len(lacking) > 0 {
		return "", fmt.Errorf("hack/docs/examples.go has no example of %s", strings.Join(lacking, ", "))
	}
	var out strings.Builder
	header(&out, "flag", "default", "meaning", "example")
	flags.VisitAll(func(f *flag.Flag) {
		value, usage := f.DefValue, f.Usage
		if before, after, found := strings.Cut(usage, " (default "); found { // a flag of our own type
			usage, value = before, strings.TrimSuffix(after, ")")
		}
		if value != "" {
			value = "`" + zeroUnits.ReplaceAllString(value, "$1") + "`"
		}
		row(&out, "`--"+f.Name+"`", value, usage, examples["--"+f.Name])
	})
	return out.String(), nil
}

// environmentTable lists the variables, as their constants in internal/config are documented.
func environmentTable() (string, error) {
	var cfg config.Config
	cfg.Flags(flag.NewFlagSet("manager", flag.ContinueOnError))
	if err := cfg.Load(func(name string) string { return environmentExamples[name] }); err != nil {
		return "", fmt.Errorf("an example is refused: %w", err)
	}
	var out strings.Builder
	header(&out, "variable", "meaning", "example")
	err := constants("internal/config/config.go", func(c constant) {
		if strings.HasPrefix(c.name, "Env") {
			row(&out, "`"+c.value+"`", c.doc, "`"+environmentExamples[c.value]+"`")
		}
	})
	return out.String(), err
}

// conditionTable lists the conditions and their reasons, as their constants in the API are documented.
func conditionTable() (string, error) {
	var out strings.Builder
	header(&out, "condition", "reason", "meaning")
	err := constants("api/v1alpha1/conditions.go", func(c constant) {
		switch {
		case strings.HasPrefix(c.name, "Condition"):
			row(&out, "`"+c.value+"`", "", c.doc)
		default:
			row(&out, strings.TrimSuffix(strings.TrimPrefix(c.group, "Reasons of "), "."), "`"+c.value+"`", c.doc)
		}
	})
	return out.String(), err
}

var description = regexp.MustCompile(`^Desc\{fqName: ("(?:[^"\\]|\\.)*"), help: ("(?:[^"\\]|\\.)*"), unit: "[^"]*", constLabels: \{.*\}, variableLabels: \{(.*)\}\}$`)

// metricTable lists the collectors.
func metricTable() (string, error) {
	var out strings.Builder
	header(&out, "metric", "labels", "meaning")
	for _, collector := range metrics.Collectors() {
		descriptions := make(chan *prometheus.Desc, 1)
		collector.Describe(descriptions)
		part := description.FindStringSubmatch((<-descriptions).String())
		if part == nil {
			return "", fmt.Errorf("a collector describes itself in an unknown form")
		}
		name, _ := strconv.Unquote(part[1])
		help, _ := strconv.Unquote(part[2])
		row(&out, "`"+name+"`", strings.ReplaceAll(part[3], ",", ", "), help)
	}
	return out.String(), nil
}

// constant is a documented string constant: its doc without the name it begins with, and the comment of its group.
type constant struct{ name, value, doc, group string }

// constants visits the documented string constants of a file in their order.
func constants(file string, visit func(constant)) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	for _, declaration := range parsed.Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			value, ok := spec.(*ast.ValueSpec)
			if !ok || value.Doc == nil {
				continue
			}
			literal, ok := value.Values[0].(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				continue
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				return err
			}
			name := value.Names[0].Name
			visit(constant{name: name, value: text, doc: sentence(name, value.Doc.Text()), group: strings.TrimSpace(group.Doc.Text())})
		}
	}
	return nil
}

// sentence is a doc comment without the constant's name in front.
func sentence(name, doc string) string {
	doc = strings.Join(strings.Fields(doc), " ")
	doc = strings.TrimPrefix(strings.TrimPrefix(doc, name), ":")
	return strings.TrimSuffix(strings.TrimSpace(doc), ".")
}
