package naming

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func TestEmail(t *testing.T) {
	got := []string{Email("cus-1-aa", v1alpha1.EmailWelcome), Email("cus-1-aa", v1alpha1.EmailPasswordReset)}
	if diff := cmp.Diff([]string{"cus-1-aa-welcome", "cus-1-aa-password-reset"}, got); diff != "" {
		t.Errorf("Email (-want +got):\n%s", diff)
	}
}

// A message has its own Message-Id for each account, customer, session, address and purpose, and the same one every time.
func TestMessage(t *testing.T) {
	// The hash is that of `printf 'acct_1\0cus_A\0cs_A\0Welcome\0ada@example.com' | sha256sum`.
	if got, want := Message("acct_1", "cus_A", "cs_A", "Ada@example.com", v1alpha1.EmailWelcome), "7cf29e1137d48df6ddc6d319d40f3a88"; got != want {
		t.Errorf("Message is %s, want %s", got, want)
	}
	seen := map[string]bool{}
	for _, id := range []string{
		Message("", "cus_A", "cs_A", "ada@example.com", v1alpha1.EmailWelcome),
		Message("acct_1", "cus_A", "cs_A", "ada@example.com", v1alpha1.EmailWelcome),
		Message("", "cus_B", "cs_A", "ada@example.com", v1alpha1.EmailWelcome),
		Message("", "cus_A", "cs_B", "ada@example.com", v1alpha1.EmailWelcome),
		Message("", "cus_A", "cs_A", "ada@example.com", v1alpha1.EmailPasswordReset),
		Message("", "cus_Acs_A", "", "ada@example.com", v1alpha1.EmailWelcome),
		Message("", "cus_A", "cs_A", "eve@example.com", v1alpha1.EmailWelcome),
	} {
		if seen[id] {
			t.Errorf("two messages have the id %s", id)
		}
		seen[id] = true
	}
}

func TestLabels(t *testing.T) {
	for name, tc := range map[string]struct {
		eventType, customer, subscription string
		want                              []string
	}{
		"all known":         {"invoice.paid", "cus_A", "sub_A", []string{v1alpha1.LabelCustomerID, v1alpha1.LabelEventType, v1alpha1.LabelSubscriptionID}},
		"empty is left out": {"invoice.paid", "", "", []string{v1alpha1.LabelEventType}},
		"too long":          {"invoice.paid", strings.Repeat("c", 64), "sub_A", []string{v1alpha1.LabelEventType, v1alpha1.LabelSubscriptionID}},
		"not a label value": {"invoice.paid", "cus A", "../x", []string{v1alpha1.LabelEventType}},
		"ends with _":       {"invoice.paid", "cus_", "sub_A", []string{v1alpha1.LabelEventType, v1alpha1.LabelSubscriptionID}},
	} {
		t.Run(name, func(t *testing.T) {
			got := slices.Sorted(maps.Keys(Labels(tc.eventType, tc.customer, tc.subscription)))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Labels (-want +got):\n%s", diff)
			}
		})
	}
}
