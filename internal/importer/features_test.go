package importer

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/features"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// summarised returns the Customer of the id with subscriptions in these statuses.
func summarised(id string, statuses ...string) *v1alpha1.Customer {
	customer := &v1alpha1.Customer{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: naming.Object("", id)}, Spec: v1alpha1.CustomerSpec{CustomerID: id},
	}
	for _, status := range statuses {
		customer.Status.Subscriptions = append(customer.Status.Subscriptions, v1alpha1.SubscriptionSummary{Status: status})
	}
	return customer
}

// The features of each customer are read whose subscription has not ended, if the account uses Entitlements at all.
func TestFeaturesAreImported(t *testing.T) {
	for name, tc := range map[string]struct {
		features map[string][]string
		pages    int // of customers: the account has two
		want     map[string][]string
	}{
		"an account that uses Entitlements": {
			features: map[string][]string{"cus_A": {"sso"}, "cus_B": {"gone"}}, pages: 4,
			want: map[string][]string{"cus_A": {"sso"}, "cus_C": nil},
		},
		"one that does not": {pages: 2, want: map[string][]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &stripe{accounts: map[string]account{"": lists()}, features: tc.features}
			c := newCluster(t, summarised("cus_A", "canceled", "active"), summarised("cus_B", "canceled"), summarised("cus_C", "unpaid"))
			i := newImporter(s, c)
			i.Features = features.NewAccounts(s, clock.RealClock{}, logr.Discard())
			if err := look(t, i, c); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, c.features); diff != "" {
				t.Errorf("features that were put in (-want +got):\n%s", diff)
			}
			pages := slices.DeleteFunc(slices.Clone(s.asked), func(asked string) bool { return !strings.Contains(asked, " customers after ") })
			if len(pages) != tc.pages || i.Phase() != string(Done) {
				t.Errorf("pages of customers are %v, in phase %s; want %d, and Done", pages, i.Phase(), tc.pages)
			}
		})
	}
}
