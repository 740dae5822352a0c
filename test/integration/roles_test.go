package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// The ready-made roles permit what they are for, and nothing else. That of support is in TestTheRightsOfSupport.
func TestTheReadyMadeRoles(t *testing.T) {
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	reads := func(resources ...string) (rights []string) {
		for _, resource := range resources {
			for _, verb := range []string{"get", "list", "watch"} {
				rights = append(rights, verb+" "+resource)
			}
		}
		slices.Sort(rights)
		return rights
	}
	const billing = ".billing.tollkeeper.dev"
	for file, want := range map[string][]string{
		"entitlement_viewer_role.yaml": reads("customers" + billing),
		"viewer_role.yaml":             reads("billingevents"+billing, "customers"+billing, "subscriptions"+billing, "emails"+billing, "passwordresets"+billing),
		"eraser_role.yaml": slices.Sorted(slices.Values(append(reads("billingevents"+billing, "customers"+billing, "subscriptions"+billing, "emails"+billing,
			"passwordresets"+billing, "events", "events.events.k8s.io"), "create customers"+billing, "erase customers"+billing, "patch customers"+billing,
			"get configmaps. tollkeeper-archive"))),
		"auditor_role.yaml": slices.Sorted(slices.Values(append(reads("billingevents"+billing, "billingevents/status"+billing, "customers"+billing, "customers/status"+billing,
			"customers/finalizers"+billing, "subscriptions"+billing, "subscriptions/status"+billing, "emails"+billing, "emails/status"+billing,
			"passwordresets"+billing, "events", "events.events.k8s.io"), "get configmaps. tollkeeper-archive"))),
	} {
		t.Run(file, func(t *testing.T) {
			user := file + "@kite.example"
			bindRole(t, namespace, user, file)
			o := &operator{t: t, namespace: namespace}
			o.eventually("the rights (-want +got)", func() string { return cmp.Diff(want, allowedTo(t, namespace, user)) })
			if elsewhere := allowedTo(t, "default", user); len(elsewhere) > 0 {
				t.Errorf("in another namespace: %q", elsewhere)
			}
		})
	}
}

// bindRole gives a user the rights of a ClusterRole of config/rbac in the namespace.
func bindRole(t *testing.T, namespace, user, file string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(controlplane.Root(), "config", "rbac", file))
	if err != nil {
		t.Fatal(err)
	}
	var role rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict(content, &role); err != nil {
		t.Fatal(err)
	}
	at := metav1.ObjectMeta{Namespace: namespace, Name: role.Name}
	for _, object := range []client.Object{
		&rbacv1.Role{ObjectMeta: at, Rules: role.Rules},
		&rbacv1.RoleBinding{
			ObjectMeta: at, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: at.Name},
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
		},
	} {
		if err := cluster.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
}

// allowedTo lists what the user may do in the namespace, with Tollkeeper's resources and what an attacker would like.
func allowedTo(t *testing.T, namespace, user string) []string {
	t.Helper()
	const billing = "billing.tollkeeper.dev"
	var allowed []string
	for _, resource := range []struct{ group, name, sub, object string }{
		{billing, "billingevents", "", ""}, {billing, "billingevents", "status", ""}, {billing, "customers", "", ""}, {billing, "customers", "status", ""},
		{billing, "customers", "finalizers", ""}, {billing, "subscriptions", "", ""}, {billing, "subscriptions", "status", ""}, {billing, "emails", "", ""},
		{billing, "emails", "status", ""}, {billing, "passwordresets", "", ""},
		{"", "secrets", "", ""}, {"", "secrets", "", "tollkeeper-credentials"}, {"", "configmaps", "", ""}, {"", "configmaps", "", "tollkeeper-import"}, {"", "configmaps", "", "tollkeeper-archive"},
		{"", "configmaps", "", "tollkeeper-backfill"}, {"", "pods", "", ""}, {"", "pods", "exec", ""}, {"", "serviceaccounts", "token", ""}, {"", "events", "", ""},
		{"events.k8s.io", "events", "", ""}, {"apps", "deployments", "", ""}, {"apps", "deployments", "", "tollkeeper-controller-manager"},
		{"coordination.k8s.io", "leases", "", ""}, {"coordination.k8s.io", "leases", "", "leader.billing.tollkeeper.dev"},
		{"rbac.authorization.k8s.io", "rolebindings", "", ""},
	} {
		for _, verb := range []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "erase"} {
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User: user, Groups: []string{"system:authenticated"}, ResourceAttributes: &authorizationv1.ResourceAttributes{
					Namespace: namespace, Verb: verb, Group: resource.group, Resource: resource.name, Subresource: resource.sub, Name: resource.object,
				},
			}}
			if err := cluster.Client.Create(t.Context(), review); err != nil {
				t.Fatal(err)
			}
			if review.Status.Allowed {
				name := strings.TrimSuffix(resource.name+"/"+resource.sub, "/")
				allowed = append(allowed, strings.TrimRight(fmt.Sprintf("%s %s.%s %s", verb, name, resource.group, resource.object), " ."))
			}
		}
	}
	slices.Sort(allowed)
	return allowed
}
