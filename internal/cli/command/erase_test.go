package command

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/personal"
)

// Only the id confirms an erasure. An answer that ends without a new line counts.
func TestConfirm(t *testing.T) {
	for typed, want := range map[string]string{
		"cus_Ada\n":   "",
		" cus_Ada \n": "",
		"cus_Ada":     "",
		"yes\n":       `"yes" is not cus_Ada: nothing was changed`,
		"cus_ada\n":   `"cus_ada" is not cus_Ada: nothing was changed`,
		"\n":          `"" is not cus_Ada: nothing was changed`,
		"":            "nothing was typed, and nothing was changed: erase without a question with --yes",
	} {
		var out strings.Builder
		err := (&plugin{Environment: Environment{Err: &out, In: io.Reader(strings.NewReader(typed))}}).confirm("cus_Ada")
		got := ""
		if err != nil {
			got = err.Error()
		}
		if diff := cmp.Diff(want, got); diff != "" || out.String() != "Type cus_Ada to go on: " {
			t.Errorf("%q: %s (-want +got):\n%s", typed, out.String(), diff)
		}
	}
}

// What a person writes on an event is personal data, also after the event was erased. What an erasure leaves of a dismissal is none.
func TestPersonalDataOfErasedEvents(t *testing.T) {
	erased := func(id string, annotations map[string]string) *v1alpha1.BillingEvent {
		e := &v1alpha1.BillingEvent{Spec: v1alpha1.BillingEventSpec{EventID: id, CustomerID: "cus_Ada"}}
		e.Namespace, e.Name, e.Annotations = "billing", id, annotations
		e.Status.ErasedAt = new(metav1.Now())
		return e
	}
	dismissed := personal.WithoutReason("grace: 2026-11-29T01:20:00Z Ada was refunded by hand")
	c := withEventIndexes().WithObjects(
		erased("plain", nil), erased("noted", map[string]string{"note": "Ada called"}),
		erased("dismissed", map[string]string{v1alpha1.AnnotationDismissed: dismissed}),
	).Build()
	found, err := personalDataOf(t.Context(), c, ada("7"))
	if err != nil || found.events != 1 || found.ofEvents != 3 {
		t.Errorf("%v; %d of %d events have personal data, want 1 of 3", err, found.events, found.ofEvents)
	}
}

func TestWhatIsErasedIsSaid(t *testing.T) {
	c := &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: "billing", ResourceVersion: "1"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_Ada"}}
	found := personalData{events: 3, ofEvents: 7, emails: 2}
	want := `Personal data of cus_Ada (namespace billing):
  events           3 of 7 events: names, addresses, cards and metadata are taken out
  e-mails          2: deleted
  password resets  0: deleted
  archive          taken out, if there is one
Amounts, ids, times and outcomes stay. What is erased does not come back.`
	if diff := cmp.Diff(want, found.describe(c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	found.leftBehind = []string{"sub-a-1"}
	c.Spec.Override, c.Spec.Account, c.ResourceVersion = &v1alpha1.Override{}, "acct_Kite", ""
	for _, says := range []string{"(namespace billing, account acct_Kite)", "take names out of it by hand", "The Customer is gone, and is made again.", "Subscription is still there (sub-a-1)"} {
		if got := found.describe(c); !strings.Contains(got, says) {
			t.Errorf("%q is missing in:\n%s", says, got)
		}
	}
}
