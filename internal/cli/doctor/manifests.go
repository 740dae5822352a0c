package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/tollkeeper/tollkeeper/config/crd"
	"github.com/tollkeeper/tollkeeper/config/rbac"
)

const (
	// namePrefix is that of the cluster's objects: see config/default.
	namePrefix = "tollkeeper-"
	// controllers is the operator's Deployment and account, unless the installation has another prefix.
	controllers = namePrefix + "controller-manager"
	// policyLabel on the namespace turns the policies on with the value enforced.
	policyLabel = "tollkeeper.dev/policies"

	installAdvice = "Apply the manifests of the version that you run: kubectl apply --server-side -k config/split"
)

// Policies are the admission policies of config/policy, without the prefix. A test compares them with the manifests.
var Policies = []string{"billing-events", "emails", "erasures", "own-names", "owners", "password-resets", "statuses"}

// crds compares the installed CRDs with those that this plugin was built with.
func (d *Doctor) crds(ctx context.Context) ([]Line, error) {
	files, err := fs.Glob(crd.Bases, "bases/*.yaml")
	if err != nil {
		return nil, err
	}
	var missing, different []string
	for _, file := range files {
		var want, have apiextensionsv1.CustomResourceDefinition
		content, err := fs.ReadFile(crd.Bases, file)
		if err == nil {
			err = yaml.Unmarshal(content, &want)
		}
		if err != nil {
			return nil, err
		}
		switch err := d.Client.Get(ctx, client.ObjectKeyFromObject(&want), &have); {
		case apierrors.IsNotFound(err):
			missing = append(missing, want.Name)
		case err != nil:
			return nil, err
		case !equalCRDs(&want, &have):
			different = append(different, want.Name)
		}
	}
	return []Line{judgeCRDs(len(files), missing, different)}, nil
}

// equalCRDs compares what the API server keeps as it is.
func equalCRDs(want, have *apiextensionsv1.CustomResourceDefinition) bool {
	a, errA := json.Marshal(want.Spec.Versions)
	b, errB := json.Marshal(have.Spec.Versions)
	return errA == nil && errB == nil && string(a) == string(b)
}

func judgeCRDs(all int, missing, different []string) Line {
	switch {
	case len(missing) > 0:
		return Line{Fail, "CRDs", "not installed: " + strings.Join(missing, ", "), "Install them: kubectl apply --server-side -k config/crd"}
	case len(different) > 0:
		return Line{
			Warn, "CRDs", "of another version than this plugin: " + strings.Join(different, ", "),
			"Use the plugin and the CRDs of the operator's version. After an upgrade: kubectl apply --server-side -k config/crd",
		}
	default:
		return Line{OK, "CRDs", fmt.Sprintf("%d installed, all of this plugin's version", all), ""}
	}
}

