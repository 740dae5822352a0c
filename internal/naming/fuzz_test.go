package naming

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// FuzzObjectName: every id has a valid name with room for a suffix, and ids that differ only in case have different names.
func FuzzObjectName(f *testing.F) {
	for _, id := range []string{"evt_1Ab", "../../etc/passwd", "___", "", "ÄÖ", "\x00", strings.Repeat("x", 300), "K"} {
		f.Add("", id)
		f.Add("acct_1", id)
	}
	f.Fuzz(func(t *testing.T, account, id string) {
		name := Object(account, id)
		for _, purpose := range []v1alpha1.EmailPurpose{v1alpha1.EmailWelcome, v1alpha1.EmailPasswordReset} {
			if wrong := validation.IsDNS1123Subdomain(Email(name, purpose)); len(wrong) > 0 {
				t.Errorf("Object(%q, %q) = %q: %v", account, id, name, wrong)
			}
		}
		if other := strings.ToUpper(id); other != id && Object(account, other) == name {
			t.Errorf("%q and %q share the name %q", id, other, name)
		}
	})
}

// FuzzLabels: for any ids the labels are valid, and each value is its exact id.
func FuzzLabels(f *testing.F) {
	f.Add("invoice.paid", "cus_A", "sub_A")
	f.Add("", "cus A", "../x")
	f.Add(strings.Repeat("x", 64), "cus_", "\u202e")
	f.Fuzz(func(t *testing.T, eventType, customer, subscription string) {
		want := map[string]string{
			v1alpha1.LabelEventType: eventType, v1alpha1.LabelCustomerID: customer, v1alpha1.LabelSubscriptionID: subscription,
		}
		for key, value := range Labels(eventType, customer, subscription) {
			if wrong := validation.IsValidLabelValue(value); len(wrong) > 0 || value != want[key] {
				t.Errorf("%s is %q, of %q: %v", key, value, want[key], wrong)
			}
		}
	})
}
