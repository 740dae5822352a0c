package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
)

const module = "github.com/tollkeeper/tollkeeper/"

// goPackage is a package as `go list` describes it, with paths relative to the repository.
type goPackage struct {
	ImportPath string
	Doc        string   // the first sentence of the package's comment
	Imports    []string // packages of this repository only
}

var isTestOrTool = regexp.MustCompile(`^(hack|test|internal/testutil)/`)

// loadPackages lists the packages that the operator is built from, by path.
var loadPackages = sync.OnceValues(func() (map[string]goPackage, error) {
	list := exec.Command("go", "list", "-json=ImportPath,Doc,Imports", "./...", module+"api/...")
	list.Stderr = os.Stderr
	output, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	packages := map[string]goPackage{}
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p goPackage
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, err
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		if isTestOrTool.MatchString(p.ImportPath) {
			continue
		}
		p.Imports = slices.DeleteFunc(p.Imports, func(path string) bool { return !strings.HasPrefix(path, module) })
		for i := range p.Imports {
			p.Imports[i] = strings.TrimPrefix(p.Imports[i], module)
		}
		packages[p.ImportPath] = p
	}
})

// packageTable lists the packages with the first sentence of their comments, in the order of the picture.
func packageTable() (string, error) {
	packages, err := loadPackages()
	if err != nil {
		return "", err
	}
	paths := slices.SortedFunc(maps.Keys(packages), func(a, b string) int {
		return cmp.Or(cmp.Compare(height(packages, b), height(packages, a)), cmp.Compare(a, b))
	})
	var out strings.Builder
	header(&out, "package", "what it does")
	for _, path := range paths {
		doc := regexp.MustCompile(`^(Package|Command) \w+ `).ReplaceAllString(packages[path].Doc, "")
		row(&out, "`"+path+"`", strings.TrimSuffix(doc, "."))
	}
	return out.String(), nil
}

// height is the number of packages on the longest way down from a package.
func height(packages map[string]goPackage, path string) int {
	highest := 0
	for _, imported := range packages[path].Imports {
		highest = max(highest, 1+height(packages, imported))
	}
	return highest
}

// packagePicture draws the packages as a Mermaid graph. An arrow is an import. An arrow that a longer way already implies
// is left out: with a → b → c, the arrow a → c is not drawn.
func packagePicture() (string, error) {
	packages, err := loadPackages()
	if err != nil {
		return "", err
	}
	pure, err := purePackages()
	if err != nil {
		return "", err
	}
	var controllers, others, arrows strings.Builder
	for _, path := range slices.Sorted(maps.Keys(packages)) {
		nodes, label := &others, strings.TrimPrefix(path, "internal/")
		if name, ok := strings.CutPrefix(path, "internal/controller/"); ok {
			nodes, label = &controllers, name
		}
		class := ""
		if pure[path] {
			class = ":::pure"
		}
		fmt.Fprintf(nodes, "    %s[\"%s\"]%s\n", nodeID(path), label, class)
		for _, imported := range packages[path].Imports {
			if !impliedByLongerWay(packages, path, imported) {
				fmt.Fprintf(&arrows, "    %s --> %s\n", nodeID(path), nodeID(imported))
			}
		}
	}
	group := ""
	if controllers.Len() > 0 {
		group = "    subgraph controllers [\"controller\"]\n" + controllers.String() + "    end\n"
	}
	return "```mermaid\nflowchart TD\n" + group + others.String() + arrows.String() +
		"    classDef pure fill:#d9f2e3,stroke:#2e8b57,color:#10331f\n```\n", nil
}

// nodeID is the path in the letters that Mermaid allows. The prefix keeps Mermaid's own words, such as "end", apart.
func nodeID(path string) string {
	return "p_" + strings.NewReplacer("/", "_", "-", "_").Replace(path)
}

// impliedByLongerWay reports whether another import of the package leads to the imported one, too.
func impliedByLongerWay(packages map[string]goPackage, path, imported string) bool {
	return slices.ContainsFunc(packages[path].Imports, func(other string) bool {
		return other != imported && leadsTo(packages, other, imported)
	})
}

func leadsTo(packages map[string]goPackage, from, to string) bool {
	return slices.ContainsFunc(packages[from].Imports, func(next string) bool {
		return next == to || leadsTo(packages, next, to)
	})
}

// purePackages are the packages that the linter keeps free of clients and of the clock, as its configuration lists them.
func purePackages() (map[string]bool, error) {
	const config = ".golangci.yml"
	content, err := os.ReadFile(config)
	if err != nil {
		return nil, err
	}
	listed := regexp.MustCompile(`"\*\*/internal/\{([a-z,]+)\}/\*\.go"`).FindSubmatch(content)
	if listed == nil {
		return nil, fmt.Errorf("%s does not list the pure packages as expected", config)
	}
	pure := map[string]bool{}
	for name := range strings.SplitSeq(string(listed[1]), ",") {
		pure["internal/"+name] = true
	}
	return pure, nil
}
