package count

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func customer(name, plan string) *v1alpha1.Customer {
	return &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Status: v1alpha1.CustomerStatus{Plan: plan}}
}

// lives is what a handler is handed of four customers.
func lives(h toolscache.ResourceEventHandler) {
	for _, name := range []string{"ada", "ben", "cleo", "dan"} {
		h.OnAdd(customer(name, "free"), true)
	}
	h.OnUpdate(customer("ada", "free"), customer("ada", "pro"))
	h.OnUpdate(customer("dan", "free"), customer("dan", "pro"))
	h.OnUpdate(customer("dan", "pro"), customer("dan", "free"))
	h.OnDelete(customer("ben", "free"))
	h.OnDelete(toolscache.DeletedFinalStateUnknown{Key: "ns/cleo", Obj: customer("cleo", "free")})
}

func TestTally(t *testing.T) {
	tally := Tally[*v1alpha1.Customer, string]{Of: func(c *v1alpha1.Customer) []string { return []string{c.Status.Plan, "any"} }}
	lives(&tally)
	if diff := cmp.Diff(map[string]int{"free": 1, "pro": 1, "any": 2}, tally.Counts()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestKept(t *testing.T) {
	kept := Kept[*v1alpha1.Customer, string]{Of: func(c *v1alpha1.Customer) (string, bool) {
		return c.Status.Plan, c.Status.Plan == "pro" || c.Name == "ben"
	}}
	lives(&kept)
	got := map[types.NamespacedName]string{}
	kept.Each(func(name types.NamespacedName, plan string) { got[name] = plan })
	if diff := cmp.Diff(map[types.NamespacedName]string{{Namespace: "ns", Name: "ada"}: "pro"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Several handlers are handed the same as one.
func TestAll(t *testing.T) {
	plans := Tally[*v1alpha1.Customer, string]{Of: func(c *v1alpha1.Customer) []string { return []string{c.Status.Plan} }}
	names := Tally[*v1alpha1.Customer, string]{Of: func(c *v1alpha1.Customer) []string { return []string{c.Name} }}
	lives(All{&plans, &names})
	if diff := cmp.Diff([]map[string]int{{"free": 1, "pro": 1}, {"ada": 1, "dan": 1}}, []map[string]int{plans.Counts(), names.Counts()}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
