package repository

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/tollkeeper/tollkeeper/"

// layers are the packages of the repository from top to bottom. A package imports packages of the layers below its own only: none
// of the layers above, and none of its own layer. "x/..." stands for the packages in x that no other entry names.
//
// Before you move a package up or widen a layer to make a new import pass, ask: can what the two packages share move down? Can
// internal/app, which wires them, pass it in? docs/design.md draws the imports as they are.
var layers = [][]string{
	{"cmd/...", "hack/...", "test/...", "examples/..."}, // programs and tests of the whole
	{"internal/testutil/controlplane", "internal/testutil/ordercases", "internal/testutil/s3test", "internal/testutil/situations"},
	{"internal/testutil/..."}, // nothing that is shipped imports test helpers
	{"internal/app"},          // wires what is below
	{"internal/cli/command"},  // the kubectl plugin: it stands beside the operator, and imports nothing that runs in it
	{"internal/cli/doctor"},
	{"internal/cli/explain", "internal/cli/lists", "internal/cli/override", "internal/cli/request", "internal/cli/timeline"},
	{"internal/cli/..."},
	{"internal/controller/...", "internal/backfill", "internal/endpoint", "internal/importer", "internal/receiver"}, // what the operator runs: each alone
	{"internal/controller/ended", "internal/controller/features", "internal/controller/products", "internal/controller/takeover"},
	{"internal/controller/delivered", "internal/controller/erased", "internal/controller/outcome", "internal/controller/readings", "internal/controller/routing", "internal/controller/rows"},
	{"internal/controller/annotation", "internal/controller/archivehead", "internal/controller/condition", "internal/controller/count", "internal/controller/pace", "internal/controller/paging", "internal/controller/requeue"}, // shared by the controllers
	{"internal/recorder", "internal/stripeaccount", "internal/stripeapi", "internal/mail", "internal/sink", "internal/crdschema", "internal/config", "internal/archive", "api/passwordreset"},
	{"internal/credentials"},
	{"internal/apirejection", "internal/metrics", "internal/noredirect", "internal/packed", "internal/yield"},
	{"internal/entitlement", "internal/events"}, // from here down: pure, no clients and no clock
	{"internal/projection", "internal/stripejson", "internal/naming", "internal/notice"},
	{"internal/panics", "internal/accessperiod", "internal/archivenote", "internal/logging", "internal/personal"},
	{"api/v1alpha1", "config/..."}, // what other programs import: apimachinery only; and embedded manifests
}

// outside limits what packages import from other modules and from the standard library's network packages.
var outside = []struct {
	packages  []string
	forbidden []string // by path, with everything below it
	except    []string
	reason    string
}{
	{
		packages:  []string{"internal/entitlement", "internal/events", "internal/projection", "internal/stripejson", "internal/naming", "internal/accessperiod", "internal/notice", "internal/personal"},
		forbidden: []string{"net/http", "k8s.io/client-go", "sigs.k8s.io/controller-runtime", "github.com/stripe", "github.com/mailgun"},
		reason:    "it is pure: it decides and does no I/O",
	},
	{
		packages:  []string{"api/v1alpha1"},
		forbidden: []string{"k8s.io", "sigs.k8s.io", "github.com", "golang.org", "net"},
		except:    []string{"k8s.io/apimachinery"},
		reason:    "other programs import it: it needs apimachinery only",
	},
	{
		packages:  []string{"api/passwordreset"},
		forbidden: []string{"k8s.io", "sigs.k8s.io", "github.com", "golang.org"},
		except:    []string{"k8s.io/apimachinery"},
		reason:    "applications import it: it needs apimachinery only",
	},
}

// layerOf is the layer of a package, the top one first. An entry that names the package wins over one that ends in "/...".
func layerOf(packagePath string) (layer int, known bool) {
	layer, longest := -1, -1
	for i, entries := range layers {
		for _, entry := range entries {
			folder, isFolder := strings.CutSuffix(entry, "/...")
			if packagePath == entry {
				return i, true
			}
			if isFolder && isWithin(packagePath, folder) && len(folder) > longest {
				layer, longest = i, len(folder)
			}
		}
	}
	return layer, layer >= 0
}

func isWithin(packagePath, folder string) bool {
	return packagePath == folder || strings.HasPrefix(packagePath, folder+"/")
}

// imports reads what each package imports, apart from its tests, by path below the module. It reads the files itself: `go test`
// repeats a cached result unless a file that the test has opened changes.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, folder := range []string{"api", "cmd", "config", "hack", "internal", "test"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(file string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				return err
			}
			inside, err := filepath.Rel(root, filepath.Dir(file))
			for _, spec := range parsed.Imports {
				imported, _ := strconv.Unquote(spec.Path.Value)
				found[filepath.ToSlash(inside)] = append(found[filepath.ToSlash(inside)], imported)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) < 15 {
		t.Fatalf("only %d packages import anything", len(found))
	}
	return found
}

