package stripeaccount

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// The accounts that are listed are the platform's own, those that are named, and with All those that have a Customer.
func TestSelection(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	customer := func(namespace, name, account string) *v1alpha1.Customer {
		return &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.CustomerSpec{Account: account}}
	}
	reader := fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		customer("ns", "a", ""), customer("ns", "b", "acct_B"), customer("ns", "b2", "acct_B"), customer("other", "c", "acct_C"),
	).Build()
	for name, tc := range map[string]struct {
		selection Selection
		includes  []string // of "", acct_A and acct_B
		lists     []string
	}{
		"none":                       {nil, []string{""}, []string{""}},
		"one without a Customer":     {Selection{"acct_A"}, []string{"", "acct_A"}, []string{"", "acct_A"}},
		"two":                        {Selection{"acct_B", "acct_A"}, []string{"", "acct_A", "acct_B"}, []string{"", "acct_A", "acct_B"}},
		"all, and so known ones":     {Selection{All}, []string{"", "acct_A", "acct_B"}, []string{"", "acct_B"}},
		"all, and one that is named": {Selection{"acct_A", All}, []string{"", "acct_A", "acct_B"}, []string{"", "acct_A", "acct_B"}},
	} {
		t.Run(name, func(t *testing.T) {
			var includes []string
			for _, account := range []string{"", "acct_A", "acct_B"} {
				if tc.selection.Includes(account) {
					includes = append(includes, account)
				}
			}
			if diff := cmp.Diff(tc.includes, includes); diff != "" {
				t.Errorf("Includes (-want +got):\n%s", diff)
			}
			lists, err := List(t.Context(), reader, "ns", tc.selection)
			if diff := cmp.Diff(tc.lists, lists); diff != "" || err != nil {
				t.Errorf("List, %v (-want +got):\n%s", err, diff)
			}
		})
	}
}