// policies checks that the admission policies exist, deny, and are turned on for the namespace.
func (d *Doctor) policies(ctx context.Context) ([]Line, error) {
	var policies admissionv1.ValidatingAdmissionPolicyList
	var bindings admissionv1.ValidatingAdmissionPolicyBindingList
	var namespace corev1.Namespace
	for _, read := range []func() error{
		func() error { return d.Client.List(ctx, &policies) },
		func() error { return d.Client.List(ctx, &bindings) },
		func() error { return d.Client.Get(ctx, client.ObjectKey{Name: d.Namespace}, &namespace) },
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return []Line{judgePolicies(policies.Items, bindings.Items, &namespace)}, nil
}

func judgePolicies(
	policies []admissionv1.ValidatingAdmissionPolicy, bindings []admissionv1.ValidatingAdmissionPolicyBinding, namespace *corev1.Namespace,
) Line {
	var missing, suspended []string
	for _, name := range Policies {
		var bound []admissionv1.ValidatingAdmissionPolicyBinding
		for _, b := range bindings {
			exists := slices.ContainsFunc(policies, func(p admissionv1.ValidatingAdmissionPolicy) bool { return p.Name == b.Spec.PolicyName })
			if exists && isNamed(b.Spec.PolicyName, name) && slices.Contains(b.Spec.ValidationActions, admissionv1.Deny) {
				bound = append(bound, b)
			}
		}
		if len(bound) == 0 {
			missing = append(missing, namePrefix+name)
		} else if !slices.ContainsFunc(bound, func(b admissionv1.ValidatingAdmissionPolicyBinding) bool { return selects(&b, namespace) }) {
			suspended = append(suspended, namePrefix+name)
		}
	}
	switch {
	case len(missing) == len(Policies):
		return Line{Warn, "Policies", "none is installed: users with rights on the resources can forge them", installAdvice}
	case len(missing) > 0:
		return Line{Warn, "Policies", "missing, or bound without Deny: " + strings.Join(missing, ", ") + ". Users with rights on the resources can forge them",
			installAdvice}
	case len(suspended) > 0:
		return Line{
			Warn, "Policies", "not in force in the namespace " + namespace.Name + ": users with rights on the resources can forge them",
			"Turn them on: kubectl label namespace " + namespace.Name + " " + policyLabel + "=enforced --overwrite",
		}
	default:
		return Line{OK, "Policies", fmt.Sprintf("%d in force", len(Policies)), ""}
	}
}

// isNamed reports whether an object of the cluster is the one with this name of some installation. Each has a prefix of its
// own, and the Helm chart also appends the namespace.
func isNamed(object, name string) bool {
	object, _, _ = strings.Cut(object, ".")
	return strings.HasSuffix(object, "-"+name)
}

// selects reports whether the binding applies in the namespace.
func selects(binding *admissionv1.ValidatingAdmissionPolicyBinding, namespace *corev1.Namespace) bool {
	if binding.Spec.MatchResources == nil || binding.Spec.MatchResources.NamespaceSelector == nil {
		return true
	}
	selector, err := metav1.LabelSelectorAsSelector(binding.Spec.MatchResources.NamespaceSelector)
	return err == nil && selector.Matches(labels.Set(namespace.Labels))
}

// rights asks whether the operator's account may do everything that its roles are to permit.
func (d *Doctor) rights(ctx context.Context) ([]Line, error) {
	attributes, err := neededRights(d.Namespace)
	if err != nil {
		return nil, err
	}
	name := cmp.Or(d.account, controllers)
	account := "system:serviceaccount:" + d.Namespace + ":" + name
	var denied []string
	for i := range attributes {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User:               account,
			Groups:             []string{"system:serviceaccounts", "system:serviceaccounts:" + d.Namespace, "system:authenticated"},
			ResourceAttributes: &attributes[i],
		}}
		if err := d.Client.Create(ctx, review); err != nil {
			return nil, err
		}
		if !review.Status.Allowed {
			denied = append(denied, describeRight(&attributes[i]))
		}
	}
	return []Line{judgeRights(name, len(attributes), denied, d.runsElsewhere)}, nil
}

func judgeRights(account string, all int, denied []string, runsElsewhere bool) Line {
	line := Line{Fail, "Rights", "the account " + account + " may not " + strings.Join(denied, ", "), installAdvice}
	switch len(denied) {
	case 0:
		return Line{OK, "Rights", fmt.Sprintf("the account %s has the %d that it needs", account, all), ""}
	case all:
		line.Text = fmt.Sprintf("the account %s has none of the %d that it needs", account, all)
	}
	if runsElsewhere { // with an account of its own
		line.Status = Warn
	}
	return line
}

// neededRights are the rights of the operator's roles, one for each verb, resource and name.
func neededRights(namespace string) ([]authorizationv1.ResourceAttributes, error) {
	files, err := fs.Glob(rbac.Roles, "*.yaml")
	if err != nil {
		return nil, err
	}
	var rights []authorizationv1.ResourceAttributes
	for _, file := range files {
		content, err := fs.ReadFile(rbac.Roles, file)
		if err != nil {
			return nil, err
		}
		for document := range strings.SplitSeq(string(content), "\n---\n") {
			var role rbacv1.Role
			if err := yaml.Unmarshal([]byte(document), &role); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			for i := range role.Rules {
				rights = append(rights, rightsOf(&role.Rules[i], namespace)...)
			}
		}
	}
	return rights, nil
}

func rightsOf(rule *rbacv1.PolicyRule, namespace string) []authorizationv1.ResourceAttributes {
	names := rule.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	var rights []authorizationv1.ResourceAttributes
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			resource, subresource, _ := strings.Cut(resource, "/")
			for _, name := range names {
				for _, verb := range rule.Verbs {
					rights = append(rights, authorizationv1.ResourceAttributes{
						Namespace: namespace, Verb: verb, Group: group, Resource: resource, Subresource: subresource, Name: name,
					})
				}
			}
		}
	}
	return rights
}

func describeRight(a *authorizationv1.ResourceAttributes) string {
	text := a.Verb + " " + a.Resource
	if a.Subresource != "" {
		text += "/" + a.Subresource
	}
	if a.Name != "" {
		text += " " + a.Name
	}
	return text
}