// Imports point down the layers, so that a package can be understood with what is below it alone.
func TestImportsPointDown(t *testing.T) {
	const here = "test/repository/imports_test.go"
	all := imports(t)
	for _, importer := range slices.Sorted(maps.Keys(all)) {
		layer, known := layerOf(importer)
		if !known {
			t.Errorf("%s has no layer: give it one in `layers` (%s)", importer, here)
			continue
		}
		for _, imported := range all[importer] {
			below, isOurs := strings.CutPrefix(imported, module)
			if !isOurs {
				continue
			}
			switch target, known := layerOf(below); {
			case !known:
				t.Errorf("%s imports %s, which has no layer: give it one in `layers` (%s)", importer, below, here)
			case target <= layer:
				t.Errorf("%s imports %s, which is not below it. Can what they share move down, or internal/app pass it in? "+
					"If the import is right, change `layers` (%s)", importer, below, here)
			}
		}
	}
}

// The operator's binary holds nothing of the plugin, and the plugin none of the operator's controllers.
func TestThePluginStandsApart(t *testing.T) {
	all := imports(t)
	for packagePath := range reached(all, "cmd") {
		if isWithin(packagePath, "internal/cli") {
			t.Errorf("the operator imports %s", packagePath)
		}
	}
	plugin := reached(all, "cmd/kubectl-tollkeeper")
	if !plugin["internal/cli/explain"] {
		t.Fatal("the plugin does not import its own packages")
	}
	for packagePath := range plugin {
		if isWithin(packagePath, "internal/controller") || packagePath == "internal/receiver" || packagePath == "internal/app" {
			t.Errorf("the plugin imports %s", packagePath)
		}
	}
}

// Of the plugin's packages only the doctor asks Stripe and Mailgun: the others talk to the API server only.
func TestOnlyTheDoctorAsksOutside(t *testing.T) {
	all := imports(t)
	asks := func(packagePath string) bool {
		for below := range reached(all, packagePath) {
			if asksOutside(all[below]) {
				return true
			}
		}
		return false
	}
	if !asks("internal/cli/doctor") {
		t.Fatal("the doctor asks nobody: this test finds nothing")
	}
	for packagePath := range reached(all, "cmd/kubectl-tollkeeper") {
		isOther := isWithin(packagePath, "internal/cli") && packagePath != "internal/cli/doctor" && packagePath != "internal/cli/command"
		if isOther && asks(packagePath) {
			t.Errorf("%s, or what it imports, asks Stripe or Mailgun: only the doctor does", packagePath)
		}
	}
	for _, imported := range all["internal/cli/command"] {
		below, isOurs := strings.CutPrefix(imported, module)
		if isOurs && below != "internal/cli/doctor" && asks(below) {
			t.Errorf("internal/cli/command imports %s, which asks Stripe or Mailgun: only the doctor does", below)
		}
	}
}

// reached are the packages of the repository that a package imports, and those that they import, and itself.
func reached(all map[string][]string, from string) map[string]bool {
	found := map[string]bool{from: true}
	for waiting := []string{from}; len(waiting) > 0; {
		next := all[waiting[0]]
		waiting = waiting[1:]
		for _, imported := range next {
			if below, isOurs := strings.CutPrefix(imported, module); isOurs && !found[below] {
				found[below] = true
				waiting = append(waiting, below)
			}
		}
	}
	return found
}

// asksOutside reports whether one of the imports is a client of Stripe or Mailgun.
func asksOutside(imports []string) bool {
	return slices.ContainsFunc(imports, func(imported string) bool {
		return strings.HasPrefix(imported, "github.com/stripe/") || strings.HasPrefix(imported, "github.com/mailgun/")
	})
}

func TestPackagesKeepOutWhatIsNotTheirs(t *testing.T) {
	all := imports(t)
	for _, rule := range outside {
		for _, packagePath := range rule.packages {
			for _, imported := range all[packagePath] {
				isThis := func(folder string) bool { return isWithin(imported, folder) }
				if strings.HasPrefix(imported, module) || slices.ContainsFunc(rule.except, isThis) {
					continue
				}
				if slices.ContainsFunc(rule.forbidden, isThis) {
					t.Errorf("%s imports %s, but %s", packagePath, imported, rule.reason)
				}
			}
		}
	}
}

// The most specific entry decides, and a package that no entry names has no layer.
func TestLayerOf(t *testing.T) {
	layer := func(packagePath string) int {
		found, known := layerOf(packagePath)
		if !known {
			t.Errorf("%s has no layer", packagePath)
		}
		return found
	}
	for _, order := range [][2]string{ // the first is above the second
		{"cmd", "internal/app"},
		{"internal/app", "internal/controller/customer"},
		{"internal/controller/customer", "internal/controller/readings"},
		{"internal/controller/readings", "internal/controller/requeue"},
		{"internal/metrics", "internal/projection"},
		{"internal/testutil/stripetest", "internal/app"},
		{"cmd/kubectl-tollkeeper", "internal/cli/command"},
		{"internal/cli/doctor", "internal/cli/lists"},
		{"internal/cli/lists", "internal/cli/show"},
	} {
		if layer(order[0]) >= layer(order[1]) {
			t.Errorf("%s is not above %s", order[0], order[1])
		}
	}
	if layer("internal/controller/customer") != layer("internal/controller/email") {
		t.Error("controllers may import each other")
	}
	if _, known := layerOf(path.Join("internal", "new")); known {
		t.Error("a package that no entry names has a layer")
	}
}
