package repository

import (
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// Programs that import the API get the modules that apimachinery needs, and no client, Stripe or Mailgun.
func TestTheAPIBringsApimachineryOnly(t *testing.T) {
	graph := exec.Command("go", "mod", "graph")
	graph.Dir = filepath.Join(root, "api")
	output, err := graph.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, module := range regexp.MustCompile(`(?m) (\S+?)@`).FindAllStringSubmatch(string(output), -1) {
		found[module[1]] = true
	}
	if !found["k8s.io/apimachinery"] {
		t.Fatalf("go mod graph printed no apimachinery: %s", output)
	}
	for module := range found {
		for _, heavy := range []string{"stripe", "mailgun", "controller-runtime", "client-go", "k8s.io/api", "github.com/tollkeeper/tollkeeper"} {
			if module == heavy || strings.Contains(module, heavy) && !strings.Contains(module, "apimachinery") {
				t.Errorf("the API brings %s", module)
			}
		}
	}
}

// The Makefile checks every module that has code of its own, and something keeps its dependencies current.
func TestEveryModuleIsChecked(t *testing.T) {
	var config struct {
		Updates []struct {
			Ecosystem   string   `json:"package-ecosystem"`
			Directories []string `json:"directories"`
		} `json:"updates"`
	}
	if err := yaml.Unmarshal([]byte(read(t, ".github/dependabot.yml")), &config); err != nil {
		t.Fatal(err)
	}
	checked := strings.Fields(regexp.MustCompile(`(?m)^MODULES := (.+)$`).FindStringSubmatch(read(t, "Makefile"))[1])
	for _, folder := range []string{".", "api", "examples/*"} {
		files, err := filepath.Glob(filepath.Join(root, folder, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			module, err := filepath.Rel(root, filepath.Dir(file))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(checked, module) {
				t.Errorf("the Makefile's MODULES lack %s", module)
			}
			isKeptCurrent := slices.ContainsFunc(config.Updates[0].Directories, func(pattern string) bool {
				matches, err := path.Match(pattern, path.Join("/", module))
				return err == nil && matches
			})
			if config.Updates[0].Ecosystem != "gomod" || !isKeptCurrent {
				t.Errorf("nothing updates the dependencies of %s", module)
			}
		}
	}
}
