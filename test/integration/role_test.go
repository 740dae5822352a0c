package integration

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// The roles of config/rbac are sufficient for everything that the operator does.
func TestTheRolesAreSufficient(t *testing.T) {
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	account := "system:serviceaccount:" + namespace + ":controller-manager"
	for _, file := range []string{"role.yaml", "leader_election_role.yaml"} {
		grant(t, namespace, account, file)
	}
	access := rest.CopyConfig(cluster.Config)
	access.Impersonate = rest.ImpersonationConfig{UserName: account}

	world := signUp()
	_, withStripe := stripe(t, world)
	_, withMailgun := mailgun(t)
	old := recordOld(t, namespace, 3)
	o := startAs(t, access, namespace, withStripe, withMailgun, archivesTo("file://"+t.TempDir()), func(c *config.Config) {
		c.LeaderElect, c.Import = true, config.ImportSubscribers
	})
	o.imported(patience)
	o.recordedAll(world) // by backfill
	o.eventually("old events are archived and deleted", func() string {
		if o.event(old[2]).UID != "" {
			return "they are there"
		}
		return ""
	})
	o.checkpoint("platform", newest(world))
	customer, sub := world.Objects("customer")[0].ID(), world.Objects("subscription")[0].ID()
	world.Advance(time.Second)
	world.Do(OpenDispute)
	events := world.Events()
	o.send(events[len(events)-1])
	o.settled()
	o.entitled(customer, "True SubscriptionActive")
	o.sent(v1alpha1.EmailWelcome, "True Accepted")
	o.sent(v1alpha1.EmailPasswordReset, "True Accepted")
	world.Amend(sub, func(s Object) { s["status"] = "unpaid" })
	o.annotate(o.customer(customer), v1alpha1.AnnotationResync, "now")
	o.inSync(sub, "True Repaired")
}

// grant gives a user a role of config/rbac in the namespace.
func grant(t *testing.T, namespace, account, file string) {
	t.Helper()
	manifest, err := os.ReadFile(filepath.Join(controlplane.Root(), "config", "rbac", file))
	if err != nil {
		t.Fatal(err)
	}
	var role rbacv1.Role
	if err := yaml.UnmarshalStrict(manifest, &role); err != nil {
		t.Fatal(err)
	}
	role.Namespace = namespace
	if err := cluster.Client.Create(t.Context(), &role); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Client.Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: account}},
	}); err != nil {
		t.Fatal(err)
	}
}
