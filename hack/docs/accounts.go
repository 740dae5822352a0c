package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// manifests that say what the operator's accounts may do.
var manifests = []string{"config/rbac/*.yaml", "config/split/receiver/rbac.yaml", "config/prometheus/account.yaml"}

// namePrefix is what kustomize puts before every name.
const namePrefix = "tollkeeper-"

// grants are roles and who has them.
type grants struct {
	roles    map[string][]rbacv1.PolicyRule // by kind and name
	bindings []rbacv1.ClusterRoleBinding    // and RoleBindings, which have the same fields
}

// accountTable lists what each ServiceAccount may do: the roles that the manifests bind to it.
func accountTable() (string, error) {
	g, err := readGrants()
	if err != nil {
		return "", err
	}
	lines := map[string]bool{}
	for _, binding := range g.bindings {
		where := map[string]string{"RoleBinding": "its namespace", "ClusterRoleBinding": "the cluster"}[binding.Kind]
		rules, known := g.roles[binding.RoleRef.Kind+"/"+plain(binding.RoleRef.Name)]
		if !known {
			return "", fmt.Errorf("%s binds %s, which is not in the manifests", binding.Name, binding.RoleRef.Name)
		}
		for _, subject := range binding.Subjects {
			if subject.Kind != rbacv1.ServiceAccountKind {
				return "", fmt.Errorf("%s binds a %s: the table is of ServiceAccounts", binding.Name, subject.Kind)
			}
			for _, rule := range rules {
				for _, what := range objects(rule) {
					lines[accountRow(subject.Name, what, where, rule)] = true
				}
			}
		}
	}
	var out strings.Builder
	header(&out, "ServiceAccount", "resource or URL", "named", "verbs", "where")
	for _, line := range slices.Sorted(maps.Keys(lines)) {
		out.WriteString(line)
	}
	return out.String(), nil
}

// objects are what a rule is about, as kubectl writes it: resources with their groups, and URLs.
func objects(rule rbacv1.PolicyRule) []string {
	all := slices.Clone(rule.NonResourceURLs)
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			kind, sub, isSub := strings.Cut(resource, "/")
			if group != "" {
				kind += "." + group
			}
			if isSub {
				kind += "/" + sub
			}
			all = append(all, kind)
		}
	}
	return all
}

func accountRow(account, what, where string, rule rbacv1.PolicyRule) string {
	verbs := slices.Sorted(slices.Values(rule.Verbs))
	var out strings.Builder
	row(&out, "`"+namePrefix+plain(account)+"`", "`"+what+"`", strings.Join(rule.ResourceNames, ", "), strings.Join(verbs, ", "), where)
	return out.String()
}

func plain(name string) string { return strings.TrimPrefix(name, namePrefix) }

func readGrants() (*grants, error) {
	g := &grants{roles: map[string][]rbacv1.PolicyRule{}}
	for _, pattern := range manifests {
		files, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			if err := g.read(file); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	return g, nil
}

// read takes the roles and bindings of a file.
func (g *grants) read(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	for {
		var object struct {
			rbacv1.ClusterRoleBinding
			Rules []rbacv1.PolicyRule `json:"rules"`
		}
		switch err := documents.Decode(&object); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		switch object.Kind {
		case "Role", "ClusterRole":
			g.roles[object.Kind+"/"+plain(object.Name)] = object.Rules
		case "RoleBinding", "ClusterRoleBinding":
			g.bindings = append(g.bindings, object.ClusterRoleBinding)
		}
	}
}
